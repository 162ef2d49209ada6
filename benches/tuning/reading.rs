//! What a larger cache does for reading.

use std::path::Path;
use std::time::Instant;

use batpak::prelude::*;
use batpak_benches::{ENTITIES, Workload, close, directory, key, make_keyed, open, scattered};

use crate::DISK;
use crate::comparison::{Choice, compare};
use crate::plan::Plan;

const MEBIBYTE: u64 = 1024 * 1024;
const CACHES: [(&str, u64); 3] = [
    ("cache_bytes 16 MiB (default)", 16 * MEBIBYTE),
    ("cache_bytes 1 MiB", MEBIBYTE),
    ("cache_bytes 64 MiB", 64 * MEBIBYTE),
];

pub(crate) fn compare_all(plan: &Plan) {
    let workload = Workload::new();
    let directory = directory(DISK);
    let segment_max_bytes = StoreConfig::new("any").segment_max_bytes;
    make_keyed(directory.path(), segment_max_bytes, plan.stored);
    let (path, stored) = (directory.path(), plan.stored);
    compare(
        &format!("Reading single events at random, {stored} events"),
        ["read_raw us"],
        plan.rounds,
        &CACHES.map(|(name, bytes)| Choice::new(name, move || [read_raw_us(path, bytes, stored)])),
    );
    let workload = &workload;
    compare(
        &format!("Streams of entities, {} events each", stored / ENTITIES),
        ["us per event"],
        plan.rounds,
        &CACHES.map(|(name, bytes)| Choice::new(name, move || [stream_us(workload, path, bytes)])),
    );
}

/// Returns the microseconds a read takes, once the cache has filled.
fn read_raw_us(path: &Path, cache_bytes: u64, stored: u64) -> f64 {
    let store = open(StoreConfig::new(path).with_cache_bytes(cache_bytes));
    let reads = usize::try_from(stored).expect("they fit into memory") / 3;
    let mut numbers = scattered(stored);
    let mut read = |times| {
        for number in numbers.by_ref().take(times) {
            store.read_raw(key(number)).expect("it is there");
        }
    };
    read(reads);
    let begun = Instant::now();
    read(reads);
    let elapsed = begun.elapsed();
    close(store);
    elapsed.as_secs_f64() * 1e6 / reads as f64
}

/// Returns the microseconds an event takes in a stream, once the cache has filled.
fn stream_us(workload: &Workload, path: &Path, cache_bytes: u64) -> f64 {
    let store = open(StoreConfig::new(path).with_cache_bytes(cache_bytes));
    let read_all = || -> usize {
        let streams =
            (0..ENTITIES).map(|number| store.stream(workload.coordinate(number).entity()));
        streams.map(|stream| stream.len()).sum()
    };
    read_all();
    let begun = Instant::now();
    let events = read_all();
    let elapsed = begun.elapsed();
    close(store);
    elapsed.as_secs_f64() * 1e6 / events as f64
}
