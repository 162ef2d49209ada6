//! What is done to notifications between their receiver and the program.

use super::Subscription;
use crate::store::{Notification, StoreError};
use std::fmt;

type Filter = Box<dyn Fn(&Notification) -> bool + Send>;
type Mapper = Box<dyn Fn(&Notification) -> Option<Notification> + Send>;

/// One thing that happens to a notification.
enum Stage {
    Filter(Filter),
    Map(Mapper),
}

/// A subscription whose notifications are filtered and mapped, in the order in which that was asked
/// for, each before it is received.
///
/// It is as lossy as the subscription: [`lost`](Self::lost) tells how many never came through.
pub struct SubscriptionOps {
    subscription: Subscription,
    stages: Vec<Stage>,
    /// How many may still be received; no limit when none.
    left: Option<usize>,
}

impl SubscriptionOps {
    pub(super) fn new(subscription: Subscription) -> Self {
        Self {
            subscription,
            stages: Vec::new(),
            left: None,
        }
    }

    /// Passes over the notifications for which `keep` returns `false`.
    pub fn filter<F: Fn(&Notification) -> bool + Send + 'static>(mut self, keep: F) -> Self {
        self.stages.push(Stage::Filter(Box::new(keep)));
        self
    }

    /// Puts in a notification's place what `map` makes of it, and passes over it for `None`.
    pub fn map<F: Fn(&Notification) -> Option<Notification> + Send + 'static>(
        mut self,
        map: F,
    ) -> Self {
        self.stages.push(Stage::Map(Box::new(map)));
        self
    }

    /// Ends after `count` notifications were received from here.
    pub fn take(mut self, count: usize) -> Self {
        self.left = Some(count);
        self
    }

    /// Folds the notifications into a state, as [`ScanSubscriptionOps::recv`] says.
    pub fn scan<S, F>(self, initial: S, fold: F) -> ScanSubscriptionOps<S, F>
    where
        S: Clone + Send + 'static,
        F: FnMut(&mut S, &Notification) -> Option<S> + Send + 'static,
    {
        ScanSubscriptionOps {
            ops: self,
            state: initial,
            fold,
        }
    }

    /// Waits for the next notification that comes through; `None` once as many were received as
    /// [`take`](Self::take) allows, or the subscription has ended.
    pub fn recv(&mut self) -> Option<Notification> {
        self.recv_or_end().ok().flatten()
    }

    /// As [`recv`](Self::recv), and tells why the subscription has ended; `None` stands for the
    /// limit alone.
    ///
    /// # Errors
    /// As [`Subscription::recv_or_end`].
    pub fn recv_or_end(&mut self) -> Result<Option<Notification>, StoreError> {
        if self.left == Some(0) {
            return Ok(None);
        }
        loop {
            let received = self.subscription.recv_or_end()?;
            if let Some(notification) = self.pass(received) {
                self.left = self.left.map(|left| left.saturating_sub(1));
                return Ok(Some(notification));
            }
        }
    }

    /// Returns how many notifications were lost because this subscriber was too far behind,
    /// whatever the filters would have made of them.
    pub fn lost(&self) -> u64 {
        self.subscription.lost()
    }

    fn pass(&self, notification: Notification) -> Option<Notification> {
        let through = |notification: Notification, stage: &Stage| match stage {
            Stage::Filter(keep) => keep(&notification).then_some(notification),
            Stage::Map(map) => map(&notification),
        };
        self.stages.iter().try_fold(notification, through)
    }
}

/// A subscription that is folded into a state: for a live view that may be approximate, since a
/// slow subscriber misses notifications. Where every event counts, use a
/// [`Cursor`](crate::store::Cursor) or a projection.
pub struct ScanSubscriptionOps<S, F> {
    ops: SubscriptionOps,
    state: S,
    fold: F,
}

impl<S, F> ScanSubscriptionOps<S, F>
where
    S: Clone + Send + 'static,
    F: FnMut(&mut S, &Notification) -> Option<S> + Send + 'static,
{
    /// Waits until the fold returns a state, which is kept and returned; `None` as
    /// [`SubscriptionOps::recv`].
    ///
    /// The fold may change the state that it is given. Where it returns `None`, that change stays
    /// and the next notification is waited for.
    pub fn recv(&mut self) -> Option<S> {
        loop {
            let notification = self.ops.recv()?;
            if let Some(next) = (self.fold)(&mut self.state, &notification) {
                self.state = next.clone();
                return Some(next);
            }
        }
    }

    /// As [`SubscriptionOps::lost`].
    pub fn lost(&self) -> u64 {
        self.ops.lost()
    }
}

impl fmt::Debug for SubscriptionOps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubscriptionOps")
            .field("subscription", &self.subscription)
            .field("stages", &self.stages.len())
            .field("left", &self.left)
            .finish()
    }
}

impl<S: fmt::Debug, F> fmt::Debug for ScanSubscriptionOps<S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScanSubscriptionOps")
            .field("ops", &self.ops)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
