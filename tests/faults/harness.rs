//! What the tests of faults share: points by name, injectors, writes with keys.

use batpak::event::EventKind;
use batpak::prelude::*;
use batpak::store::{FaultInjector, InjectionPoint};
use std::path::Path;
use std::sync::{Arc, Mutex};

pub(crate) const KIND: EventKind = EventKind::custom(0xF, 1);
/// How many items a batch of a test has.
pub(crate) const ITEMS: usize = 3;

/// Every point, by the name of its variant.
pub(crate) const POINTS: [&str; 10] = [
    "BatchStart",
    "BatchBeginWritten",
    "BatchItemWritten",
    "BatchItemsComplete",
    "BatchCommitWritten",
    "BatchFsync",
    "BatchPrePublish",
    "SingleAppendStart",
    "SingleAppendWritten",
    "SegmentRotation",
];

pub(crate) fn name(point: InjectionPoint) -> &'static str {
    match point {
        InjectionPoint::BatchStart { .. } => "BatchStart",
        InjectionPoint::BatchBeginWritten { .. } => "BatchBeginWritten",
        InjectionPoint::BatchItemWritten { .. } => "BatchItemWritten",
        InjectionPoint::BatchItemsComplete { .. } => "BatchItemsComplete",
        InjectionPoint::BatchCommitWritten { .. } => "BatchCommitWritten",
        InjectionPoint::BatchFsync { .. } => "BatchFsync",
        InjectionPoint::BatchPrePublish { .. } => "BatchPrePublish",
        InjectionPoint::SingleAppendStart { .. } => "SingleAppendStart",
        InjectionPoint::SingleAppendWritten { .. } => "SingleAppendWritten",
        InjectionPoint::SegmentRotation { .. } => "SegmentRotation",
    }
}

/// An injector that is a function.
pub(crate) struct By<F>(pub(crate) F);

impl<F> FaultInjector for By<F>
where
    F: Fn(InjectionPoint) -> Option<StoreError> + Send + Sync,
{
    fn check(&self, point: InjectionPoint) -> Option<StoreError> {
        (self.0)(point)
    }
}

/// Remembers every point that is passed.
#[derive(Clone, Default)]
pub(crate) struct Recorded(Arc<Mutex<Vec<InjectionPoint>>>);

impl Recorded {
    pub(crate) fn take(&self) -> Vec<InjectionPoint> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl FaultInjector for Recorded {
    fn check(&self, point: InjectionPoint) -> Option<StoreError> {
        self.0.lock().unwrap().push(point);
        None
    }
}

pub(crate) fn open(directory: &Path) -> Store {
    Store::open(StoreConfig::new(directory)).unwrap()
}

pub(crate) fn open_with(directory: &Path, injector: impl FaultInjector + 'static) -> Store {
    let config = StoreConfig::new(directory);
    Store::open(config.with_fault_injector(Some(Arc::new(injector)))).unwrap()
}

pub(crate) fn at(entity: &str) -> Coordinate {
    Coordinate::new(entity, "scope").unwrap()
}

pub(crate) fn key(key: u128) -> AppendOptions {
    AppendOptions::new().with_idempotency(key)
}

pub(crate) fn item(entity: &str, number: u128) -> BatchAppendItem {
    let number_of_payload = u64::try_from(number).unwrap();
    let options = key(number);
    BatchAppendItem::new(
        at(entity),
        KIND,
        &number_of_payload,
        options,
        CausationRef::None,
    )
    .unwrap()
}

/// A write with keys, so that it can be tried again.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Write {
    Single,
    Batch,
}

impl Write {
    pub(crate) fn events(self) -> usize {
        match self {
            Self::Single => 1,
            Self::Batch => ITEMS,
        }
    }

    /// Carries it out; returns whether it was a replay.
    pub(crate) fn run(self, store: &Store) -> Result<bool, StoreError> {
        let receipts = match self {
            Self::Single => {
                vec![store.append_with_options(&at("a"), KIND, &900_u64, key(900))?]
            }
            Self::Batch => {
                store.append_batch((901..904).map(|number| item("a", number)).collect())?
            }
        };
        assert_eq!(receipts.len(), self.events());
        Ok(receipts.iter().all(|receipt| receipt.replay.is_some()))
    }
}

/// Demands that exactly so many events are there, and that every hash and chain holds.
pub(crate) fn assert_sound(store: &Store, events: usize) {
    let found = store.verify().unwrap();
    assert_eq!((found.first_bad, found.events), (None, events as u64));
    let entries = store.query(&Region::all());
    assert_eq!(entries.len(), events);
    let clocks: Vec<_> = store.stream("a").iter().map(|entry| entry.clock).collect();
    assert!(
        clocks
            .iter()
            .copied()
            .eq(0..u32::try_from(clocks.len()).unwrap())
    );
}

/// Copies a store's files as a kill of its process would leave them.
pub(crate) fn after_a_kill(directory: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            std::fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    copy
}
