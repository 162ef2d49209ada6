//! loom models of the shipping runtime, actors and protocols; see `tests/`.
//!
//! Only a build with `--cfg loom` has models; `cargo loom` makes one. Bounds, the same for all:
//! - At most two preemptions per execution (`LOOM_MAX_PREEMPTIONS` overrides). Threads may still
//!   switch wherever one of them waits, so every order of waits is visited.
//! - At most five threads per execution, the main thread included: loom's own limit.
//! - No time: nobody spins, and no timer or limit ever runs out.

#![cfg(loom)]

pub mod adder;
pub mod single_writer;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// Preemptions per execution, unless the environment says otherwise.
const MAX_PREEMPTIONS: usize = 2;

/// Steps per execution before loom takes a model for endless.
const MAX_STEPS: usize = 50_000;

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
    let runs = Arc::new(Mutex::new((0_usize, BTreeSet::new())));
    let noted = Arc::clone(&runs);
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(MAX_PREEMPTIONS));
    builder.max_branches = MAX_STEPS;
    builder.check(move || {
        let outcome = body();
        let mut runs = noted.lock().unwrap_or_else(PoisonError::into_inner);
        runs.0 += 1;
        runs.1.insert(outcome);
    });
    let runs = runs.lock().unwrap_or_else(PoisonError::into_inner);
    eprintln!("{name}: {} executions", runs.0);
    runs.1.clone()
}
