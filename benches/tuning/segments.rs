//! What the size of segments changes.

use std::fs;
use std::time::Instant;

use batpak::prelude::*;
use batpak_benches::{Workload, close, directory, open};

use crate::DISK;
use crate::comparison::{Choice, compare};
use crate::plan::Plan;

const MEBIBYTE: u64 = 1024 * 1024;

pub(crate) fn compare_all(plan: &Plan) {
    let workload = Workload::new();
    let choice = |name, bytes| {
        let workload = &workload;
        Choice::new(name, move || measure(workload, plan.stored, bytes))
    };
    compare(
        "Size of segments",
        ["events/s", "close ms", "open ms", "files"],
        plan.rounds,
        &[
            choice("256 MiB (default)", 256 * MEBIBYTE),
            choice("16 MiB", 16 * MEBIBYTE),
            choice("1 MiB", MEBIBYTE),
        ],
    );
}

/// Returns how many events a second are appended in batches, the milliseconds it takes to close the
/// store and to open it again, and how many files it has.
fn measure(workload: &Workload, events: u64, segment_max_bytes: u64) -> [f64; 4] {
    let directory = directory(DISK);
    let config = StoreConfig::new(directory.path()).with_segment_max_bytes(segment_max_bytes);
    let store = open(config.clone());
    let begun = Instant::now();
    workload.fill(&store, events);
    let rate = events as f64 / begun.elapsed().as_secs_f64();
    let begun = Instant::now();
    close(store);
    let closing = begun.elapsed().as_secs_f64() * 1e3;
    let begun = Instant::now();
    let store = open(config);
    let opening = begun.elapsed().as_secs_f64() * 1e3;
    close(store);
    let files = fs::read_dir(directory.path()).expect("the store is there");
    [rate, closing, opening, files.count() as f64]
}
