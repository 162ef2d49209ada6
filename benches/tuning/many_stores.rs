//! What a store costs a process that has many of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use batpak::prelude::*;
use batpak::store::{Placement, Waiting};
use batpak_benches::{Workload, close, directory, open};

use crate::DISK;
use crate::comparison::{Choice, compare};
use crate::plan::Plan;
use crate::process::{
    allow_many_files, cpu_time, in_child, number, open_files, status, tell, word,
};

/// How many events each store has; the child appends one more.
const EVENTS: u64 = 10;

type Configure = fn(StoreConfig) -> StoreConfig;

const CHOICES: [(&str, Configure); 6] = [
    ("defaults (2 threads a store)", |config| config),
    ("waiting = Park", |config| {
        config.with_waiting(Waiting::Park)
    }),
    ("channel_capacity 64", small_queue),
    ("cache_bytes 1 MiB", small_cache),
    ("channel_capacity 64, cache_bytes 1 MiB", |config| {
        small_cache(small_queue(config))
    }),
    ("placement = ThreadEach (5 threads a store)", |config| {
        config.with_placement(Placement::ThreadEach)
    }),
];

fn small_queue(config: StoreConfig) -> StoreConfig {
    config.with_writer_channel_capacity(64)
}

fn small_cache(config: StoreConfig) -> StoreConfig {
    config.with_cache_bytes(1024 * 1024)
}

pub(crate) fn compare_all(plan: &Plan) {
    let directory = directory(DISK);
    let workload = Workload::new();
    for number in 0..plan.stores {
        let store = open(StoreConfig::new(folder(directory.path(), number)));
        (0..EVENTS).for_each(|number| workload.append(&store, number));
        close(store);
    }
    let stores = word(plan.stores);
    let times = [plan.settle, plan.idle].map(|time| word(time.as_millis()));
    let choices = CHOICES.map(|(name, _)| {
        let (from, stores, [settle_ms, idle_ms]) = (directory.path(), &stores, &times);
        Choice::new(name, move || {
            let copies = copies(from, plan.stores);
            let path = copies.path().to_str().expect("the path is text");
            in_child(&["many-stores", path, name, stores, settle_ms, idle_ms])
        })
    });
    let figures = [
        "open ms",
        "threads",
        "files",
        "KiB",
        &format!("CPU us in {} s idle", plan.idle.as_secs_f64()),
        "close ms",
    ];
    let title = format!("{stores} stores in one process; each figure is for one store");
    compare(&title, figures, plan.rounds, &choices);
}

fn folder(directory: &Path, number: u64) -> PathBuf {
    directory.join(number.to_string())
}

/// Copies all stores, because measuring changes them.
fn copies(from: &Path, stores: u64) -> tempfile::TempDir {
    let copies = directory(DISK);
    for number in 0..stores {
        let (from, to) = (folder(from, number), folder(copies.path(), number));
        fs::create_dir(&to).expect("the target folder can be written");
        for file in fs::read_dir(from).expect("the store is there") {
            let file = file.expect("the store is there");
            fs::copy(file.path(), to.join(file.file_name())).expect("the disk takes it");
        }
    }
    rustix::fs::sync();
    copies
}

/// Opens all stores, appends to each, lets them be idle, and closes them.
pub(crate) fn measure_here(words: &[&str]) {
    let [path, name, stores, settle_ms, idle_ms] = words else {
        panic!("these words mean nothing: {words:?}");
    };
    let configure = CHOICES.iter().find(|(choice, _)| choice == name);
    let (_, configure) = configure.expect("the choice is there");
    let stores = number(stores);
    let [settle, idle] = [settle_ms, idle_ms].map(|ms| Duration::from_millis(number(ms)));
    allow_many_files();
    let workload = Workload::new();
    let before = seen();
    let config = |number| configure(StoreConfig::new(folder(Path::new(path), number)));

    let begun = Instant::now();
    let opened: Vec<Store> = (0..stores).map(|number| open(config(number))).collect();
    let opening = begun.elapsed();
    opened
        .iter()
        .for_each(|store| workload.append(store, EVENTS));
    thread::sleep(settle);
    let after = seen();
    let cpu_before = cpu_time();
    thread::sleep(idle);
    let idling = cpu_time() - cpu_before;
    let begun = Instant::now();
    opened.into_iter().for_each(close);
    let closing = begun.elapsed();

    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let mut all = vec![ms(opening)];
    all.extend(
        after
            .iter()
            .zip(before)
            .map(|(after, before)| after - before),
    );
    all.extend([ms(idling) * 1e3, ms(closing)]);
    let each: Vec<f64> = all.iter().map(|figure| figure / stores as f64).collect();
    tell(&each);
}

/// Returns how many threads and open files this process has, and its memory in KiB.
fn seen() -> [f64; 3] {
    [status("Threads"), open_files(), status("VmRSS")]
}
