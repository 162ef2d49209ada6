//! A lock and a condition without poisoning.
//!
//! A panic of an actor is caught and counted by the supervisor, so a lock that was held meanwhile
//! has nothing to add; callers get the guard, not a result.

use std::sync::{PoisonError, TryLockError};
use std::time::Duration;

use super::raw;

/// A lock whose guard is had without a question about panics.
#[derive(Debug)]
pub(crate) struct Mutex<T>(raw::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(raw::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> raw::MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the guard if nobody holds the lock.
    pub(crate) fn try_lock(&self) -> Option<raw::MutexGuard<'_, T>> {
        match self.0.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

/// A condition that threads wait for under a [`Mutex`].
#[derive(Debug)]
pub(crate) struct Condvar(raw::Condvar);

impl Condvar {
    pub(crate) fn new() -> Self {
        Self(raw::Condvar::new())
    }

    pub(crate) fn wait<'a, T>(&self, guard: raw::MutexGuard<'a, T>) -> raw::MutexGuard<'a, T> {
        self.0.wait(guard).unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until notified or, outside a model, until the time has passed.
    pub(crate) fn wait_within<'a, T>(
        &self,
        guard: raw::MutexGuard<'a, T>,
        limit: Duration,
    ) -> raw::MutexGuard<'a, T> {
        self.0
            .wait_timeout(guard, limit)
            .map_or_else(|poisoned| poisoned.into_inner().0, |(guard, _)| guard)
    }

    pub(crate) fn notify_one(&self) {
        self.0.notify_one();
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }
}
