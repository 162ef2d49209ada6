//! Faults that come when a point has been passed so many times.

use super::{FaultInjector, InjectionPoint};
use crate::error::StoreError;
use crate::runtime::Counter;
use std::fmt;

/// Chooses points.
pub(super) type Filter = Box<dyn Fn(InjectionPoint) -> bool + Send + Sync>;

/// What an injector does at a point that it has chosen.
#[derive(Clone, Copy, Debug)]
pub enum CountdownAction {
    /// Fails with [`FaultInjected`](StoreError::FaultInjected) and this text.
    Fail(&'static str),
    /// Panics with this text, as a bug would: the writer crashes at the point.
    Crash(&'static str),
    /// Nothing; the point is traced.
    Noop,
}

impl CountdownAction {
    pub(super) fn act(self, point: InjectionPoint) -> Option<StoreError> {
        match self {
            Self::Fail(text) => Some(StoreError::FaultInjected(format!("{text} at {point:?}"))),
            Self::Crash(text) => panic!("{text} at {point:?}"),
            Self::Noop => {
                tracing::debug!(?point, "a fault was due, and nothing is done");
                None
            }
        }
    }
}

/// Acts at the nth point and at every later one, or at the nth [only](Self::once).
pub struct CountdownInjector {
    trigger_after: u64,
    passed: Counter,
    filter: Option<Filter>,
    action: CountdownAction,
    once: bool,
}

impl CountdownInjector {
    /// Returns an injector that acts when it is asked for the `trigger_after`th time, and from then
    /// on. 0 means the same as 1.
    pub fn new(trigger_after: usize, action: CountdownAction) -> Self {
        Self {
            trigger_after: trigger_after.max(1) as u64,
            passed: Counter::new(1),
            filter: None,
            action,
            once: false,
        }
    }

    /// Counts only the points that `filter` chooses, and acts at no others.
    pub fn with_filter<F>(mut self, filter: F) -> Self
    where
        F: Fn(InjectionPoint) -> bool + Send + Sync + 'static,
    {
        self.filter = Some(Box::new(filter));
        self
    }

    /// Acts one time only.
    pub fn once(mut self) -> Self {
        self.once = true;
        self
    }

    /// Returns an injector that fails at the nth item of a batch, and at every later one.
    pub fn after_batch_items(n: usize) -> Self {
        Self::new(n, CountdownAction::Fail("a fault at an item of a batch"))
            .with_filter(|point| matches!(point, InjectionPoint::BatchItemWritten { .. }))
    }

    /// Returns an injector that fails where batches begin.
    pub fn after_batch_begin() -> Self {
        Self::new(1, CountdownAction::Fail("a fault at the begin of a batch"))
            .with_filter(|point| matches!(point, InjectionPoint::BatchBeginWritten { .. }))
    }

    /// Returns an injector that fails where a batch is written and not synced.
    pub fn after_commit_before_fsync() -> Self {
        Self::new(
            1,
            CountdownAction::Fail("a fault before the sync of a batch"),
        )
        .with_filter(|point| matches!(point, InjectionPoint::BatchCommitWritten { .. }))
    }
}

impl FaultInjector for CountdownInjector {
    fn check(&self, point: InjectionPoint) -> Option<StoreError> {
        if self.filter.as_ref().is_some_and(|filter| !filter(point)) {
            return None;
        }
        let passed = self.passed.next();
        let is_due = match self.once {
            true => passed == self.trigger_after,
            false => passed >= self.trigger_after,
        };
        if !is_due {
            return None;
        }
        self.action.act(point)
    }
}

impl fmt::Debug for CountdownInjector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CountdownInjector")
            .field("trigger_after", &self.trigger_after)
            .field("action", &self.action)
            .field("once", &self.once)
            .finish_non_exhaustive()
    }
}
