//! Tries properties with many seeds, on all cores.

use crate::property::{Effort, Property, Tier};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// What became of one property.
pub(crate) struct Report {
    pub(crate) effort: Effort,
    pub(crate) seeds: u64,
    pub(crate) elapsed: Duration,
    /// The seeds that failed, with what was wrong.
    pub(crate) failures: Vec<(u64, String)>,
}

/// After so many failures a property is given up.
const FAILURES_MAX: usize = 3;

/// Tries a property with as many seeds as its count takes, from `first_seed` on. Which thread tries
/// which seed is fixed, and so are the counts.
pub(crate) fn campaign(property: &Property, tier: Tier, first_seed: u64) -> Report {
    let begun = Instant::now();
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
    let threads = threads.min(property.target(tier)).max(1);
    let share = property.target(tier).div_ceil(threads);
    let mut report = Report {
        effort: Effort::default(),
        seeds: 0,
        elapsed: Duration::ZERO,
        failures: Vec::new(),
    };
    std::thread::scope(|scope| {
        let run = |thread| {
            move || {
                run_share(
                    property,
                    (first_seed + thread, threads),
                    share,
                    FAILURES_MAX,
                )
            }
        };
        let handles: Vec<_> = (0..threads)
            .map(|thread| scope.spawn(run(thread)))
            .collect();
        for handle in handles {
            let Ok((effort, seeds, failures)) = handle.join() else {
                continue;
            };
            report.effort.add(&effort);
            report.seeds += seeds;
            report.failures.extend(failures);
        }
    });
    report.failures.sort();
    report.elapsed = begun.elapsed();
    report
}

/// Tries a property on this thread until its count or so many failures are reached, with the seeds
/// from `first` on, `step` apart.
pub(crate) fn run_share(
    property: &Property,
    (first, step): (u64, u64),
    share: u64,
    failures_max: usize,
) -> (Effort, u64, Vec<(u64, String)>) {
    let mut effort = Effort::default();
    let mut failures = Vec::new();
    let mut seeds = 0;
    while effort.count < share && failures.len() < failures_max {
        let seed = first + seeds * step;
        seeds += 1;
        let before = effort.count;
        if let Err(text) = guarded(property, seed, &mut effort) {
            failures.push((seed, text));
        }
        // A seed that counts nothing still brings the end nearer.
        if effort.count == before && seeds > share.saturating_mul(40).max(1000) {
            failures.push((seed, format!("{seeds} seeds have counted {}", effort.count)));
            break;
        }
    }
    (effort, seeds, failures)
}

/// Tries a seed; a panic that reaches the caller of the store is a failure.
pub(crate) fn guarded(property: &Property, seed: u64, effort: &mut Effort) -> Result<(), String> {
    let tried = catch_unwind(AssertUnwindSafe(|| property.try_seed(seed, effort)));
    tried.unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(format!(
            "a panic reached the caller: {}",
            text.unwrap_or_default()
        ))
    })
}
