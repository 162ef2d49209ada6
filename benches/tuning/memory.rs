//! How much memory reading takes.

use std::time::Instant;

use batpak::prelude::*;
use batpak_benches::{close, directory, key, make_keyed, open, scattered};

use crate::DISK;
use crate::comparison::{Choice, compare};
use crate::plan::Plan;
use crate::process::{in_child, number, open_files, status, tell, word};

const MEBIBYTE: u64 = 1024 * 1024;
/// Small enough for a store of many files.
const SEGMENT_BYTES: u64 = 4 * MEBIBYTE;
/// The bytes of the cache and the number of files.
const CHOICES: [(&str, u64, u64); 5] = [
    (
        "cache_bytes 16 MiB, fd_budget 64 (defaults)",
        16 * MEBIBYTE,
        64,
    ),
    ("cache_bytes 1 MiB", MEBIBYTE, 64),
    ("cache_bytes 64 MiB", 64 * MEBIBYTE, 64),
    ("fd_budget 4", 16 * MEBIBYTE, 4),
    ("cache_bytes 1 MiB, fd_budget 4", MEBIBYTE, 4),
];

pub(crate) fn compare_all(plan: &Plan) {
    let directory = directory(DISK);
    make_keyed(directory.path(), SEGMENT_BYTES, plan.stored);
    let path = directory.path().to_str().expect("the path is text");
    let stored = word(plan.stored);
    let choices = CHOICES.map(|(name, cache_bytes, fd_budget)| {
        let words = (word(cache_bytes), word(fd_budget));
        let stored = &stored;
        Choice::new(name, move || {
            in_child(&["memory", path, &words.0, &words.1, stored])
        })
    });
    compare(
        &format!("Memory for reading {stored} events at random, segments of 4 MiB"),
        ["resident MiB", "anonymous MiB", "open files", "read_raw us"],
        plan.rounds,
        &choices,
    );
}

/// Reads at random, as often as there are events, and tells by how much this process has grown, and
/// the microseconds of a read.
pub(crate) fn measure_here(words: &[&str]) {
    let [path, cache_bytes, fd_budget, stored] = words else {
        panic!("these words mean nothing: {words:?}");
    };
    let before = [status("VmRSS"), status("RssAnon"), open_files()];
    let stored = number(stored);
    let fd_budget = usize::try_from(number(fd_budget)).expect("it is small");
    let config = StoreConfig::new(path)
        .with_cache_bytes(number(cache_bytes))
        .with_fd_budget(fd_budget);
    let store = open(config);
    let begun = Instant::now();
    let reads = usize::try_from(stored).expect("they fit into memory");
    for number in scattered(stored).take(reads) {
        store.read_raw(key(number)).expect("it is there");
    }
    let read_us = begun.elapsed().as_secs_f64() * 1e6 / reads as f64;
    let [resident, anonymous, files] = before;
    tell(&[
        (status("VmRSS") - resident) / 1024.0,
        (status("RssAnon") - anonymous) / 1024.0,
        open_files() - files,
        read_us,
    ]);
    close(store);
}
