//! What the index costs and saves: `cargo bench -p batpak-benches --bench index`.
//!
//! Two stores of 300,000 events with keys, which were closed, so that everything is in index runs:
//! one in a single segment, which has a few runs, and one in segments of 2 MiB, each of which has a
//! run of its own. Then each gets a tail of 10,000 events that stay in memory.

#![expect(missing_docs, reason = "criterion's macro makes a public function")]

use std::hint::black_box;

use batpak::prelude::*;
use batpak_benches::{ENTITIES, Workload, close, directory, key, make_keyed, open, scattered};
use criterion::measurement::WallTime;
use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
};
use tempfile::TempDir;

const DISK: &str = env!("CARGO_TARGET_TMPDIR");
/// How many events are found through the index, and how many in memory.
const INDEXED: u64 = 300_000;
const TAIL: u64 = 10_000;
const SMALL_SEGMENT_BYTES: u64 = 2 * 1024 * 1024;

/// A store with a name that says how its index is made.
struct Case {
    name: &'static str,
    directory: TempDir,
}

impl Case {
    fn both() -> [Self; 2] {
        let large = StoreConfig::new("any").segment_max_bytes;
        [("few runs", large), ("many runs", SMALL_SEGMENT_BYTES)].map(|(name, bytes)| {
            let directory = directory(DISK);
            make_keyed(directory.path(), bytes, INDEXED);
            Self { name, directory }
        })
    }

    /// Opens it with large segments: what a benchmark appends adds few runs.
    fn open(&self) -> Store {
        open(StoreConfig::new(self.directory.path()))
    }

    fn id(&self, function: &str) -> BenchmarkId {
        BenchmarkId::new(function, self.name)
    }
}

fn index(criterion: &mut Criterion) {
    let workload = Workload::new();
    let mut group = criterion.benchmark_group("index");
    for case in Case::both() {
        opening(&mut group, &case);
        let store = case.open();
        (INDEXED..INDEXED + TAIL).for_each(|number| workload.append_keyed(&store, number));
        let diagnostics = store.diagnostics();
        let (in_memory, parts) = (diagnostics.events_in_memory, diagnostics.tile_count);
        // Closing leaves up to 4096 events without an index.
        assert!(
            (TAIL..TAIL + 4096).contains(&in_memory),
            "{in_memory} events in memory"
        );
        println!("{}: {parts} parts, {in_memory} events in memory", case.name);
        reading(&mut group, &case, &store, &workload);
        appending(&mut group, &case, &store, &workload);
        close(store);
    }
    group.finish();
}

fn opening(group: &mut BenchmarkGroup<'_, WallTime>, case: &Case) {
    group.sample_size(10);
    group.throughput(Throughput::Elements(INDEXED));
    group.bench_function(case.id("open and close 300,000 events"), |bencher| {
        bencher.iter(|| close(case.open()));
    });
}

fn reading(
    group: &mut BenchmarkGroup<'_, WallTime>,
    case: &Case,
    store: &Store,
    workload: &Workload,
) {
    group.sample_size(20);
    group.throughput(Throughput::Elements(1));
    let kinds = [
        ("get_raw, indexed", 0, INDEXED),
        ("get_raw, in memory", INDEXED, TAIL),
    ];
    for (name, first, events) in kinds {
        group.bench_function(case.id(name), |bencher| {
            let mut numbers = scattered(events);
            bencher.iter(|| {
                let number = first + numbers.next().expect("they do not end");
                store.get_raw(key(number)).expect("it is there")
            });
        });
    }
    let each = (INDEXED + TAIL) / ENTITIES;
    group.throughput(Throughput::Elements(each));
    group.bench_function(case.id("stream, 310 events, 10 in memory"), |bencher| {
        let mut numbers = (0..ENTITIES).cycle();
        bencher.iter(|| {
            let number = numbers.next().expect("they go round");
            black_box(store.stream(workload.coordinate(number).entity()))
        });
    });
}

fn appending(
    group: &mut BenchmarkGroup<'_, WallTime>,
    case: &Case,
    store: &Store,
    workload: &Workload,
) {
    group.throughput(Throughput::Elements(1));
    group.bench_function(case.id("append, a key that is indexed"), |bencher| {
        let mut numbers = scattered(INDEXED);
        bencher.iter(|| {
            workload.append_keyed(store, numbers.next().expect("they do not end"));
        });
    });
    group.sample_size(10);
    let mut numbers = INDEXED + TAIL..;
    group.bench_function(case.id("append, a new key"), |bencher| {
        bencher.iter(|| {
            workload.append_keyed(store, numbers.next().expect("they do not end"));
        });
    });
}

criterion_group!(benches, index);
criterion_main!(benches);
