//! The permission to spin: a process-wide cap on engine threads that burn a core while they wait.
//!
//! Spinning saves the price of a sleep when the next message is microseconds away, and costs a
//! core that somebody else could use. With one permit for every two cores, callers always find
//! room to run. The count is the process's and not a model's, hence the standard atomic.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use super::MAY_SPIN;

static PROCESS: SpinCap = SpinCap::new();
static CALLERS: SpinCap = SpinCap::new();

/// How often a spinning thread looks before it reads the clock, which takes longer than a look.
pub(crate) const LOOKS_PER_CLOCK: u32 = 16;

/// Counts the threads that spin.
#[derive(Debug)]
pub(crate) struct SpinCap {
    spinning: AtomicUsize,
    limit: OnceLock<usize>,
}

impl SpinCap {
    pub(crate) const fn new() -> Self {
        Self {
            spinning: AtomicUsize::new(0),
            limit: OnceLock::new(),
        }
    }

    /// Returns the cap that all engine threads of this process share.
    pub(crate) fn of_process() -> &'static Self {
        &PROCESS
    }

    /// Returns the cap on callers that wait for more than a moment, which all share too.
    pub(crate) fn of_callers() -> &'static Self {
        &CALLERS
    }

    /// Takes a permit, unless as many threads spin already as may.
    pub(crate) fn take(&self) -> Option<SpinPermit<'_>> {
        if !MAY_SPIN {
            return None;
        }
        let limit = self.limit();
        let taken = self
            .spinning
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, |spinning| {
                (spinning < limit).then_some(spinning + 1)
            });
        taken.ok().map(|_| SpinPermit(self))
    }

    /// Returns how many threads may spin at one time.
    pub(crate) fn limit(&self) -> usize {
        *self.limit.get_or_init(|| {
            let cores = std::thread::available_parallelism().map_or(1, usize::from);
            (cores / 2).max(1)
        })
    }
}

/// The right of one engine thread to spin; given back when dropped.
#[derive(Debug)]
pub(crate) struct SpinPermit<'a>(&'a SpinCap);

impl Drop for SpinPermit<'_> {
    fn drop(&mut self) {
        self.0.spinning.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Passes one turn of a spinning loop.
pub(crate) fn relax() {
    std::hint::spin_loop();
}

/// Lets others have the core, whoever they are: for whoever waits for threads of ours that want it.
pub(crate) fn give_way() {
    std::thread::yield_now();
}

/// A turn that took so long was a stranger's: no thread of ours keeps a core for that.
const STRANGER_US: u128 = 500;

/// How many waits do without yielding after a stranger had the core once.
const CROWDED_WAITS: u32 = 64;

/// How often that doubles while every yield goes to a stranger.
const CROWDED_DOUBLINGS_MAX: u32 = 8;

/// How many more waits do without yielding.
static CROWDED: AtomicU32 = AtomicU32::new(0);

/// How many yields in a row have gone to a stranger.
static STRANGERS: AtomicU32 = AtomicU32::new(0);

/// Lets another thread have the core if one waits for it: perhaps the one that is waited for.
///
/// Returns false when it was some other work that had it. Whoever yields to that comes back last,
/// while a sleeper that is woken comes first, so it is better to sleep then.
pub(crate) fn yield_core() -> bool {
    #[expect(clippy::disallowed_methods, reason = "what is timed is this very call")]
    let begun = std::time::Instant::now();
    std::thread::yield_now();
    let strangers = STRANGERS.load(Ordering::Relaxed);
    if begun.elapsed().as_micros() < STRANGER_US {
        if strangers > 0 {
            STRANGERS.store(0, Ordering::Relaxed);
        }
        return true;
    }
    CROWDED.store(CROWDED_WAITS << strangers, Ordering::Relaxed);
    let more = (strangers + 1).min(CROWDED_DOUBLINGS_MAX);
    STRANGERS.store(more, Ordering::Relaxed);
    false
}

/// Returns whether other work wants the cores, so that a wait should not yield; asked once a wait.
pub(crate) fn is_crowded() -> bool {
    let left = CROWDED.load(Ordering::Relaxed);
    if left > 0 {
        CROWDED.store(left - 1, Ordering::Relaxed);
    }
    left > 0
}
