//! Stores over file systems that a test has made: on threads, copies of them, and repaired ones.

use crate::id::IdSource;
use crate::store::open::Ground;
use crate::store::repair::repair_into;
use crate::store::{NoCache, Open, RepairReport, Store, StoreConfig, StoreError};
use batpak_actors::indexer::CHECKPOINT_EVERY_EVENTS;
use batpak_actors::indexing::IndexPolicy;
use batpak_actors::runtime::SystemClock;
use batpak_log::fs::Fs;
use std::sync::Arc;

/// Takes a [`snapshot`](Store::snapshot) into any file system, in which nothing may be yet.
///
/// # Errors
/// As [`Store::snapshot`].
pub fn snapshot_to(store: &Store<Open>, to: Arc<dyn Fs>) -> Result<(), StoreError> {
    store.snapshot_to(to)
}

/// [Repairs](crate::store::repair) what is in any file system into another one, in which nothing
/// may be yet.
///
/// # Errors
/// As [`repair`](crate::store::repair).
pub fn repair_to(from: &Arc<dyn Fs>, to: Arc<dyn Fs>) -> Result<RepairReport, StoreError> {
    repair_into(from, to, &StoreConfig::new("repaired"), &mut |_| {})
}

/// Opens a store on threads over any file system: a disk that stalls, say.
///
/// # Errors
/// As [`Store::open`].
pub fn open_on_threads(config: StoreConfig, fs: Arc<dyn Fs>) -> Result<Store<Open>, StoreError> {
    config.validate()?;
    let ground = Ground {
        fs,
        clock: Arc::new(SystemClock),
        ids: IdSource::random(),
        system: None,
        checkpoint_every_events: CHECKPOINT_EVERY_EVENTS,
        index: IndexPolicy::default(),
        cache: Box::new(NoCache),
    };
    Store::start(config, ground)
}
