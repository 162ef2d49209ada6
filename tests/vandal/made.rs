//! Makes the directories that are vandalised: everything that the format has is in them.

use batpak::prelude::*;
use batpak::testkit::{Loss, Machine, SimFs};
use fastrand::Rng;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The names of a directory's files, with their bytes.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

pub(crate) const KIND: EventKind = EventKind::custom(0xF, 1);
const ENTITIES: u64 = 5;

/// What one store left behind at several times.
#[derive(Debug)]
pub(crate) struct Made {
    /// Closed in good order: merged segments with stubs, others behind them, fences that were
    /// committed and cancelled, index runs, a checkpoint.
    pub(crate) closed: Files,
    /// The same some time before.
    pub(crate) older: Files,
    /// Goes on from the closed one, and was killed.
    pub(crate) killed: Files,
}

/// Segments that hold a few events.
pub(crate) fn config(directory: impl Into<PathBuf>) -> StoreConfig {
    StoreConfig::new(directory)
        .with_segment_max_bytes(1500)
        .with_sync_every_n_events(1)
        .with_fd_budget(4)
        .with_broadcast_capacity(64)
        .with_writer_channel_capacity(64)
}

pub(crate) fn key(number: u64) -> u128 {
    u128::from(number) << 64 | 7
}

pub(crate) fn coordinate(number: u64) -> Coordinate {
    let scope = format!("scope:{}", number % 2);
    Coordinate::new(format!("entity:{}", number % ENTITIES), scope).unwrap()
}

/// Returns the names of all entities.
pub(crate) fn entities() -> impl Iterator<Item = String> {
    (0..ENTITIES).map(|number| format!("entity:{number}"))
}

fn payload(number: u64) -> Value {
    json!({"number": number, "text": "x".repeat(number as usize * 13 % 70)})
}

/// Returns what the event of a number asks for; the numbers that 4 divides have a cause.
pub(crate) fn options(number: u64) -> AppendOptions {
    let options = AppendOptions::new().with_idempotency(key(number));
    match number % 4 {
        0 if number > 0 => options
            .with_causation(key(number - 1))
            .with_correlation(key(number / 2)),
        _ => options.with_flags((number % 3) as u8),
    }
}

/// Appends the event of a number, or finds that it is there.
pub(crate) fn append(store: &Store, number: u64) -> Result<AppendReceipt, StoreError> {
    let options = options(number);
    store.append_with_options(&coordinate(number), KIND, &payload(number), options)
}

fn append_all(store: &Store, numbers: std::ops::Range<u64>) {
    for number in numbers {
        append(store, number).unwrap();
    }
}

fn fenced(store: &Store, numbers: std::ops::Range<u64>, is_committed: bool) {
    let fence = store.begin_visibility_fence().unwrap();
    for number in numbers {
        let (coord, payload, options) = (coordinate(number), payload(number), options(number));
        drop(fence.submit_with_options(&coord, KIND, &payload, options));
    }
    match is_committed {
        true => fence.commit().unwrap(),
        false => fence.cancel().unwrap(),
    }
}

fn batch(store: &Store, numbers: std::ops::Range<u64>) {
    let item = |number| {
        let cause = CausationRef::None;
        BatchAppendItem::new(
            coordinate(number),
            KIND,
            &payload(number),
            options(number),
            cause,
        )
        .unwrap()
    };
    store.append_batch(numbers.map(item).collect()).unwrap();
}

/// The numbers whose events a compaction removed or a cancelled fence hides.
pub(crate) fn is_gone(number: u64) -> bool {
    (number < 20 && number.is_multiple_of(3)) || (30..33).contains(&number)
}

/// The numbers that were given out; those of the killed store go on.
pub(crate) const NUMBERS: u64 = 52;
pub(crate) const KILLED_NUMBERS: u64 = 58;

fn compact(store: &Store) {
    let is_kept = |event: &StoredEvent<Value>| {
        let number = event.event.payload["number"].as_u64().unwrap();
        !is_gone(number)
    };
    let config = |strategy| CompactionConfig {
        strategy,
        min_segments: 2,
    };
    let strategy = CompactionStrategy::Tombstone(Box::new(is_kept));
    store.compact(&config(strategy)).unwrap();
}

/// Makes a store on a simulated machine, so that it is the same for the same seed.
pub(crate) fn made(seed: u64) -> Made {
    let machine = Machine::new(seed);
    let open = || machine.open(config("made")).unwrap();
    let store = open();
    append_all(&store, 0..12);
    batch(&store, 12..16);
    append_all(&store, 16..26);
    fenced(&store, 26..30, true);
    store.close().unwrap();
    let store = open();
    compact(&store);
    fenced(&store, 30..33, false);
    append_all(&store, 33..42);
    store.close().unwrap();
    let older = files(machine.disk());
    let store = open();
    append_all(&store, 42..48);
    batch(&store, 48..NUMBERS);
    store.close().unwrap();
    let closed = files(machine.disk());
    let store = open();
    append_all(&store, NUMBERS..KILLED_NUMBERS);
    let mut random = Rng::with_seed(seed);
    let killed = files(&machine.disk().crash(Loss::Kill, &mut random));
    store.close().unwrap();
    Made {
        closed,
        older,
        killed,
    }
}

/// Returns the files of a simulated disk.
pub(crate) fn files(disk: &SimFs) -> Files {
    let bytes = |name: String| {
        let bytes = disk.bytes(&name).unwrap();
        (name, bytes)
    };
    let names = disk.files().into_iter();
    names
        .filter(|name| name != "store.lock")
        .map(bytes)
        .collect()
}

/// Returns a simulated disk with these files.
pub(crate) fn disk(files: &Files) -> SimFs {
    let disk = SimFs::new();
    for (name, bytes) in files {
        disk.set_bytes(name, bytes.clone());
    }
    disk
}
