//! How long one append takes.

use std::time::{Duration, Instant};

use batpak::prelude::*;
use batpak::store::Waiting;
use batpak_benches::{Workload, on_new_store};

use crate::DISK;
use crate::comparison::{Choice, compare};
use crate::plan::Plan;

const FIGURES: [&str; 2] = ["p50 us", "p99 us"];

pub(crate) fn compare_all(plan: &Plan) {
    let workload = Workload::new();
    let durable = |name, mode| {
        let configure =
            move |config: StoreConfig| config.with_sync_every_n_events(1).with_sync_mode(mode);
        let workload = &workload;
        Choice::new(name, move || latencies(workload, plan.durable, configure))
    };
    compare(
        "Latency of one durable append, one caller",
        FIGURES,
        plan.rounds,
        &[
            durable("SyncAll (default)", SyncMode::SyncAll),
            durable("SyncData", SyncMode::SyncData),
        ],
    );
    let relaxed = |name, waiting, reply_timeout| {
        let configure = move |config: StoreConfig| {
            config
                .with_waiting(waiting)
                .with_reply_timeout(reply_timeout)
        };
        let workload = &workload;
        Choice::new(name, move || latencies(workload, plan.timed, configure))
    };
    let timeout = Some(Duration::from_secs(30));
    compare(
        "Latency of one relaxed append, one caller",
        FIGURES,
        plan.rounds,
        &[
            relaxed("spin (default)", Waiting::default(), None),
            relaxed("park", Waiting::Park, None),
            relaxed("spin, reply_timeout", Waiting::default(), timeout),
            relaxed("park, reply_timeout", Waiting::Park, timeout),
        ],
    );
}

/// Returns the median of so many appends, and what 99% of them stay below.
fn latencies(
    workload: &Workload,
    appends: u64,
    configure: impl Fn(StoreConfig) -> StoreConfig,
) -> [f64; 2] {
    let mut taken: Vec<Duration> = Vec::new();
    on_new_store(DISK, configure, |store| {
        for number in 0..appends {
            let begun = Instant::now();
            workload.append(store, number);
            taken.push(begun.elapsed());
        }
    });
    taken.sort();
    let at = |percent: usize| {
        let place = taken.get(taken.len() * percent / 100);
        place.expect("something was timed").as_secs_f64() * 1e6
    };
    [at(50), at(99)]
}
