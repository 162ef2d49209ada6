//! The hot paths of a store on a real disk: `cargo bench -p batpak-benches --bench store`.
//!
//! Every workload writes 165-byte payloads to 1,000 entities. Stores are made below the target
//! folder, because a temporary folder is often memory, which no disk is like.

#![expect(missing_docs, reason = "criterion's macro makes a public function")]

use std::hint::black_box;
use std::time::Duration;

use batpak::prelude::*;
use batpak_benches::{BATCH, ENTITIES, Workload, close, directory, open};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const DISK: &str = env!("CARGO_TARGET_TMPDIR");
/// How many events the reading workloads read from.
const STORED: u64 = 100_000;

/// Times `work` on a new store, opening and closing apart.
fn on_new_store(
    configure: impl Fn(StoreConfig) -> StoreConfig,
    work: impl FnOnce(&Store),
) -> Duration {
    batpak_benches::on_new_store(DISK, configure, work)
}

fn writing(criterion: &mut Criterion) {
    let workload = Workload::new();
    let mut group = criterion.benchmark_group("write");
    group.sample_size(10);
    group.throughput(Throughput::Elements(1));
    group.bench_function("append, one at a time", |bencher| {
        bencher.iter_custom(|count| {
            on_new_store(
                |config| config,
                |store| {
                    (0..count).for_each(|number| workload.append(store, number));
                },
            )
        });
    });
    group.bench_function("submit, 256 under way", |bencher| {
        bencher.iter_custom(|count| {
            on_new_store(|config| config, |store| workload.submit(store, count))
        });
    });
    group.bench_function("append, durable, 8 threads", |bencher| {
        bencher.iter_custom(|count| {
            let durable = |config: StoreConfig| {
                config
                    .with_sync_every_n_events(1)
                    .with_sync_mode(SyncMode::SyncData)
            };
            on_new_store(durable, |store| workload.append_by_threads(store, count))
        });
    });
    group.throughput(Throughput::Elements(BATCH));
    group.bench_function("append_batch, 100 items", |bencher| {
        bencher.iter_custom(|count| {
            on_new_store(|config| config, |store| workload.fill(store, count * BATCH))
        });
    });
    group.finish();
}

fn reading(criterion: &mut Criterion) {
    let workload = Workload::new();
    let directory = directory(DISK);
    let config = || StoreConfig::new(directory.path());
    let store = open(config());
    workload.fill(&store, STORED);
    let ids: Vec<u128> = store
        .query(&Region::all())
        .iter()
        .map(|entry| entry.event_id)
        .collect();
    let mut group = criterion.benchmark_group("read");
    group.sample_size(20);
    group.throughput(Throughput::Elements(1));
    group.bench_function("get_raw", |bencher| {
        let mut ids = ids.iter().cycle().step_by(7919);
        bencher.iter(|| {
            store
                .get_raw(*ids.next().expect("ids go round"))
                .expect("it is there")
        });
    });
    group.throughput(Throughput::Elements(STORED / ENTITIES));
    group.bench_function("stream, 100 events", |bencher| {
        let mut numbers = (0..ENTITIES).cycle();
        bencher.iter(|| {
            let number = numbers.next().expect("they go round");
            black_box(store.stream(workload.coordinate(number).entity()))
        });
    });
    close(store);
    group.throughput(Throughput::Elements(STORED));
    group.sample_size(10);
    group.bench_function("reopen 100,000 events", |bencher| {
        bencher.iter(|| close(open(config())));
    });
    group.finish();
}

criterion_group!(benches, writing, reading);
criterion_main!(benches);
