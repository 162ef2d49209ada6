//! Tries properties with many seeds, on all cores.

use crate::property::{Effort, Property, Tier};
use indicatif::{ProgressBar, ProgressStyle};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// What became of one property.
pub(crate) struct Report {
    pub(crate) effort: Effort,
    pub(crate) elapsed: Duration,
    /// The seeds that failed, with what was wrong.
    pub(crate) failures: Vec<(u64, String)>,
}

/// The seeds that one thread tries: from the first on, some apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seeds {
    pub(crate) first: u64,
    pub(crate) apart: u64,
}

/// When a thread stops.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Until {
    /// The property's count.
    pub(crate) count: u64,
    pub(crate) failures: usize,
}

/// What one thread has tried.
#[derive(Debug, Default)]
pub(crate) struct Share {
    pub(crate) effort: Effort,
    pub(crate) seeds: u64,
    pub(crate) failures: Vec<(u64, String)>,
}

/// After so many failures on one thread a property is given up.
const FAILURES_MAX: usize = 3;

/// Tries a property with as many seeds as its count takes, from `first_seed` on. Which thread tries
/// which seed is fixed, and so are the counts.
pub(crate) fn campaign(property: &Property, tier: Tier, first_seed: u64) -> Report {
    let begun = Instant::now();
    let target = property.target(tier);
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
    let threads = threads.min(target).max(1);
    let until = Until {
        count: target.div_ceil(threads),
        failures: FAILURES_MAX,
    };
    let progress = &progress_bar(property.name, target);
    let mut report = Report {
        effort: Effort::default(),
        elapsed: Duration::ZERO,
        failures: Vec::new(),
    };
    std::thread::scope(|scope| {
        let share = |thread| {
            let seeds = Seeds {
                first: first_seed + thread,
                apart: threads,
            };
            move || try_share(property, seeds, until, progress)
        };
        let shares: Vec<_> = (0..threads).map(|nth| scope.spawn(share(nth))).collect();
        for share in shares {
            let Ok(share) = share.join() else { continue };
            report.effort.add(&share.effort);
            report.failures.extend(share.failures);
        }
    });
    progress.finish_and_clear();
    report.failures.sort();
    report.elapsed = begun.elapsed();
    report
}

/// Tries a property on this thread until its count or so many failures are reached.
pub(crate) fn try_share(
    property: &Property,
    seeds: Seeds,
    until: Until,
    progress: &ProgressBar,
) -> Share {
    let mut share = Share::default();
    while share.effort.count < until.count && share.failures.len() < until.failures {
        let seed = seeds.first + share.seeds * seeds.apart;
        share.seeds += 1;
        let before = share.effort.count;
        if let Err(text) = guarded(property, seed, &mut share.effort) {
            share.failures.push((seed, text));
        }
        progress.inc(share.effort.count - before);
        if share.seeds > until.count.saturating_mul(40).max(1000) {
            let (seeds, count) = (share.seeds, share.effort.count);
            let text = format!("{seeds} seeds have counted only {count}");
            share.failures.push((seed, text));
            break;
        }
    }
    share
}

/// Tries a seed; a panic that reaches the caller of the store is a failure.
pub(crate) fn guarded(property: &Property, seed: u64, effort: &mut Effort) -> Result<(), String> {
    let tried = catch_unwind(AssertUnwindSafe(|| property.try_seed(seed, effort)));
    tried.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(format!(
            "a panic reached the caller: {}",
            text.unwrap_or_default()
        ))
    })
}

/// Shows how far a property is, where standard error is a terminal.
fn progress_bar(name: &'static str, target: u64) -> ProgressBar {
    let bar = ProgressBar::new(target).with_message(name);
    // The template is a constant; a wrong one would only show the default bar.
    match ProgressStyle::with_template("{msg:22} {wide_bar} {human_pos}/{human_len} {eta}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
