//! Somebody who follows the log and keeps its place through every crash, and folds of entities that
//! are kept as long.

use super::World;
use crate::model::{KIND, Recovered, number_in};
use batpak::event::{EventKind, EventSourced, ProjectionEvent, RawMsgpackInput};
use batpak::prelude::Region;
use batpak::store::{
    CacheCapabilities, CacheMeta, CursorPosition, Freshness, Open, ProjectionCache, Store,
    StoreError,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Who follows: it keeps in one step what it has handled and where it stands.
#[derive(Debug, Default)]
pub(super) struct Follower {
    position: CursorPosition,
    /// Sequence and number of each event that it was given.
    handled: BTreeMap<u64, u64>,
}

impl World {
    /// Goes on from the saved place and takes up to `max` events: those that come next in the log,
    /// and none of those before it.
    pub(super) fn follow(&mut self, max: usize) -> Result<(), String> {
        let Some(log) = self.log()? else {
            return Ok(());
        };
        let Some(store) = &self.store else {
            return Ok(());
        };
        let follower = &mut self.follower;
        let stood = follower.position.sequence();
        let is_behind_end = stood.is_some_and(|stood| stood >= store.stats().global_sequence);
        let resumed = store.cursor_at(&Region::all(), &follower.position);
        let mut cursor = match resumed {
            Ok(_) if is_behind_end => {
                return Err(format!("{:?} lies behind the end", follower.position));
            }
            Ok(cursor) => cursor,
            Err(StoreError::Rollback { .. }) if is_behind_end => {
                follower.go_back(&log, store);
                let again = store.cursor_at(&Region::all(), &follower.position);
                again.map_err(|error| format!("an event that is there: {error}"))?
            }
            Err(error) => return self.reading_failed(&error),
        };
        let polled = match cursor.try_poll_batch(max) {
            Ok(polled) => polled,
            Err(error) => return self.reading_failed(&error),
        };
        let follower = &mut self.follower;
        let next = follower.position.sequence().map_or(0, |stood| stood + 1);
        let missed = log.shown().find(|(number, entry)| {
            let sequence = entry.global_sequence;
            sequence < next && follower.handled.get(&sequence) != Some(number)
        });
        if let Some(missed) = missed {
            return Err(format!("{missed:?} was never handed out"));
        }
        let due = log
            .shown()
            .filter(|(_, entry)| entry.global_sequence >= next);
        let due: Vec<_> = due.take(max).collect();
        if !polled.iter().eq(due.iter().map(|(_, entry)| entry)) {
            return Err(format!("{polled:?} was handed out, {due:?} was due"));
        }
        for (number, entry) in due {
            follower.handled.insert(entry.global_sequence, *number);
            self.tally.handed_out += 1;
        }
        let saved = cursor.position().to_string();
        follower.position = saved.parse().map_err(|error| format!("{saved}: {error}"))?;
        Ok(())
    }

    /// Folds an entity and compares with what its stream shows.
    pub(super) fn project(&mut self, entity: u8) -> Result<(), String> {
        let Some(store) = &self.store else {
            return Ok(());
        };
        match check_projection(store, entity) {
            Ok(checked) => {
                self.tally.projections += 1;
                checked
            }
            Err(error) => self.reading_failed(&error),
        }
    }

    fn reading_failed(&self, error: &StoreError) -> Result<(), String> {
        let disk_fails = self.inner().model.strictness.disk_fails;
        match disk_fails || self.has_died() {
            true => Ok(()),
            false => Err(format!("following: {error}")),
        }
    }
}

impl Follower {
    /// Takes back what is not there any more: it was lost, and the place with it.
    fn go_back(&mut self, log: &Recovered, store: &Store<Open>) {
        let still_there = |sequence: &u64| {
            let mut events = log.events.iter();
            events.any(|(_, entry)| entry.global_sequence == *sequence)
        };
        self.handled.retain(|sequence, _| still_there(sequence));
        let mut there = log.events.iter().rev();
        let last = there.find(|(_, entry)| self.handled.contains_key(&entry.global_sequence));
        self.position = last.map_or(CursorPosition::start(), |(_, entry)| {
            store.position_behind(entry)
        });
    }
}

/// Folds an entity, from whatever state is kept, and compares with what its stream shows.
pub(super) fn check_projection(
    store: &Store<Open>,
    entity: u8,
) -> Result<Result<(), String>, StoreError> {
    let name = format!("entity:{entity}");
    let mut due = Vec::new();
    for entry in store.try_stream(&name)? {
        if entry.kind == KIND {
            let payload = store.get_raw(entry.event_id)?.event.payload;
            due.extend(number_in(&payload));
        }
    }
    let folded = store.project::<Numbers>(&name, &Freshness::Consistent)?;
    let folded = folded.map(|state| state.numbers).unwrap_or_default();
    Ok(match folded == due {
        true => Ok(()),
        false => Err(format!("{name} was folded from {folded:?}, it has {due:?}")),
    })
}

/// The numbers of an entity's events, in order.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Numbers {
    numbers: Vec<u64>,
}

impl EventSourced for Numbers {
    type Input = RawMsgpackInput;

    fn from_events(events: &[ProjectionEvent<Self>]) -> Option<Self> {
        let mut state = Self::default();
        events.iter().for_each(|event| state.apply_event(event));
        (!events.is_empty()).then_some(state)
    }

    fn apply_event(&mut self, event: &ProjectionEvent<Self>) {
        self.numbers.extend(number_in(&event.payload));
    }

    fn relevant_event_kinds() -> &'static [EventKind] {
        &[KIND]
    }

    fn supports_incremental_apply() -> bool {
        true
    }
}

/// Values by their keys, as a cache keeps them.
type KeptValues = BTreeMap<Vec<u8>, (Vec<u8>, CacheMeta)>;

/// A cache that outlives every crash, as one on another disk does. Clones share what is kept.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kept(Arc<Mutex<KeptValues>>);

impl Kept {
    /// Returns a cache of its own with the same in it.
    pub(crate) fn copied(&self) -> Self {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Self(Arc::new(Mutex::new(kept.clone())))
    }

    pub(crate) fn is_empty(&self) -> bool {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.is_empty()
    }
}

impl ProjectionCache for Kept {
    fn capabilities(&self) -> CacheCapabilities {
        CacheCapabilities::none()
    }

    fn get(&self, key: &[u8]) -> Result<Option<(Vec<u8>, CacheMeta)>, StoreError> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(kept.get(key).cloned())
    }

    fn put(&self, key: &[u8], value: &[u8], meta: CacheMeta) -> Result<(), StoreError> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(key.to_vec(), (value.to_vec(), meta));
        Ok(())
    }

    fn delete_prefix(&self, prefix: &[u8]) -> Result<u64, StoreError> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = kept.len();
        kept.retain(|key, _| !key.starts_with(prefix));
        Ok((before - kept.len()) as u64)
    }

    fn sync(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
