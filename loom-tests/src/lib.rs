//! loom models of the shipping runtime, actors and protocols; see `tests/`, a file for each edge.
//!
//! Only a build with `--cfg loom` has models; `cargo loom` makes one, and
//! `cargo loom -- --nocapture` prints how many executions each model has. The numbers in the
//! documentation of the files come from there. Bounds:
//! - At most two preemptions per execution, or one where a file says so (`LOOM_MAX_PREEMPTIONS`
//!   overrides both). Threads may still switch wherever one of them waits, so every order of waits
//!   is visited.
//! - At most five threads per execution, the main thread included: loom's own limit.
//! - No time: nobody spins, and no timer or limit ever runs out.
//! - What a model does within `in_one_order` runs in one order only.
//!
//! `cargo loom-mutations` shows that the models have teeth: it breaks the shipping code in one
//! place after the other and expects the file of that edge to fail.

#![cfg(loom)]

pub mod adder;
pub mod disk;
pub mod log;
pub mod store;
pub mod stubs;

use std::collections::BTreeSet;
use std::panic;
use std::sync::{Arc, Mutex, Once, PoisonError};

/// Preemptions per execution, unless a model or the environment says otherwise.
const MAX_PREEMPTIONS: usize = 2;

/// Steps per execution before loom takes a model for endless.
const MAX_STEPS: usize = 50_000;

/// What panics say that a model asks for; they happen in thousands of executions.
const PLANNED_PANICS: [&str; 4] = [
    "a test asked the writer to panic",
    "a test asked the indexer to panic",
    "a test asked the broker to panic",
    disk::PANIC,
];

/// Runs a model in every interleaving within the bounds and returns the outcomes that it had.
///
/// A model asserts in its body what must always hold, and on the outcomes that the races it is
/// about were really run. loom finds the other order of two accesses from the later one, and
/// forgets a load once the storing thread has loaded the same place itself; so in a model of one
/// writer and one reader the reader is the thread that is spawned.
pub fn model<T, F>(name: &str, body: F) -> BTreeSet<T>
where
    T: Ord + Clone + Send + 'static,
    F: Fn() -> T + Sync + Send + 'static,
{
    model_within(name, MAX_PREEMPTIONS, body)
}

/// As [`model`], with another bound on preemptions, for a model of many threads.
pub fn model_within<T, F>(name: &str, preemptions: usize, body: F) -> BTreeSet<T>
where
    T: Ord + Clone + Send + 'static,
    F: Fn() -> T + Sync + Send + 'static,
{
    hush_planned_panics();
    let runs = Arc::new(Mutex::new((0_usize, BTreeSet::new())));
    let noted = Arc::clone(&runs);
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(preemptions));
    builder.max_branches = MAX_STEPS;
    builder.check(move || {
        let outcome = body();
        let mut runs = noted.lock().unwrap_or_else(PoisonError::into_inner);
        runs.0 += 1;
        runs.1.insert(outcome);
    });
    let runs = runs.lock().unwrap_or_else(PoisonError::into_inner);
    eprintln!("model {name}: {} executions", runs.0);
    runs.1.clone()
}

/// Does something that a model is not about, such as starting and closing a store, in one order
/// and with no preemption: loom goes on exploring behind it.
pub fn in_one_order<T>(work: impl FnOnce() -> T) -> T {
    loom::stop_exploring();
    let done = work();
    loom::explore();
    done
}

/// Lets only those panics be printed that are not part of a model.
fn hush_planned_panics() {
    static HUSHED: Once = Once::new();
    HUSHED.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let planned = info
                .payload()
                .downcast_ref::<&str>()
                .is_some_and(|text| PLANNED_PANICS.contains(text));
            if !planned {
                usual(info);
            }
        }));
    });
}
