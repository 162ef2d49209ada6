//! How many events a second are appended.

use batpak::prelude::*;
use batpak_benches::{Workload, on_new_store};

use crate::DISK;
use crate::comparison::{Choice, compare};
use crate::plan::Plan;

const FIGURES: [&str; 1] = ["events/s"];
/// The first appends so many events, the others as many times that as they are quicker, about.
const ONE: u64 = 1;
const SHARED: u64 = 8;
const MANY: u64 = 50;

type Append = fn(&Workload, &Store, u64);

pub(crate) fn compare_all(plan: &Plan) {
    let workload = Workload::new();
    let relaxed = |name, append: Append| {
        let workload = &workload;
        Choice::new(name, move || {
            [rate(workload, plan.appended, |config| config, append)]
        })
    };
    compare(
        "Relaxed appends",
        FIGURES,
        plan.rounds,
        &[
            relaxed("append, one at a time", one_at_a_time),
            relaxed("append, 8 threads", Workload::append_by_threads),
            relaxed("submit, 256 under way", Workload::submit),
            relaxed("append_batch of 100", Workload::fill),
        ],
    );
    let durable = |name, append: Append, times| {
        let workload = &workload;
        let configure = |config: StoreConfig| config.with_sync_every_n_events(1);
        Choice::new(name, move || {
            [rate(workload, plan.durable * times, configure, append)]
        })
    };
    compare(
        "Durable appends (sync.every_n_events = 1)",
        FIGURES,
        plan.rounds,
        &[
            durable("append, one at a time", one_at_a_time, ONE),
            durable("append, 8 threads", Workload::append_by_threads, SHARED),
            durable("submit, 256 under way", Workload::submit, MANY),
            durable("append_batch of 100", Workload::fill, MANY),
        ],
    );
    let synced = |name, every_n_events, times| {
        let workload = &workload;
        let configure = move |config: StoreConfig| config.with_sync_every_n_events(every_n_events);
        Choice::new(name, move || {
            let events = plan.durable * times;
            [rate(workload, events, configure, one_at_a_time)]
        })
    };
    compare(
        "How often is synced, one append at a time",
        FIGURES,
        plan.rounds,
        &[
            synced("every_n_events = 1000 (default)", 1000, MANY),
            synced("every_n_events = 100", 100, MANY),
            synced("every_n_events = 1", 1, ONE),
        ],
    );
}

fn one_at_a_time(workload: &Workload, store: &Store, events: u64) {
    (0..events).for_each(|number| workload.append(store, number));
}

fn rate(
    workload: &Workload,
    events: u64,
    configure: impl Fn(StoreConfig) -> StoreConfig,
    append: Append,
) -> f64 {
    let elapsed = on_new_store(DISK, configure, |store| append(workload, store, events));
    events as f64 / elapsed.as_secs_f64()
}
