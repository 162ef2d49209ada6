//! What the benchmarks of batpak have in common: events of one size, the ways to append them, and
//! stores on a real disk.

use std::collections::VecDeque;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use batpak::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The kind of every event.
pub const KIND: EventKind = EventKind::custom(0x1, 1);
/// How many entities the events go round.
pub const ENTITIES: u64 = 1000;
/// How many submitted appends wait for their answers at a time.
pub const WINDOW: usize = 256;
/// How many items a batch has.
pub const BATCH: u64 = 100;
/// How many threads append side by side.
pub const THREADS: u64 = 8;

/// Appends 165-byte payloads to [`ENTITIES`] entities, one after the other.
pub struct Workload {
    coordinates: Vec<Coordinate>,
    payload: Value,
}

impl Workload {
    /// Makes the names and the payload.
    #[expect(clippy::new_without_default, reason = "it is nobody's default")]
    pub fn new() -> Self {
        let name = |number| Coordinate::new(format!("entity:{number}"), "bench");
        Self {
            coordinates: (0..ENTITIES)
                .map(|n| name(n).expect("a valid name"))
                .collect(),
            // 165 bytes in MessagePack.
            payload: json!({"amount": 4200, "text": "x".repeat(149)}),
        }
    }

    /// Returns whose event the one with this number is.
    pub fn coordinate(&self, number: u64) -> &Coordinate {
        let at = usize::try_from(number % ENTITIES).expect("there are few entities");
        self.coordinates
            .get(at)
            .expect("there are that many entities")
    }

    /// Appends one event.
    pub fn append(&self, store: &Store, number: u64) {
        store
            .append(self.coordinate(number), KIND, &self.payload)
            .expect("the disk takes it");
    }

    /// Appends one event under its [`key`], or is told that the key is known.
    pub fn append_keyed(&self, store: &Store, number: u64) {
        store
            .append_with_options(self.coordinate(number), KIND, &self.payload, keyed(number))
            .expect("the disk takes it");
    }

    /// Appends so many events in batches, a multiple of [`BATCH`].
    pub fn fill(&self, store: &Store, events: u64) {
        self.fill_with(store, events, |_| AppendOptions::default());
    }

    /// As [`fill`](Self::fill), each event under its [`key`].
    pub fn fill_keyed(&self, store: &Store, events: u64) {
        self.fill_with(store, events, keyed);
    }

    fn fill_with(&self, store: &Store, events: u64, options: fn(u64) -> AppendOptions) {
        let item = |number| {
            let (coordinate, options) = (self.coordinate(number).clone(), options(number));
            BatchAppendItem::new(coordinate, KIND, &self.payload, options, CausationRef::None)
                .expect("the payload can be encoded")
        };
        for batch in 0..events / BATCH {
            let numbers = batch * BATCH..(batch + 1) * BATCH;
            store
                .append_batch(numbers.map(item).collect())
                .expect("the disk takes it");
        }
    }

    /// Appends so many events, [`WINDOW`] under way at a time.
    pub fn submit(&self, store: &Store, events: u64) {
        let mut under_way = VecDeque::with_capacity(WINDOW);
        let answered = |ticket: AppendTicket| ticket.wait().expect("the disk takes it");
        for number in 0..events {
            if under_way.len() == WINDOW
                && let Some(ticket) = under_way.pop_front()
            {
                answered(ticket);
            }
            let ticket = store.submit(self.coordinate(number), KIND, &self.payload);
            under_way.push_back(ticket.expect("the store is open"));
        }
        for ticket in under_way {
            answered(ticket);
        }
    }

    /// Appends so many events from [`THREADS`] threads, one at a time in each.
    pub fn append_by_threads(&self, store: &Store, events: u64) {
        thread::scope(|scope| {
            for thread in 0..THREADS {
                let share = events / THREADS + u64::from(thread < events % THREADS);
                scope.spawn(move || {
                    let first = thread * 100;
                    (0..share).for_each(|number| self.append(store, first + number));
                });
            }
        });
    }
}

/// Returns the idempotency key of an event, which is its id.
pub fn key(number: u64) -> u128 {
    u128::from(number + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835)
}

/// Returns numbers below `events` in an order of chance that is the same every time.
pub fn scattered(events: u64) -> impl Iterator<Item = u64> {
    (1..).map(move |number: u64| {
        // The steps of SplitMix64.
        let mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % events
    })
}

fn keyed(number: u64) -> AppendOptions {
    AppendOptions::new().with_idempotency(key(number))
}

/// Makes a folder for stores, which goes when it is dropped.
pub fn directory(below: &str) -> TempDir {
    std::fs::create_dir_all(below).expect("the target folder can be written");
    tempfile::tempdir_in(below).expect("the target folder can be written")
}

/// Opens a store.
pub fn open(config: StoreConfig) -> Store {
    Store::open(config).expect("the store opens")
}

/// Closes a store.
pub fn close(store: Store) {
    store.close().expect("the disk takes it");
}

/// Times `work` on a new store in a folder of its own; opening and closing are not in it.
pub fn on_new_store(
    below: &str,
    configure: impl Fn(StoreConfig) -> StoreConfig,
    work: impl FnOnce(&Store),
) -> Duration {
    let directory = directory(below);
    let store = open(configure(StoreConfig::new(directory.path())));
    let begun = Instant::now();
    work(&store);
    let elapsed = begun.elapsed();
    close(store);
    elapsed
}

/// Makes a store in a folder, in which each event has its [`key`], and closes it.
pub fn make_keyed(directory: &Path, segment_max_bytes: u64, events: u64) {
    let config = StoreConfig::new(directory).with_segment_max_bytes(segment_max_bytes);
    let store = open(config);
    Workload::new().fill_keyed(&store, events);
    close(store);
}
