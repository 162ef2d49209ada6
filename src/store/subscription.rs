//! Subscriptions: notifications as they happen, lossy for those who do not keep up.

mod ops;

pub use ops::{ScanSubscriptionOps, SubscriptionOps};

use super::{Notification, Open, Store, StoreError};
use crate::coordinate::Region;
use batpak_actors::engine::EngineHandle;
use batpak_actors::protocol::broker::Registered;
use batpak_actors::runtime::Watermark;
use crossbeam_channel::Receiver;
use std::fmt;
use std::sync::Arc;

impl Store<Open> {
    /// Subscribes to the events of a region that become visible from now on.
    ///
    /// Every append has notified before it returns. A subscriber that is more than
    /// `broadcast_capacity` behind loses notifications and never holds up the writer. Where the
    /// broker cannot take it, the subscription has ended at once, and
    /// [`recv_or_end`](Subscription::recv_or_end) says why.
    pub fn subscribe_lossy(&self, region: &Region) -> Subscription {
        let capacity = self.shared.config.broadcast_capacity;
        let engine = self.shared.engine.clone();
        let (registered, refused) = match engine.subscribe(region, capacity) {
            Ok(registered) => (registered, None),
            Err(error) => {
                tracing::warn!(%error, "a subscription was refused");
                (nothing_registered(), Some(error))
            }
        };
        Subscription {
            engine,
            registered,
            refused,
        }
    }
}

fn nothing_registered() -> Registered<Notification> {
    let (_, receiver) = crossbeam_channel::bounded(1);
    Registered {
        subscriber: u64::MAX,
        receiver,
        lost: Arc::new(Watermark::new(0)),
    }
}

/// Receives notifications until it is dropped or the store closes.
pub struct Subscription {
    engine: EngineHandle,
    registered: Registered<Notification>,
    /// Why it never began.
    refused: Option<StoreError>,
}

impl Subscription {
    /// Waits for the next notification; `None` once the subscription has ended and all were
    /// received.
    pub fn recv(&self) -> Option<Notification> {
        self.recv_or_end().ok()
    }

    /// As [`recv`](Self::recv), and tells why the subscription has ended.
    ///
    /// # Errors
    /// `Closed` when the store has closed, `ActorEnded` when the broker has spent its restarts:
    /// then appends go on, and cursors see them. `Busy` or `TimedOut` when the broker could not
    /// take it within `writer.reply_timeout`.
    pub fn recv_or_end(&self) -> Result<Notification, StoreError> {
        if let Some(refused) = &self.refused {
            return Err(refused.copied());
        }
        self.engine.receive(&self.registered.receiver)
    }

    /// Lends the channel on which notifications arrive.
    pub fn receiver(&self) -> &Receiver<Notification> {
        &self.registered.receiver
    }

    /// Returns how many notifications were lost because this subscriber was too far behind.
    pub fn lost(&self) -> u64 {
        self.registered.lost.get()
    }

    /// Makes a chain of it, that filters and maps what is received.
    pub fn ops(self) -> SubscriptionOps {
        SubscriptionOps::new(self)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if self.refused.is_none() {
            self.engine.unsubscribe(self.registered.subscriber);
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("pending", &self.registered.receiver.len())
            .field("lost", &self.lost())
            .finish_non_exhaustive()
    }
}
