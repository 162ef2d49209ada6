//! Time, as everything in the runtime sees it.

#![expect(clippy::disallowed_methods, reason = "this is where time comes from")]

use std::fmt;
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// Where time comes from.
pub trait Clock: Send + Sync + 'static {
    /// Returns the time of day, in microseconds since 1970; it may jump.
    fn wall_us(&self) -> i64;

    /// Returns microseconds since some fixed moment; it never goes back.
    fn monotonic_us(&self) -> u64;
}

impl fmt::Debug for dyn Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock { .. }")
    }
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn wall_us(&self) -> i64 {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |us| -us),
        }
    }

    fn monotonic_us(&self) -> u64 {
        static START: OnceLock<Instant> = OnceLock::new();
        whole_microseconds(START.get_or_init(Instant::now).elapsed())
    }
}

/// A clock that stands still until it is moved: for tests and simulation.
///
/// Moving it wakes nobody: a stepped system looks at it in each step, a parked thread only when
/// it is woken.
#[derive(Debug)]
pub struct ManualClock {
    wall_us: AtomicI64,
    monotonic_us: AtomicU64,
}

impl ManualClock {
    /// Returns a clock at this time of day, whose monotonic time is zero.
    #[must_use]
    pub fn new(wall_us: i64) -> Self {
        Self {
            wall_us: AtomicI64::new(wall_us),
            monotonic_us: AtomicU64::new(0),
        }
    }

    /// Moves both times forward.
    pub fn advance(&self, us: u64) {
        self.monotonic_us.fetch_add(us, Ordering::AcqRel);
        let wall_us = i64::try_from(us).unwrap_or(i64::MAX);
        self.wall_us.fetch_add(wall_us, Ordering::AcqRel);
    }

    /// Sets the time of day, as somebody who sets the machine's clock does.
    pub fn set_wall_us(&self, wall_us: i64) {
        self.wall_us.store(wall_us, Ordering::Release);
    }

    /// Moves both times forward until the monotonic time is at least `at_us`.
    pub(crate) fn advance_to(&self, at_us: u64) {
        self.advance(at_us.saturating_sub(self.monotonic_us()));
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new(0)
    }
}

impl Clock for ManualClock {
    fn wall_us(&self) -> i64 {
        self.wall_us.load(Ordering::Acquire)
    }

    fn monotonic_us(&self) -> u64 {
        self.monotonic_us.load(Ordering::Acquire)
    }
}

/// Measures how long a wait has lasted, in real time whatever the system's clock is.
#[derive(Debug)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn has_run(&self, microseconds: u32) -> bool {
        self.0.elapsed() >= Duration::from_micros(u64::from(microseconds))
    }

    /// Returns how long it has run.
    pub(crate) fn microseconds(&self) -> u64 {
        whole_microseconds(self.0.elapsed())
    }

    /// Returns what is left of a limit that began when the watch was started.
    pub(crate) fn left_of(&self, limit: Duration) -> Duration {
        limit.saturating_sub(self.0.elapsed())
    }
}

/// Returns a span in whole microseconds, capped at what fits.
pub(crate) fn whole_microseconds(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}
