//! What a store does when its disk hangs: callers are told, memory is bounded, and closing comes to
//! an end. Needs the feature `testkit`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod a_caller_is_told;
mod a_closing_comes_to_an_end;
mod disk;
#[cfg(target_os = "linux")]
mod memory_is_bounded;

use batpak::event::EventKind;
use batpak::prelude::*;
use batpak::testkit::open_on_threads;
use disk::Disk;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

const KIND: EventKind = EventKind::custom(0xF, 1);
/// Everything that waits in a test gives up after this: a hang is a failure, not a stuck run.
const HANG: Duration = Duration::from_secs(30);

fn at(entity: &str) -> Coordinate {
    Coordinate::new(entity, "scope").unwrap()
}

fn open(config: StoreConfig, disk: &Disk) -> Store {
    open_on_threads(config, Arc::new(disk.clone())).unwrap()
}

/// The numbers of entity `a`, from the log itself.
fn numbers(store: &Store) -> Vec<u64> {
    let read = |entry: &IndexEntry| store.get_as::<u64>(entry.event_id).unwrap();
    let entries = store.stream("a");
    entries
        .iter()
        .map(|entry| read(entry).event.payload)
        .collect()
}

/// Runs something that must come to an end, and fails if it does not.
fn within<T: Send + 'static>(
    limit: Duration,
    what: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    let (done, finished) = channel();
    let worker = std::thread::spawn(move || {
        let outcome = work();
        let _ = done.send(());
        outcome
    });
    if let Err(RecvTimeoutError::Timeout) = finished.recv_timeout(limit) {
        panic!("{what} did not end within {limit:?}");
    }
    worker.join().unwrap()
}
