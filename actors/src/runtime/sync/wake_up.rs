//! The wake-up of one thread: a token that anyone may leave and only the owner takes.
//!
//! Life of the token:
//! 1. The owner takes it, then looks at all that it has to do.
//! 2. Whoever leaves work for the owner leaves the token after it.
//! 3. An owner that found nothing parks; a token left since step 1 makes it return at once.
//!
//! So work left at any moment is either seen in the look or announced by the token: no wake-up is
//! missed. Every step is a read-modify-write of one word, so it also orders what lies around it:
//! whoever comes second sees all that the first did before.

use std::time::Duration;

use super::atomic::{AtomicU8, Ordering};
use super::{Condvar, Mutex};

const QUIET: u8 = 0;
const PARKED: u8 = 1;
const AWAKE: u8 = 2;

/// Wakes one thread.
#[derive(Debug)]
pub(crate) struct WakeUp {
    state: AtomicU8,
    lock: Mutex<()>,
    bell: Condvar,
}

impl WakeUp {
    /// Returns a wake-up whose token is not left.
    pub(crate) fn new() -> Self {
        Self {
            state: AtomicU8::new(QUIET),
            lock: Mutex::new(()),
            bell: Condvar::new(),
        }
    }

    /// Leaves the token and wakes the owner if it is parked.
    pub(crate) fn wake(&self) {
        if self.state.swap(AWAKE, Ordering::AcqRel) == PARKED {
            // The owner may stand between its last look at the state and its wait; holding the
            // lock once makes sure that it waits already, and hears the bell.
            drop(self.lock.lock());
            self.bell.notify_one();
        }
    }

    /// Takes the token; returns whether it was left.
    pub(crate) fn take(&self) -> bool {
        self.state.swap(QUIET, Ordering::AcqRel) == AWAKE
    }

    /// Takes the token in the owner's place, if it is left; an owner that is parked stays marked
    /// as parked.
    pub(crate) fn take_for_owner(&self) {
        let _taken = self
            .state
            .compare_exchange(AWAKE, QUIET, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Returns whether the token is left, without taking it.
    pub(crate) fn is_left(&self) -> bool {
        self.state.load(Ordering::Acquire) == AWAKE
    }

    /// Returns whether the owner is parked now.
    pub(crate) fn is_parked(&self) -> bool {
        self.state.load(Ordering::Acquire) == PARKED
    }

    /// Parks the owner until the token is left, or until the time has passed if one is given.
    pub(crate) fn park(&self, limit: Option<Duration>) {
        let mut guard = self.lock.lock();
        let parked =
            self.state
                .compare_exchange(QUIET, PARKED, Ordering::AcqRel, Ordering::Acquire);
        if parked.is_err() {
            return;
        }
        match limit {
            // One wait is enough even if it ends for no reason: the owner looks again anyway.
            Some(limit) => drop(self.bell.wait_within(guard, limit)),
            None => {
                while self.is_parked() {
                    guard = self.bell.wait(guard);
                }
                drop(guard);
            }
        }
        // Only a wait that ran out is still marked as parked; a token that was left stays.
        let _woken =
            self.state
                .compare_exchange(PARKED, QUIET, Ordering::AcqRel, Ordering::Acquire);
    }
}
