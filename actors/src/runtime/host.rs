//! A host: one thread, or one stepped group, that runs its cells in turn.
//!
//! Cells run in placement order, the leftmost actor first: what one tells the next is handled in
//! the same pass, and never inside the call that told it. When a pass finds nothing to do, a
//! thread spins for a bounded time if it may, then parks until it is woken or a timer is due. An
//! idle host costs nothing.

use std::sync::Arc;
use std::time::Duration;

use super::Waiting;
use super::cell::Run;
use super::clock::{Clock, Stopwatch};
use super::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use super::sync::{
    Apart, LOOKS_PER_CLOCK, MAY_SPIN, SpinCap, WakeUp, is_crowded, relax, yield_core,
};

/// After so long without a message its sender may be waiting for this very core.
const YIELD_AFTER_US: u32 = 5;

/// A caller never spins for longer, and not at all beyond the usual where answers take longer:
/// being woken costs less.
const PATIENCE_MAX_US: u64 = 500;

/// What others may know of a host, and how they wake it.
#[derive(Debug)]
pub(crate) struct HostSignal {
    wake_up: Apart<WakeUp>,
    callers: Apart<Callers>,
}

/// What callers tell each other; advice that nothing rests on.
#[derive(Debug)]
struct Callers {
    spins: AtomicBool,
    /// How long a caller has waited lately, as a moving average.
    wait_us: AtomicU64,
}

impl HostSignal {
    pub(crate) fn new() -> Self {
        Self {
            wake_up: Apart(WakeUp::new()),
            callers: Apart(Callers {
                spins: AtomicBool::new(false),
                wait_us: AtomicU64::new(0),
            }),
        }
    }

    /// Wakes the host, or makes it look once more before it parks.
    pub(crate) fn wake(&self) {
        self.wake_up.0.wake();
    }

    /// Returns whether the host runs or spins, or was woken, so that it may answer soon.
    pub(crate) fn is_busy(&self) -> bool {
        !self.wake_up.0.is_parked()
    }

    /// Claims the place of the one caller that may spin for this host.
    pub(crate) fn claim_caller_spin(&self) -> Option<CallerSpin<'_>> {
        let taken = self.callers.0.spins.swap(true, Ordering::AcqRel);
        (!taken).then_some(CallerSpin(self))
    }

    /// Takes up how long a caller has waited.
    pub(crate) fn note_wait(&self, microseconds: u64) {
        let before = self.callers.0.wait_us.load(Ordering::Relaxed);
        let noted = microseconds.min(4 * PATIENCE_MAX_US);
        self.callers
            .0
            .wait_us
            .store((3 * before + noted) / 4, Ordering::Relaxed);
    }

    /// Returns how long a caller should spin for an answer, at least `spin_us`.
    pub(crate) fn patience_us(&self, spin_us: u32) -> u32 {
        let usual_us = self.callers.0.wait_us.load(Ordering::Relaxed);
        if usual_us > PATIENCE_MAX_US {
            return spin_us;
        }
        u32::try_from((2 * usual_us).min(PATIENCE_MAX_US)).map_or(spin_us, |us| us.max(spin_us))
    }
}

/// The place of the one caller that spins for a host; free again when dropped.
pub(crate) struct CallerSpin<'a>(&'a HostSignal);

impl Drop for CallerSpin<'_> {
    fn drop(&mut self) {
        self.0.callers.0.spins.store(false, Ordering::Release);
    }
}

/// The cells of one host, leftmost actor first.
pub(crate) struct Host {
    cells: Vec<Box<dyn Run>>,
    signal: Arc<HostSignal>,
    clock: Arc<dyn Clock>,
    /// Whether it comes back at once while a group is held back.
    patient: bool,
}

impl Host {
    pub(crate) fn new(
        cells: Vec<Box<dyn Run>>,
        signal: Arc<HostSignal>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            cells,
            signal,
            clock,
            patient: false,
        }
    }

    /// Takes the wake-up and gives every cell one pass; returns whether anything was done.
    ///
    /// The wake-up must be taken before the look: what is sent afterwards leaves a new one.
    pub(crate) fn pass(&mut self) -> bool {
        self.signal.wake_up.0.take();
        let mut worked = false;
        for cell in &mut self.cells {
            worked |= cell.pass(self.patient);
        }
        worked
    }

    /// Returns whether all actors have ended and all that they told has left.
    pub(crate) fn is_done(&self) -> bool {
        self.cells.iter().all(|cell| cell.is_done())
    }

    /// Refuses what raced in; a sender that comes after the wake-up is taken refuses by itself.
    pub(crate) fn finish(&self) {
        self.signal.wake_up.0.take();
        for cell in &self.cells {
            cell.refuse_waiting();
        }
    }

    pub(crate) fn next_timer_us(&self) -> Option<u64> {
        self.cells
            .iter()
            .filter_map(|cell| cell.next_timer_us())
            .min()
    }

    /// Runs the host on its thread until all of its actors have ended.
    pub(crate) fn run(mut self, waiting: Waiting) {
        self.patient = MAY_SPIN && waiting != Waiting::Park;
        loop {
            let worked = self.pass();
            if self.is_done() {
                return self.finish();
            }
            if self.cells.iter().any(|cell| cell.is_held()) {
                // Those who are waited for may be waiting for this core.
                yield_core();
            } else if !worked && !self.spin(waiting) {
                self.park();
            }
        }
    }

    /// Spins until the host is woken; returns false when the time is over or it may not spin.
    fn spin(&self, waiting: Waiting) -> bool {
        let Waiting::Spin { microseconds } = waiting else {
            return false;
        };
        if self.signal.wake_up.0.is_left() {
            return true;
        }
        let Some(_permit) = SpinCap::of_process().take() else {
            return false;
        };
        let timer_us = self.next_timer_us();
        let is_crowded = is_crowded();
        let watch = Stopwatch::start();
        while !watch.has_run(microseconds) {
            for _ in 0..LOOKS_PER_CLOCK {
                if self.signal.wake_up.0.is_left() {
                    return true;
                }
                relax();
            }
            if timer_us.is_some_and(|at_us| at_us <= self.clock.monotonic_us()) {
                return true;
            }
            if watch.has_run(YIELD_AFTER_US) && (is_crowded || !yield_core()) {
                return self.signal.wake_up.0.is_left();
            }
        }
        false
    }

    fn park(&self) {
        let limit = self.time_to_timer();
        self.signal.wake_up.0.park(limit);
    }

    fn time_to_timer(&self) -> Option<Duration> {
        let at_us = self.next_timer_us()?;
        Some(Duration::from_micros(
            at_us.saturating_sub(self.clock.monotonic_us()),
        ))
    }
}
