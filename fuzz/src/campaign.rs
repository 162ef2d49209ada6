//! Tries many inputs on all cores; each follows from its seed.

use crate::bodies::Target;
use crate::depth;
use crate::vandal::cached::damage_cache;
use crate::vandal::campaign::{Site, Tally, flip, operate, replace, tear_beside};
use fastrand::Rng;
use indicatif::{ProgressBar, ProgressStyle};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Who needs longer for one input hangs.
const HANGS_AFTER: Duration = Duration::from_secs(60);
/// After so many failures on one thread a target is given up.
const FAILURES_MAX: usize = 3;

/// What became of a target.
#[derive(Debug, Default)]
pub struct Report {
    /// How many inputs were tried.
    pub runs: u64,
    /// How many of them were read as something, and not refused at the door.
    pub read: u64,
    /// The seeds that failed, with what was wrong.
    pub failures: Vec<(u64, String)>,
    /// How long it took.
    pub elapsed: Duration,
}

/// Returns the input that follows from a seed.
pub fn input(target: &Target, samples: &[Vec<u8>], seed: u64) -> Vec<u8> {
    let mut random = Rng::with_seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    (target.make)(&mut random, samples, target.length_max)
}

/// Tries an input; the text says what was wrong.
pub fn try_input(target: &Target, data: &[u8]) -> Result<(), String> {
    let tried = catch_unwind(AssertUnwindSafe(|| (target.body)(data)));
    tried.map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        text.unwrap_or_default()
    })
}

/// Tries the inputs of so many seeds, from the first on.
pub fn campaign(target: &Target, runs: u64, first_seed: u64, threads: u64) -> Report {
    let begun = Instant::now();
    let samples = &(target.samples)();
    let progress = &progress_bar(target.name, runs);
    let mut report = Report::default();
    std::thread::scope(|scope| {
        let share = |nth| {
            let seeds = (first_seed + nth..first_seed + runs).step_by(threads as usize);
            move || try_share(target, samples, seeds, progress)
        };
        let shares: Vec<_> = (0..threads).map(|nth| scope.spawn(share(nth))).collect();
        for share in shares {
            let share = share.join().unwrap();
            report.runs += share.runs;
            report.read += share.read;
            report.failures.extend(share.failures);
        }
    });
    progress.finish_and_clear();
    report.failures.sort();
    report.elapsed = begun.elapsed();
    report
}

fn try_share(
    target: &Target,
    samples: &[Vec<u8>],
    seeds: impl Iterator<Item = u64>,
    progress: &ProgressBar,
) -> Report {
    const NOTHING: u64 = u64::MAX;
    let under_way = AtomicU64::new(NOTHING);
    let is_done = AtomicU64::new(0);
    let mut report = Report::default();
    std::thread::scope(|scope| {
        let watch = scope.spawn(|| watch(target.name, &under_way, &is_done));
        for seed in seeds {
            under_way.store(seed, Ordering::Relaxed);
            if let Err(text) = try_input(target, &input(target, samples, seed)) {
                report.failures.push((seed, text));
            }
            report.read += u64::from(depth::take());
            report.runs += 1;
            if report.runs % 64 == 0 {
                progress.inc(64);
            }
            if report.failures.len() == FAILURES_MAX {
                break;
            }
        }
        is_done.store(1, Ordering::Relaxed);
        watch.thread().unpark();
    });
    report
}

/// Ends the process when one input takes too long, and says which.
fn watch(name: &str, under_way: &AtomicU64, is_done: &AtomicU64) {
    let mut before = (under_way.load(Ordering::Relaxed), Instant::now());
    while is_done.load(Ordering::Relaxed) == 0 {
        std::thread::park_timeout(Duration::from_secs(1));
        let now = under_way.load(Ordering::Relaxed);
        if now != before.0 {
            before = (now, Instant::now());
        } else if before.1.elapsed() > HANGS_AFTER {
            eprintln!("{name} hangs at seed {now}");
            std::process::abort();
        }
    }
}

/// How much a vandal does.
#[derive(Clone, Copy, Debug)]
pub struct Vandalism {
    /// How many stores are made, each from a seed of its own.
    pub stores: u64,
    /// Of so many bits one is flipped.
    pub flip_every: usize,
    /// Of so many damages to whole files one is also done on the real disk.
    pub real_every: usize,
}

/// Vandalises stores; prints what goes wrong. Returns how many damages were done, and how
/// many of them the store has not stood.
pub fn vandalise(vandalism: Vandalism, first_seed: u64) -> (usize, usize) {
    let mut damages = 0;
    let mut failures = 0;
    for seed in first_seed..first_seed + vandalism.stores {
        let site = Site::new(seed);
        let mut add = |what: &str, tally: Tally| {
            println!(
                "seed {seed}, {what}: {} damages: {:?}",
                tally.count(),
                tally.verdicts
            );
            damages += tally.count();
            for text in tally.failures {
                println!("  seed {seed}, {text}");
                failures += 1;
            }
        };
        add("whole files", operate(&site, seed, false, 1));
        add(
            "whole files on a real disk",
            operate(&site, seed, true, vandalism.real_every),
        );
        add("directories and links", replace(&site));
        if let Err(text) = tear_beside(&site, "recovered/000009-000001-168.torn") {
            println!("  a torn tail: {text}");
        }
        add("a projection cache", damage_cache(seed, 1));
        add("flipped bits", flip(&site, seed, vandalism.flip_every));
    }
    (damages, failures)
}

/// Shows how far a target is, where standard error is a terminal.
fn progress_bar(name: &'static str, runs: u64) -> ProgressBar {
    let bar = ProgressBar::new(runs).with_message(name);
    // The template is a constant; a wrong one would only show the default bar.
    match ProgressStyle::with_template("{msg:14} {wide_bar} {human_pos}/{human_len} {eta}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
