//! Runs a program's own code against a store, and crashes it everywhere.

use super::Machine;
use crate::store::{Open, Store, StoreConfig, StoreError};
use batpak_log::fs::{Call, Keep, Loss, SimFs};
use crossbeam_channel::{Receiver, Sender, bounded};
use std::cell::RefCell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// So many crash points are looked at in one run of the workload, so that memory stays small.
const POINTS_IN_ONE_RUN: u64 = 32;
/// The smallest part of a disk that is written whole or not at all.
const SECTOR: usize = 512;

/// Tries a workload with a crash before every call that changes the disk.
///
/// 1. The workload runs on a simulated [`Machine`] and notes what it relies on from then on: that a
///    customer was told of an order, that a total was sent on.
/// 2. At each call that changes the disk the process is killed in thought, and the power is cut in
///    several ways: everything that was not synced is lost, or any part of it.
/// 3. Each time the store is opened again, the check is given it and all that was noted by then.
///    Then it is closed and opened, and checked once more.
///
/// With one build and one seed a run does the same each time.
#[derive(Clone, Debug)]
pub struct CrashTest {
    config: StoreConfig,
    first_seed: u64,
    seeds: u64,
    cuts: u32,
}

/// What a crash test has tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CrashReport {
    /// Calls at which it crashed.
    pub points: u64,
    /// Disks that were opened and checked: several for each point.
    pub images: u64,
}

/// A crash after which the check does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrashFailure {
    /// The seed of the run: give it to [`CrashTest::with_seed`] to see it again.
    pub seed: u64,
    /// Which call that changes the disk came next, from 1; the first that fails.
    pub point: u64,
    /// That call and the ones before it, oldest first.
    pub calls: Vec<String>,
    /// How the machine or the process died; none when the workload itself failed.
    pub loss: Option<Loss>,
    /// What is wrong.
    pub detail: String,
}

/// Takes down what the workload relies on.
#[derive(Debug)]
pub struct Notes<F> {
    disk: SimFs,
    /// Each fact with the number of calls that the disk had seen by then.
    facts: RefCell<Vec<(u64, F)>>,
}

impl<F> Notes<F> {
    /// Notes a fact that must be found after any crash from now on.
    pub fn add(&self, fact: F) {
        self.facts.borrow_mut().push((self.disk.calls(), fact));
    }
}

/// A disk as a crash has left it.
struct Image {
    point: u64,
    /// The calls that had begun before the crash.
    calls_before: u64,
    loss: Loss,
    disk: SimFs,
}

impl CrashTest {
    /// Tests stores of this configuration; small segments make for more to crash in.
    #[must_use]
    pub fn new(config: StoreConfig) -> Self {
        Self {
            config,
            first_seed: 0,
            seeds: 1,
            cuts: 5,
        }
    }

    /// Sets the first seed, from which the order of the actors' steps and what is lost follow.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.first_seed = seed;
        self
    }

    /// Sets how many seeds are tried, one after the other; 1 by default.
    #[must_use]
    pub fn with_seeds(mut self, count: u64) -> Self {
        self.seeds = count;
        self
    }

    /// Sets how many power cuts are tried at each point beside a killed process; 5 by default. The
    /// first loses all that was not synced, the others a part of it. With 0 only processes die.
    #[must_use]
    pub fn with_power_cuts(mut self, count: u32) -> Self {
        self.cuts = count;
        self
    }

    /// Runs the workload and checks what each crash leaves.
    ///
    /// The workload opens its store with [`Machine::open`]. It is run many times, must do the same
    /// each time, and gets errors from a disk that is gone once a run has shown enough. A panic of
    /// `check` is a failure like an error, so it may assert.
    ///
    /// # Errors
    /// The earliest crash after which the check fails, or the error of the workload on a disk that
    /// is good.
    pub fn run<F: Clone>(
        &self,
        workload: impl Fn(&Machine, &Notes<F>) -> Result<(), StoreError>,
        check: impl Fn(&Store<Open>, &[F]) -> Result<(), String>,
    ) -> Result<CrashReport, CrashFailure> {
        let mut report = CrashReport::default();
        for seed in self.first_seed..self.first_seed.saturating_add(self.seeds) {
            let mut first_point = 1;
            while let Some(last_point) = self.one_run(seed, first_point, &workload, &check)? {
                let points = last_point + 1 - first_point;
                report.points += points;
                report.images += points * (u64::from(self.cuts) + 1);
                first_point = last_point + 1;
            }
        }
        Ok(report)
    }

    /// Crashes at some points from `first` on; returns the last of them, none when there was none.
    fn one_run<F: Clone>(
        &self,
        seed: u64,
        first: u64,
        workload: &impl Fn(&Machine, &Notes<F>) -> Result<(), StoreError>,
        check: &impl Fn(&Store<Open>, &[F]) -> Result<(), String>,
    ) -> Result<Option<u64>, CrashFailure> {
        let machine = Machine::new(seed);
        let disk = machine.disk();
        let notes = Notes {
            disk: disk.clone(),
            facts: RefCell::default(),
        };
        let images_max = POINTS_IN_ONE_RUN.saturating_mul(u64::from(self.cuts) + 1);
        let (sender, images) = bounded(usize::try_from(images_max).unwrap_or(usize::MAX));
        let (named, names) = bounded(usize::try_from(POINTS_IN_ONE_RUN).unwrap_or(usize::MAX));
        self.crash_at(disk, seed, first, (sender, named));
        let done = workload(&machine, &notes);
        disk.observe(None);
        let failure = |point, loss, detail| CrashFailure {
            seed,
            point,
            calls: Vec::new(),
            loss,
            detail,
        };
        let names: Vec<String> = names.try_iter().collect();
        let reached = names.len() as u64;
        if let (true, Err(error)) = (reached < POINTS_IN_ONE_RUN, done) {
            let detail = format!("the workload failed on a good disk: {error}");
            return Err(failure(first + reached, None, detail));
        }
        self.check_images(&machine, images, &notes, check)
            .map_err(|(point, loss, detail)| CrashFailure {
                calls: calls_before(&names, point - first),
                ..failure(point, Some(loss), detail)
            })?;
        Ok((reached > 0).then(|| first + reached - 1))
    }

    /// Has images made at the points from `first` on, until there are enough for one run.
    fn crash_at(
        &self,
        disk: &SimFs,
        seed: u64,
        first: u64,
        (images, names): (Sender<Image>, Sender<String>),
    ) {
        let (cuts, observed) = (self.cuts, disk.clone());
        let mut point = 0;
        disk.observe(Some(Box::new(move |call: &Call<'_>| {
            if !call.changes() {
                return;
            }
            point += 1;
            if point < first {
                return;
            }
            if point >= first + POINTS_IN_ONE_RUN {
                observed.die();
                return;
            }
            let _ = names.try_send(format!(
                "{:?} {} ({} bytes)",
                call.call, call.name, call.bytes
            ));
            // What is lost at a point must not depend on where this run began.
            let mut random = fastrand::Rng::with_seed(seed ^ point.rotate_left(32));
            let keep = |nth| if nth == 0 { Keep::Nothing } else { Keep::Some };
            let power = |nth| Loss::Power {
                sector: SECTOR,
                keep: keep(nth),
            };
            for loss in std::iter::once(Loss::Kill).chain((0..cuts).map(power)) {
                let image = Image {
                    point,
                    calls_before: call.index,
                    loss,
                    disk: observed.crash(loss, &mut random),
                };
                let _ = images.try_send(image);
            }
        })));
    }

    fn check_images<F: Clone>(
        &self,
        machine: &Machine,
        images: Receiver<Image>,
        notes: &Notes<F>,
        check: &impl Fn(&Store<Open>, &[F]) -> Result<(), String>,
    ) -> Result<(), (u64, Loss, String)> {
        let facts = notes.facts.borrow();
        for image in images.try_iter() {
            let before = |(calls, _): &&(u64, F)| *calls <= image.calls_before;
            let known: Vec<F> = facts
                .iter()
                .filter(before)
                .map(|(_, fact)| fact.clone())
                .collect();
            let machine = machine.with_image(image.disk, image.point);
            for _opening in 0..2 {
                let checked = self.open_and_check(&machine, &known, check);
                checked.map_err(|detail| (image.point, image.loss, detail))?;
            }
        }
        Ok(())
    }

    fn open_and_check<F>(
        &self,
        machine: &Machine,
        facts: &[F],
        check: &impl Fn(&Store<Open>, &[F]) -> Result<(), String>,
    ) -> Result<(), String> {
        let store = machine
            .open(self.config.clone())
            .map_err(|error| format!("the store does not open: {error}"))?;
        let checked = catch_unwind(AssertUnwindSafe(|| check(&store, facts)));
        checked.unwrap_or_else(|panic| Err(panic_text(&*panic)))?;
        let closed = store.close();
        closed
            .map(drop)
            .map_err(|error| format!("the store does not close: {error}"))
    }
}

/// Returns the call at an index and a few before it.
fn calls_before(names: &[String], index: u64) -> Vec<String> {
    const SHOWN: usize = 8;
    let end = usize::try_from(index)
        .unwrap_or(usize::MAX)
        .saturating_add(1);
    let front = names.get(..end.min(names.len())).unwrap_or_default();
    let start = front.len().saturating_sub(SHOWN);
    front.get(start..).unwrap_or_default().to_vec()
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    text.unwrap_or_else(|| "the check panicked".to_owned())
}

impl fmt::Display for CrashFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            seed,
            point,
            loss,
            detail,
            ..
        } = self;
        match loss {
            Some(Loss::Kill) => write!(f, "after the process was killed")?,
            Some(Loss::Power { keep, .. }) => {
                write!(
                    f,
                    "after a power cut that kept {keep:?} of what was not synced"
                )?;
            }
            None => write!(f, "in the run itself")?,
        }
        write!(
            f,
            ", before change {point} of the disk, with seed {seed}: {detail}"
        )?;
        for call in &self.calls {
            write!(f, "\n    {call}")?;
        }
        Ok(())
    }
}

impl std::error::Error for CrashFailure {}
