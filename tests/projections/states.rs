//! Projections and a cache for the tests.

use crate::harness::*;
use batpak::prelude::*;
use batpak::store::{CacheCapabilities, CacheMeta, ProjectionCache};
use serde::{Deserialize, Serialize};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// A kind that sums leave out.
pub(crate) const NOTE: EventKind = EventKind::custom(0xF, 2);

thread_local! {
    /// How many events were handed to a fold on this thread.
    static FOLDED: Cell<usize> = const { Cell::new(0) };
}

/// Returns how many events were handed to folds of this thread since the last time.
pub(crate) fn folded() -> usize {
    FOLDED.take()
}

fn count(events: usize) {
    FOLDED.set(FOLDED.get() + events);
}

/// The numbers of the events of [`KIND`], from JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Numbers {
    pub(crate) numbers: Vec<u64>,
}

impl EventSourced for Numbers {
    type Input = ValueInput;

    fn from_events(events: &[ProjectionEvent<Self>]) -> Option<Self> {
        assert!(!events.is_empty(), "without events there is no fold");
        let mut state = Self::default();
        events.iter().for_each(|event| state.apply_event(event));
        Some(state)
    }

    fn apply_event(&mut self, event: &ProjectionEvent<Self>) {
        count(1);
        assert_eq!(event.event_kind(), KIND);
        self.numbers.push(event.payload.as_u64().unwrap());
    }

    fn relevant_event_kinds() -> &'static [EventKind] {
        &[KIND]
    }

    fn projection_name() -> &'static str {
        "numbers"
    }
}

/// As [`Numbers`], from MessagePack, and it can be carried on. A number of 1000 or more leaves no
/// state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Carried {
    pub(crate) numbers: Vec<u64>,
    /// How often it was carried on.
    pub(crate) applied: usize,
}

impl EventSourced for Carried {
    type Input = RawMsgpackInput;

    fn from_events(events: &[ProjectionEvent<Self>]) -> Option<Self> {
        count(events.len());
        let number = |event: &ProjectionEvent<Self>| rmp_serde::from_slice(&event.payload);
        let numbers: Vec<u64> = events.iter().map(|event| number(event).unwrap()).collect();
        let is_state = numbers.iter().all(|number| *number < 1000);
        is_state.then_some(Self {
            numbers,
            applied: 0,
        })
    }

    fn apply_event(&mut self, event: &ProjectionEvent<Self>) {
        count(1);
        self.applied += 1;
        self.numbers
            .push(rmp_serde::from_slice(&event.payload).unwrap());
    }

    fn relevant_event_kinds() -> &'static [EventKind] {
        &[KIND]
    }

    fn supports_incremental_apply() -> bool {
        true
    }
}

pub(crate) fn project<T, S>(store: &Store<S>, entity: &str) -> Option<T>
where
    T: EventSourced + Serialize + serde::de::DeserializeOwned + 'static,
{
    store.project(entity, &Freshness::Consistent).unwrap()
}

/// The numbers that a projection of an entity has.
pub(crate) fn projected<S>(store: &Store<S>, entity: &str) -> Vec<u64> {
    let state: Option<Numbers> = project(store, entity);
    state.map_or(Vec::new(), |state| state.numbers)
}

/// Closes a store that watchers may still follow.
pub(crate) fn close(store: Arc<Store>) {
    let store = Arc::into_inner(store).expect("watchers hold none");
    let _closed = store.close().unwrap();
}

/// What was asked of a cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Get,
    Put(u64),
    Prefetch(u64),
}

type Kept = BTreeMap<Vec<u8>, (Vec<u8>, CacheMeta)>;

/// A cache in memory that can be looked into, shared by its clones.
#[derive(Clone, Default)]
pub(crate) struct Looked {
    pub(crate) kept: Arc<Mutex<Kept>>,
    pub(crate) asked: Arc<Mutex<Vec<Asked>>>,
    pub(crate) prefetches: bool,
    pub(crate) fails: bool,
}

impl Looked {
    fn note(&self, asked: Asked) -> Result<(), StoreError> {
        self.asked.lock().unwrap().push(asked);
        match self.fails {
            true => Err(StoreError::CacheFailed("as told".into())),
            false => Ok(()),
        }
    }

    pub(crate) fn take_asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

impl ProjectionCache for Looked {
    fn capabilities(&self) -> CacheCapabilities {
        match self.prefetches {
            true => CacheCapabilities::prefetch_hints(),
            false => CacheCapabilities::none(),
        }
    }

    fn get(&self, key: &[u8]) -> Result<Option<(Vec<u8>, CacheMeta)>, StoreError> {
        self.note(Asked::Get)?;
        Ok(self.kept.lock().unwrap().get(key).cloned())
    }

    fn put(&self, key: &[u8], value: &[u8], meta: CacheMeta) -> Result<(), StoreError> {
        self.note(Asked::Put(meta.watermark))?;
        let value = (value.to_vec(), meta);
        self.kept.lock().unwrap().insert(key.to_vec(), value);
        Ok(())
    }

    fn delete_prefix(&self, _: &[u8]) -> Result<u64, StoreError> {
        unreachable!("the store deletes nothing")
    }

    fn sync(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn prefetch(&self, _: &[u8], predicted: CacheMeta) -> Result<(), StoreError> {
        self.note(Asked::Prefetch(predicted.watermark))
    }
}
