//! The hot paths of a store on a real disk: `cargo bench -p batpak-benches`.

//!
//! Every workload writes 165-byte payloads to 1,000 entities. Stores are made below the current
//! folder, because a temporary folder is often memory, which no disk is like.

#![expect(missing_docs, reason = "criterion's macro makes a public function")]

use std::collections::VecDeque;
use std::hint::black_box;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use batpak::prelude::*;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde_json::{Value, json};
use tempfile::TempDir;

const KIND: EventKind = EventKind::custom(0x1, 1);
const ENTITIES: u64 = 1000;
/// How many submitted appends wait for their answers at a time.
const WINDOW: usize = 256;
const BATCH: u64 = 100;
const DURABLE_THREADS: u64 = 8;
/// How many events the reading workloads read from.
const STORED: u64 = 100_000;

struct Workload {
    coordinates: Vec<Coordinate>,
    payload: Value,
}

impl Workload {
    fn new() -> Self {
        let name = |number| Coordinate::new(format!("entity:{number}"), "bench");
        Self {
            coordinates: (0..ENTITIES)
                .map(|n| name(n).expect("a valid name"))
                .collect(),
            // 165 bytes in MessagePack.
            payload: json!({"amount": 4200, "text": "x".repeat(149)}),
        }
    }

    fn coordinate(&self, number: u64) -> &Coordinate {
        let at = usize::try_from(number % ENTITIES).expect("there are few entities");
        self.coordinates
            .get(at)
            .expect("there are that many entities")
    }

    fn append(&self, store: &Store, number: u64) {
        store
            .append(self.coordinate(number), KIND, &self.payload)
            .expect("the disk takes it");
    }

    fn batch(&self, first: u64) -> Vec<BatchAppendItem> {
        let item = |number| {
            let options = AppendOptions::default();
            let coordinate = self.coordinate(number).clone();
            BatchAppendItem::new(coordinate, KIND, &self.payload, options, CausationRef::None)
                .expect("the payload can be encoded")
        };
        (first..first + BATCH).map(item).collect()
    }

    fn fill(&self, store: &Store, events: u64) {
        for batch in 0..events / BATCH {
            store
                .append_batch(self.batch(batch * BATCH))
                .expect("the disk takes it");
        }
    }
}

fn directory() -> TempDir {
    tempfile::tempdir_in(".").expect("the current folder can be written")
}

/// Times `work` on a new store, opening and closing apart.
fn on_new_store(
    configure: impl Fn(StoreConfig) -> StoreConfig,
    work: impl FnOnce(&Arc<Store>),
) -> Duration {
    let directory = directory();
    let config = configure(StoreConfig::new(directory.path()));
    let store = Arc::new(Store::open(config).expect("a new store opens"));
    let begun = Instant::now();
    work(&store);
    let elapsed = begun.elapsed();
    Arc::into_inner(store)
        .expect("the work is done")
        .close()
        .expect("the disk takes it");
    elapsed
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
            on_new_store(|config| config, |store| pipeline(&workload, store, count))
        });
    });
    group.bench_function("append, durable, 8 threads", |bencher| {
        bencher.iter_custom(|count| {
            let durable = |config: StoreConfig| {
                config
                    .with_sync_every_n_events(1)
                    .with_sync_mode(SyncMode::SyncData)
            };
            on_new_store(durable, |store| durable_threads(&workload, store, count))
        });
    });
    group.throughput(Throughput::Elements(BATCH));
    group.bench_function("append_batch, 100 items", |bencher| {
        bencher.iter_custom(|count| {
            on_new_store(
                |config| config,
                |store| {
                    workload.fill(store, count * BATCH);
                },
            )
        });
    });
    group.finish();
}

fn pipeline(workload: &Workload, store: &Store, count: u64) {
    let mut under_way = VecDeque::with_capacity(WINDOW);
    let answered = |ticket: AppendTicket| ticket.wait().expect("the disk takes it");
    for number in 0..count {
        if under_way.len() == WINDOW
            && let Some(ticket) = under_way.pop_front()
        {
            answered(ticket);
        }
        let ticket = store.submit(workload.coordinate(number), KIND, &workload.payload);
        under_way.push_back(ticket.expect("the store is open"));
    }
    for ticket in under_way {
        answered(ticket);
    }
}

fn durable_threads(workload: &Workload, store: &Arc<Store>, count: u64) {
    thread::scope(|scope| {
        for thread in 0..DURABLE_THREADS {
            let share = count / DURABLE_THREADS + u64::from(thread < count % DURABLE_THREADS);
            scope.spawn(move || {
                let first = thread * 100;
                (0..share).for_each(|number| workload.append(store, first + number));
            });
        }
    });
}

fn reading(criterion: &mut Criterion) {
    let workload = Workload::new();
    let directory = directory();
    let config = || StoreConfig::new(directory.path());
    let store = Store::open(config()).expect("a new store opens");
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
        let mut coordinates = workload.coordinates.iter().cycle();
        bencher
            .iter(|| black_box(store.stream(coordinates.next().expect("they go round").entity())));
    });
    store.close().expect("the disk takes it");
    group.throughput(Throughput::Elements(STORED));
    group.sample_size(10);
    group.bench_function("reopen 100,000 events", |bencher| {
        bencher.iter(|| {
            let store = Store::open(config()).expect("a closed store opens");
            store.close().expect("nothing was written");
        });
    });
    group.finish();
}

criterion_group!(benches, writing, reading);
criterion_main!(benches);
