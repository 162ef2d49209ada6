//! What a store tells, whole: two stores that hold the same tell the same.

use super::made::{append, entities, key};
use batpak::prelude::*;

/// One event, with everything that is not about its place on the disk.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SeenEvent {
    pub(crate) sequence: u64,
    pub(crate) id: u128,
    coord: Coordinate,
    chain: HashChain,
    clock: u32,
    event: Event<Vec<u8>>,
}

impl SeenEvent {
    pub(crate) fn event(&self) -> &Event<Vec<u8>> {
        &self.event
    }
}

/// All events of a store in order.
pub(crate) type Seen = Vec<SeenEvent>;

/// Reads everything in every way that there is; the ways must agree.
///
/// The outer error says what is wrong with the store, the inner one is the store's own refusal.
pub(crate) fn read<S>(store: &Store<S>) -> Result<Result<Seen, StoreError>, String> {
    let mut seen = Vec::new();
    let mut failed = None;
    for entry in store.events(&Region::all(), 0) {
        if failed.is_some() {
            return Err("an iterator goes on behind its error".into());
        }
        match entry.and_then(|entry| one(store, entry)) {
            Ok(event) => seen.push(event),
            Err(error) => failed = Some(error),
        }
    }
    if let Some(error) = failed {
        return Ok(Err(error));
    }
    Ok(read_otherwise(store, &seen)?.map(|()| seen))
}

fn one<S>(store: &Store<S>, entry: IndexEntry) -> Result<SeenEvent, StoreError> {
    let stored = store.get_raw(entry.event_id)?;
    Ok(SeenEvent {
        sequence: entry.global_sequence,
        id: entry.event_id,
        coord: entry.coord,
        chain: entry.hash_chain,
        clock: entry.clock,
        event: stored.event,
    })
}

/// Streams, scopes, kinds and the hashes.
fn read_otherwise<S>(store: &Store<S>, seen: &Seen) -> Result<Result<(), StoreError>, String> {
    let ids = |found: Vec<IndexEntry>| -> Vec<u128> {
        found.into_iter().map(|entry| entry.event_id).collect()
    };
    let all: Vec<_> = seen.iter().map(|event| event.id).collect();
    match store.try_query(&Region::all()).map(ids) {
        Ok(found) if found != all => return Err("a query finds something else".into()),
        Ok(_) => {}
        Err(error) => return Ok(Err(error)),
    }
    for entity in entities() {
        let due = seen.iter().filter(|event| event.coord.entity() == entity);
        let due: Vec<_> = due.map(|event| event.id).collect();
        match store.try_stream(&entity).map(ids) {
            Ok(found) if found != due => return Err(format!("{entity} has another stream")),
            Ok(_) => {}
            Err(error) => return Ok(Err(error)),
        }
    }
    for scope in ["scope:0", "scope:1"] {
        let due = seen.iter().filter(|event| event.coord.scope() == scope);
        match store.try_by_scope(scope) {
            Ok(found) if found.len() != due.count() => {
                return Err(format!("{scope} has other events"));
            }
            Ok(_) => {}
            Err(error) => return Ok(Err(error)),
        }
    }
    match store.verify() {
        Ok(found) => match found.first_bad {
            None => Ok(Ok(())),
            Some(bad) => Err(format!("the hashes do not hold: {bad:?}")),
        },
        Err(error) => Ok(Err(error)),
    }
}

/// Asks for the keys of numbers again: those that are stored are replayed, and so are those whose
/// events compaction has removed.
pub(crate) fn ask_keys(
    store: &Store,
    seen: &Seen,
    numbers: impl Iterator<Item = u64>,
) -> Result<(), String> {
    for number in numbers {
        let is_seen = seen.iter().any(|event| event.id == key(number));
        if !is_seen {
            continue;
        }
        let receipt = append(store, number);
        let receipt = receipt.map_err(|error| format!("key {number} is refused: {error}"))?;
        if receipt.replay.is_none() {
            return Err(format!("key {number} is stored twice"));
        }
    }
    Ok(())
}
