//! Tries a row with many seeds, some at once.

use crate::arguments::Chosen;
use crate::row::{Row, Trial};
use anyhow::{Context, Result, anyhow};
use indicatif::{ProgressBar, ProgressStyle};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// A file system in memory, where there is one.
const MEMORY: &str = "/dev/shm";
/// After so many failures a row is given up.
const FAILURES_MAX: usize = 3;
/// After so many seeds without a count a row is given up.
const IDLE_SEEDS_MAX: u64 = 100;

pub(crate) struct Failure {
    pub(crate) seed: u64,
    pub(crate) text: String,
    /// What is left of it.
    pub(crate) room: Option<PathBuf>,
}

#[derive(Default)]
pub(crate) struct Report {
    pub(crate) count: u64,
    pub(crate) elapsed: Duration,
    pub(crate) failures: Vec<Failure>,
}

/// What the threads of a campaign share.
struct Shared {
    /// What trials that are under way may count yet.
    promised: u64,
    next_seed: u64,
    idle: u64,
    report: Report,
}

/// Tries a row until it has counted `target`.
pub(crate) fn campaign(row: &Row, target: u64, chosen: &Chosen) -> Report {
    let begun = Instant::now();
    let cores = std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
    let jobs = chosen.jobs.unwrap_or(cores).clamp(1, target.max(1));
    let progress = &progress_bar(row.name, target);
    let shared = &Mutex::new(Shared {
        promised: 0,
        next_seed: chosen.seed,
        idle: 0,
        report: Report::default(),
    });
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(move || {
                while let Some((seed, left)) = begin(shared, target, jobs) {
                    let mut count = 0;
                    let failure = try_seed(row, seed, left, chosen, &mut count).err();
                    progress.inc(count);
                    end(shared, left, count, failure);
                }
            });
        }
    });
    progress.finish_and_clear();
    let mut report = match shared.lock() {
        Ok(mut shared) => std::mem::take(&mut shared.report),
        Err(_) => Report::default(),
    };
    report.failures.sort_by_key(|failure| failure.seed);
    report.elapsed = begun.elapsed();
    report
}

/// Takes the next seed, and a share of what is still to be counted.
fn begin(shared: &Mutex<Shared>, target: u64, jobs: u64) -> Option<(u64, u64)> {
    let mut shared = shared.lock().ok()?;
    let left = target.saturating_sub(shared.report.count + shared.promised);
    if left == 0 || shared.report.failures.len() >= FAILURES_MAX {
        return None;
    }
    if shared.idle > IDLE_SEEDS_MAX {
        let text = format!("{} seeds have counted nothing", shared.idle);
        let seed = shared.next_seed;
        shared.report.failures.push(Failure {
            seed,
            text,
            room: None,
        });
        return None;
    }
    let share = left.div_ceil(jobs);
    shared.promised += share;
    shared.next_seed += 1;
    Some((shared.next_seed - 1, share))
}

fn end(shared: &Mutex<Shared>, promised: u64, count: u64, failure: Option<Failure>) {
    let Ok(mut shared) = shared.lock() else {
        return;
    };
    shared.promised -= promised;
    shared.report.count += count;
    shared.idle = if count > 0 { 0 } else { shared.idle + 1 };
    shared.report.failures.extend(failure);
}

/// Tries one seed in a directory of its own, which is kept if it fails.
fn try_seed(
    row: &Row,
    seed: u64,
    left: u64,
    chosen: &Chosen,
    count: &mut u64,
) -> Result<(), Failure> {
    let prefix = format!("batpak-crash-{}-{seed}-", row.name);
    let mut builder = tempfile::Builder::new();
    let builder = builder.prefix(&prefix);
    let memory = Some(PathBuf::from(MEMORY)).filter(|place| row.in_memory && place.is_dir());
    let room = match chosen.place.as_ref().or(memory.as_ref()) {
        Some(place) => builder.tempdir_in(place),
        None => builder.tempdir(),
    };
    let mut room = room.map_err(|error| Failure {
        seed,
        text: format!("no directory: {error}"),
        room: None,
    })?;
    // Where a part of it is a link, what processes are seen to do has other names.
    let path = room.path().canonicalize();
    let tried = path.context("resolving the directory").and_then(|path| {
        let trial = Trial {
            seed,
            room: &path,
            left,
        };
        let tried = catch_unwind(AssertUnwindSafe(|| (row.trial)(&trial, count)));
        tried.unwrap_or_else(|panic| Err(anyhow!("a panic: {}", panic_text(&*panic))))
    });
    tried.map_err(|error| {
        room.disable_cleanup(true);
        Failure {
            seed,
            text: format!("{error:#}"),
            room: Some(room.path().to_path_buf()),
        }
    })
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    text.unwrap_or_default()
}

/// Shows how far a row is, where standard error is a terminal.
fn progress_bar(name: &'static str, target: u64) -> ProgressBar {
    let bar = ProgressBar::new(target).with_message(name);
    // The template is a constant; a wrong one would only show the default bar.
    match ProgressStyle::with_template("{msg:22} {wide_bar} {human_pos}/{human_len} {eta}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
