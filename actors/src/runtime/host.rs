//! A host: one thread, or one stepped group, that runs its cells in turn.
//!
//! Cells run in placement order, the leftmost actor first: what one tells the next is handled in
//! the same pass, and never inside the call that told it. When a pass finds nothing to do, a
//! thread spins for a bounded time if it may, then parks until it is woken or a timer is due. An
//! idle host costs nothing.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::Waiting;
use super::cell::Run;
use super::clock::{Clock, Stopwatch};
use super::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use super::sync::{
    Apart, LOOKS_PER_CLOCK, MAY_SPIN, Mutex, SpinCap, WakeUp, give_way, is_crowded, relax,
    yield_core,
};

/// After so long without a message its sender may be waiting for this very core.
const YIELD_AFTER_US: u32 = 5;

/// A caller never spins for longer, and not at all beyond the usual where answers take longer:
/// being woken costs less.
const PATIENCE_MAX_US: u64 = 500;

/// After a caller met another one that waits, so many questions go to the host's thread: it
/// answers several callers with one group.
const CROWD_LASTS: u64 = 256;

/// After an actor has gathered callers, so many questions are not answered one by one.
const GATHERING_LASTS: u64 = 256;

/// A caller that runs the host gives it at most so many passes.
const GUEST_PASSES: usize = 32;

/// A caller looks so long for its answer, or for the seat, before it leaves both to the host's
/// thread: shorter, and callers sleep that only wait for a core; longer, and they stay in the way.
const SHARE_SEAT_US: u32 = 400;

/// What others may know of a host, how they wake it, and where whoever runs it sits.
pub(crate) struct HostSignal {
    wake_up: Apart<WakeUp>,
    callers: Apart<Callers>,
    /// The host, while it runs on a thread of its own: that thread takes the seat for each pass,
    /// and a caller that would wait for it anyway may take it in between.
    seat: Apart<Mutex<Option<Host>>>,
}

impl fmt::Debug for HostSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostSignal").finish_non_exhaustive()
    }
}

/// What callers tell each other; advice that nothing rests on.
#[derive(Debug)]
struct Callers {
    spins: AtomicBool,
    /// So many questions are not run by their callers.
    crowd: AtomicU64,
    /// So many questions are left to the host's thread as soon as callers meet: answers take long,
    /// and several are given together.
    gathering: AtomicU64,
    /// How many callers wait for the host's thread, or sit in its place.
    waiting: AtomicU64,
    /// How long a caller has waited lately, as a moving average.
    wait_us: AtomicU64,
}

impl Callers {
    /// Counts towards 0; returns whether it was not there yet.
    fn count_down(count: &AtomicU64) -> bool {
        let left = count.load(Ordering::Relaxed);
        if left > 0 {
            count.store(left - 1, Ordering::Relaxed);
        }
        left > 0
    }
}

impl HostSignal {
    pub(crate) fn new() -> Self {
        Self {
            wake_up: Apart(WakeUp::new()),
            callers: Apart(Callers {
                spins: AtomicBool::new(false),
                crowd: AtomicU64::new(0),
                gathering: AtomicU64::new(0),
                waiting: AtomicU64::new(0),
                wait_us: AtomicU64::new(0),
            }),
            seat: Apart(Mutex::new(None)),
        }
    }

    /// Puts the host on its seat, before its thread starts.
    pub(crate) fn seat(&self, host: Host) {
        *self.seat.0.lock() = Some(host);
    }

    /// Ends a host that has no thread.
    pub(crate) fn unseat(&self) {
        let host = self.seat.0.lock().take();
        drop(host);
    }

    /// Runs the host on the caller's thread, if nobody runs it: `send` gives it a message without
    /// waking its thread, and the passes end when `look` finds the answer.
    ///
    /// A question is answered without a switch between threads then. What the caller leaves undone
    /// is left to the host's thread, which is woken. Returns what `send` returned, and nothing was
    /// sent when somebody else sits there.
    pub(crate) fn run_as_guest<T>(
        &self,
        send: impl FnOnce() -> T,
        is_answered: impl Fn() -> bool,
    ) -> Option<T> {
        if Callers::count_down(&self.callers.0.crowd) {
            return None;
        }
        let _place = self.claim_place();
        if self.callers.0.waiting.load(Ordering::Relaxed) > 1 {
            self.callers.0.crowd.store(CROWD_LASTS, Ordering::Relaxed);
            return None;
        }
        let mut seat = self.seat.0.try_lock()?;
        let host = seat.as_mut()?;
        let sent = send();
        self.pass_in_seat(host, is_answered);
        Some(sent)
    }

    /// Returns whether an actor has gathered callers lately.
    pub(crate) fn is_gathering(&self) -> bool {
        self.callers.0.gathering.load(Ordering::Relaxed) > 0
    }

    /// Waits until whoever runs the host has answered, or runs it as soon as the seat is free.
    ///
    /// One caller answers the questions of all who came meanwhile, and nobody sleeps. Returns after
    /// a while in any case; the caller then wakes the host's thread.
    pub(crate) fn share_seat(&self, is_answered: impl Fn() -> bool) {
        let _place = self.claim_place();
        let watch = Stopwatch::start();
        while !is_answered() {
            if let Some(mut seat) = self.seat.0.try_lock() {
                if let Some(host) = seat.as_mut() {
                    self.pass_in_seat(host, is_answered);
                }
                return;
            }
            if !MAY_SPIN || watch.has_run(SHARE_SEAT_US) {
                return;
            }
            if watch.has_run(YIELD_AFTER_US) {
                give_way();
            }
            for _ in 0..LOOKS_PER_CLOCK {
                relax();
            }
        }
    }

    /// Runs the host in its thread's place until nothing is left to do.
    fn pass_in_seat(&self, host: &mut Host, is_answered: impl Fn() -> bool) {
        let mut passes = 0;
        // The last pass finds nothing, so that no message from one actor to another is left.
        while passes < GUEST_PASSES && host.pass_for_owner() {
            passes += 1;
        }
        if passes == GUEST_PASSES || !is_answered() || host.needs_owner() {
            self.wake();
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

    /// Counts a caller that waits for the host.
    pub(crate) fn claim_place(&self) -> Place<'_> {
        self.callers.0.waiting.fetch_add(1, Ordering::Relaxed);
        Place(self)
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

/// A caller that waits for a host, counted until this is dropped.
pub(crate) struct Place<'a>(&'a HostSignal);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.callers.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The cells of one host, leftmost actor first.
pub(crate) struct Host {
    cells: Vec<Box<dyn Run>>,
    signal: Arc<HostSignal>,
    /// Whether it comes back at once while a group is held back.
    patient: bool,
    /// Until when its thread sleeps at the most, if it sleeps and is to be woken by a timer.
    sleeps_until_us: Option<u64>,
}

impl Host {
    pub(crate) fn new(cells: Vec<Box<dyn Run>>, signal: Arc<HostSignal>) -> Self {
        Self {
            cells,
            signal,
            patient: false,
            sleeps_until_us: None,
        }
    }

    /// Takes the wake-up and gives every cell one pass; returns whether anything was done.
    ///
    /// The wake-up must be taken before the look: what is sent afterwards leaves a new one.
    pub(crate) fn pass(&mut self) -> bool {
        self.signal.wake_up.0.take();
        let patient = self.patient;
        self.pass_cells(patient)
    }

    /// As [`pass`](Self::pass), by a caller in the place of the host's thread.
    fn pass_for_owner(&mut self) -> bool {
        self.signal.wake_up.0.take_for_owner();
        self.pass_cells(false)
    }

    fn pass_cells(&mut self, patient: bool) -> bool {
        let mut worked = false;
        let mut gathered = false;
        for cell in &mut self.cells {
            worked |= cell.pass(patient);
            gathered |= cell.take_gathered();
        }
        let gathering = &self.signal.callers.0.gathering;
        if gathered {
            gathering.store(GATHERING_LASTS, Ordering::Relaxed);
        } else if worked {
            Callers::count_down(gathering);
        }
        worked
    }

    /// Returns whether its thread has something to do that it does not know of.
    fn needs_owner(&self) -> bool {
        self.is_done()
            || self.cells.iter().any(|cell| cell.is_held())
            || self.next_timer_us() != self.sleeps_until_us
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
}

/// What the last pass of a host has left to its thread.
struct Left {
    worked: bool,
    is_held: bool,
    timer_us: Option<u64>,
}

impl HostSignal {
    /// Runs the host on its thread until all of its actors have ended.
    pub(crate) fn run(&self, waiting: Waiting, clock: &dyn Clock) {
        loop {
            let Some(left) = self.pass_seated(waiting) else {
                return;
            };
            if left.is_held {
                // Those who are waited for may be waiting for this core.
                yield_core();
            } else if !left.worked && !self.spin(waiting, left.timer_us, clock) {
                self.park(left.timer_us, clock);
            }
        }
    }

    /// Takes the seat for one pass; none when the host has ended.
    fn pass_seated(&self, waiting: Waiting) -> Option<Left> {
        let mut seat = self.seat.0.lock();
        let host = seat.as_mut()?;
        host.patient = MAY_SPIN && waiting != Waiting::Park;
        let worked = host.pass();
        if host.is_done() {
            host.finish();
            *seat = None;
            return None;
        }
        let timer_us = host.next_timer_us();
        host.sleeps_until_us = timer_us;
        Some(Left {
            worked,
            is_held: host.cells.iter().any(|cell| cell.is_held()),
            timer_us,
        })
    }

    /// Spins until the host is woken; returns false when the time is over or it may not spin.
    fn spin(&self, waiting: Waiting, timer_us: Option<u64>, clock: &dyn Clock) -> bool {
        let Waiting::Spin { microseconds } = waiting else {
            return false;
        };
        if self.wake_up.0.is_left() {
            return true;
        }
        let Some(_permit) = SpinCap::of_process().take() else {
            return false;
        };
        let is_crowded = is_crowded();
        let watch = Stopwatch::start();
        while !watch.has_run(microseconds) {
            for _ in 0..LOOKS_PER_CLOCK {
                if self.wake_up.0.is_left() {
                    return true;
                }
                relax();
            }
            if timer_us.is_some_and(|at_us| at_us <= clock.monotonic_us()) {
                return true;
            }
            if watch.has_run(YIELD_AFTER_US) && (is_crowded || !yield_core()) {
                return self.wake_up.0.is_left();
            }
        }
        false
    }

    fn park(&self, timer_us: Option<u64>, clock: &dyn Clock) {
        let left_us = |at_us: u64| at_us.saturating_sub(clock.monotonic_us());
        let limit = timer_us.map(|at_us| Duration::from_micros(left_us(at_us)));
        self.wake_up.0.park(limit);
    }
}
