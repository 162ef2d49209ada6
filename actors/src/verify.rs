//! Recomputes every hash and every chain of a store.

use crate::error::StoreError;
use crate::reader::Reader;
use crate::view::IndexEntry;
use batpak_log::event::StoredEvent;
use batpak_log::event::hash::{CanonicalHeader, event_hash};
use batpak_log::position::Hlc;
use std::collections::HashMap;
use std::io::ErrorKind;
use std::sync::Arc;

/// The first event that does not hold up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadEvent {
    /// Its id.
    pub event_id: u128,
    /// Its entity.
    pub entity: String,
    /// Its global sequence.
    pub sequence: u64,
    /// What is wrong with it.
    pub detail: String,
}

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verification {
    /// How many events were found good.
    pub events: u64,
    /// How many entities they belong to.
    pub entities: u64,
    /// The first event that is not good; nothing behind it was looked at.
    pub first_bad: Option<BadEvent>,
}

/// Reads every visible event in commit order, recomputes its hash, and checks that it follows its
/// entity's previous one. `progress` is told after each event how many were checked.
///
/// # Errors
/// When an event cannot be read for another reason than damage.
pub fn verify(reader: &Reader, progress: &mut dyn FnMut(u64)) -> Result<Verification, StoreError> {
    let mut chains: HashMap<Arc<str>, (u32, [u8; 32])> = HashMap::new();
    let mut found = Verification::default();
    let mut entries = reader.view().entries_from(0);
    while let Some(entry) = entries.next_entry() {
        let before = chains.get(entry.coord.entity()).copied();
        let read = match reader.read(entry) {
            // Its segment was merged since the walk began.
            Err(StoreError::Io(error)) if error.kind() == ErrorKind::NotFound => {
                reader.get(entry.event_id)
            }
            read => read,
        };
        let detail = match read {
            Ok(event) => fault(entry, &event, before),
            Err(error @ (StoreError::CrcMismatch { .. } | StoreError::CorruptSegment { .. })) => {
                Some(error.to_string())
            }
            Err(error) => return Err(error),
        };
        if let Some(detail) = detail {
            found.first_bad = Some(BadEvent {
                event_id: entry.event_id,
                entity: entry.coord.entity().to_owned(),
                sequence: entry.global_sequence,
                detail,
            });
            break;
        }
        chains.insert(
            entry.coord.entity_arc(),
            (entry.clock, entry.hash_chain.event_hash),
        );
        found.events += 1;
        progress(found.events);
    }
    found.entities = chains.len() as u64;
    Ok(found)
}

/// Returns what is wrong with an event that follows `before`, the clock and hash of its entity's
/// previous one.
fn fault(
    entry: &IndexEntry,
    stored: &StoredEvent<Vec<u8>>,
    before: Option<(u32, [u8; 32])>,
) -> Option<String> {
    let header = &stored.event.header;
    let expected_clock = before.map_or(0, |(clock, _)| clock.saturating_add(1));
    if header.position.sequence != expected_clock {
        let clock = header.position.sequence;
        return Some(format!(
            "its clock is {clock}, its entity's history expects {expected_clock}"
        ));
    }
    let wall_us = u64::try_from(header.timestamp_us).unwrap_or(0);
    let canonical = CanonicalHeader {
        event_id: header.event_id,
        correlation_id: header.correlation_id,
        causation_id: header.causation_id,
        entity: stored.coordinate.entity(),
        scope: stored.coordinate.scope(),
        kind: header.event_kind,
        flags: header.flags,
        hlc: Hlc {
            wall_us,
            counter: header.position.counter,
        },
        clock: header.position.sequence,
        depth: header.position.depth,
        lane: header.position.lane,
    };
    let prev_hash = before.map_or([0; 32], |(_, hash)| hash);
    let computed = event_hash(&canonical, &header.content_hash, &prev_hash);
    (computed != entry.hash_chain.event_hash)
        .then(|| "its content does not give its hash: it, or what came before, was changed".into())
}
