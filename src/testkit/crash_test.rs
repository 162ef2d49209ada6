//! Runs a program's own code against a store, and crashes it everywhere.

use super::Machine;
use super::crasher::{Crasher, Image, POINTS_IN_ONE_RUN, Seen, chained};
use crate::store::{Open, Store, StoreConfig, StoreError};
use batpak_log::fs::{Loss, SimFs};
use crossbeam_channel::bounded;
use std::cell::RefCell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// More power cuts at one point are not tried.
const POWER_CUTS_MAX: u32 = 1000;

/// Tries a workload with a crash before every call that changes the disk.
///
/// 1. The workload runs on a simulated [`Machine`] and notes what it relies on from then on: that a
///    customer was told of an order, that a total was sent on.
/// 2. At each call that changes the disk the process is killed in thought, and the power is cut in
///    several ways: everything that was not synced is lost, or any part of it.
/// 3. Each time, and at the end of the workload, the store is opened again, and the check is given
///    it and all that was noted by then. Then it is closed and opened, and checked once more.
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

    /// Sets how many power cuts are tried at each point beside a killed process: 5 by default, 1000
    /// at most. The first loses all that was not synced, the others a part of it. With 0 only
    /// processes die.
    #[must_use]
    pub fn with_power_cuts(mut self, count: u32) -> Self {
        self.cuts = count.min(POWER_CUTS_MAX);
        self
    }

    /// Runs the workload and checks what each crash leaves, and what the end of it leaves.
    ///
    /// The workload opens its store with [`Machine::open`]. It is run many times, must do the same
    /// each time, and gets errors from a disk that is gone once a run has shown enough. A panic of
    /// `check` is a failure like an error, so it may assert.
    ///
    /// # Errors
    /// The earliest crash after which the check fails; the error of the workload on a disk that is
    /// good; a workload that changes nothing, or that does not do the same again.
    pub fn run<F: Clone>(
        &self,
        workload: impl Fn(&Machine, &Notes<F>) -> Result<(), StoreError>,
        check: impl Fn(&Store<Open>, &[F]) -> Result<(), String>,
    ) -> Result<CrashReport, CrashFailure> {
        let mut report = CrashReport::default();
        for seed in self.first_seed..self.first_seed.saturating_add(self.seeds) {
            let mut next = Some(Stretch::default());
            while let Some(stretch) = next {
                let (points, following) = self.one_run(seed, stretch, &workload, &check)?;
                report.points += points;
                report.images += points * (u64::from(self.cuts) + 1);
                next = following;
            }
        }
        Ok(report)
    }

    /// Crashes at the points of one stretch; returns how many there were, and where the next one
    /// begins unless the workload ended.
    fn one_run<F: Clone>(
        &self,
        seed: u64,
        stretch: Stretch,
        workload: &impl Fn(&Machine, &Notes<F>) -> Result<(), StoreError>,
        check: &impl Fn(&Store<Open>, &[F]) -> Result<(), String>,
    ) -> Result<(u64, Option<Stretch>), CrashFailure> {
        let machine = Machine::new(seed);
        let disk = machine.disk();
        let notes = Notes {
            disk: disk.clone(),
            facts: RefCell::default(),
        };
        let sights = 1 + POINTS_IN_ONE_RUN * (u64::from(self.cuts) + 2);
        let (sender, seen) = bounded(usize::try_from(sights).unwrap_or(usize::MAX));
        let crasher = Crasher {
            seed,
            cuts: self.cuts,
            disk: disk.clone(),
        };
        crasher.crash_from(stretch.passed + 1, sender);
        let done = workload(&machine, &notes);
        disk.observe(None);
        let mut seen = Seen::gather(&seen);
        let failure = |point, loss, detail| CrashFailure {
            seed,
            point,
            calls: Vec::new(),
            loss,
            detail,
        };
        let last = stretch.passed + seen.calls.len() as u64;
        let ended = seen.calls.len() as u64 != POINTS_IN_ONE_RUN;
        if seen.passed != stretch.digest {
            let detail = "the workload did not do the same again".to_owned();
            return Err(failure(last, None, detail));
        }
        if let (true, Err(error)) = (ended, done) {
            let detail = format!("the workload failed on a good disk: {error}");
            return Err(failure(last + 1, None, detail));
        }
        if ended && last == 0 {
            let detail = "the workload changed nothing on the machine's disk".to_owned();
            return Err(failure(0, None, detail));
        }
        if ended {
            seen.images.extend(crasher.images(last + 1, disk.calls()));
        }
        let points = seen.calls.len() as u64 + u64::from(ended);
        self.check_images(&machine, seen.images, &notes, check)
            .map_err(|(point, loss, detail)| CrashFailure {
                calls: calls_before(&seen.calls, point - stretch.passed - 1),
                ..failure(point, Some(loss), detail)
            })?;
        let digest = seen.calls.iter().fold(stretch.digest, chained);
        let following = Stretch {
            passed: last,
            digest,
        };
        Ok((points, (!ended).then_some(following)))
    }

    fn check_images<F: Clone>(
        &self,
        machine: &Machine,
        images: Vec<Image>,
        notes: &Notes<F>,
        check: &impl Fn(&Store<Open>, &[F]) -> Result<(), String>,
    ) -> Result<(), (u64, Loss, String)> {
        let facts = notes.facts.borrow();
        for (nth, image) in (0_u64..).zip(images) {
            let before = |(calls, _): &&(u64, F)| *calls <= image.calls_before;
            let known: Vec<F> = facts
                .iter()
                .filter(before)
                .map(|(_, fact)| fact.clone())
                .collect();
            // Ids that the check makes must not be those of the workload.
            let seed = chained(!image.point, &format!("image {nth}"));
            let machine = machine.with_image(image.disk, seed);
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

/// How far the runs before have come.
#[derive(Clone, Copy, Debug, Default)]
struct Stretch {
    /// Points that were looked at.
    passed: u64,
    /// What the calls up to there were.
    digest: u64,
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
