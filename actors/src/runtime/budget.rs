//! The byte budget of a mailbox: so many bytes, or one message.

use std::time::Duration;

use super::clock::Stopwatch;
use super::sync::atomic::{AtomicUsize, Ordering};
use super::sync::{Condvar, Mutex};

/// Counts the bytes that lie in a mailbox and lets senders wait for room.
///
/// Both counters are touched only by read-modify-write steps. A waiter first counts itself and
/// then looks at the bytes, a releaser first takes its bytes off and then looks for waiters, so
/// the later of the two sees the earlier and no wake-up is lost.
#[derive(Debug)]
pub(crate) struct ByteBudget {
    limit: usize,
    used: AtomicUsize,
    waiters: AtomicUsize,
    lock: Mutex<()>,
    changed: Condvar,
}

/// How a wait for bytes ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Granted {
    Yes,
    TimedOut,
    Ended,
}

impl ByteBudget {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            used: AtomicUsize::new(0),
            waiters: AtomicUsize::new(0),
            lock: Mutex::new(()),
            changed: Condvar::new(),
        }
    }

    /// Takes the bytes if they fit, if they are the only ones, or if there are none to count.
    pub(crate) fn try_take(&self, bytes: usize) -> bool {
        let taken = self
            .used
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |used| {
                let after = used.saturating_add(bytes);
                (used == 0 || bytes == 0 || after <= self.limit).then_some(after)
            });
        taken.is_ok()
    }

    /// Waits until the bytes are taken, the limit has passed or `ended` says so.
    pub(crate) fn take(
        &self,
        bytes: usize,
        limit: Option<Duration>,
        ended: impl Fn() -> bool,
    ) -> Granted {
        if self.try_take(bytes) {
            return Granted::Yes;
        }
        self.waiters.fetch_add(1, Ordering::AcqRel);
        let granted = self.wait(bytes, limit, ended);
        self.waiters.fetch_sub(1, Ordering::AcqRel);
        granted
    }

    fn wait(&self, bytes: usize, limit: Option<Duration>, ended: impl Fn() -> bool) -> Granted {
        let watch = Stopwatch::start();
        let mut guard = self.lock.lock();
        loop {
            if ended() {
                return Granted::Ended;
            }
            if self.try_take(bytes) {
                return Granted::Yes;
            }
            guard = match limit.map(|limit| watch.left_of(limit)) {
                None => self.changed.wait(guard),
                Some(Duration::ZERO) => return Granted::TimedOut,
                Some(left) => self.changed.wait_within(guard, left),
            };
        }
    }

    /// Gives bytes back and wakes the senders that wait for some.
    pub(crate) fn give_back(&self, bytes: usize) {
        let _used = self
            .used
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |used| {
                Some(used.saturating_sub(bytes))
            });
        self.wake_waiters();
    }

    /// Lets every waiting sender look again.
    pub(crate) fn wake_waiters(&self) {
        // Adding nothing is a look that takes part in the order of writes; a plain load is not.
        if self.waiters.fetch_add(0, Ordering::AcqRel) > 0 {
            drop(self.lock.lock());
            self.changed.notify_all();
        }
    }
}
