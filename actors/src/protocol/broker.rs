//! What the broker is told.

use super::Acknowledgement;
use crate::runtime::channel::Receiver;
use crate::runtime::{ReplyTo, Watermark};
use batpak_log::coordinate::{Coordinate, Region};
use batpak_log::event::EventKind;
use std::sync::Arc;

/// Groups that the indexer may be ahead.
pub const INBOX_CAPACITY: usize = 64;

/// Tells a subscriber that an event is visible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// The event's id.
    pub event_id: u128,
    /// Its correlation.
    pub correlation_id: u128,
    /// Its cause.
    pub causation_id: Option<u128>,
    /// Its entity and scope.
    pub coord: Coordinate,
    /// What happened.
    pub kind: EventKind,
    /// Its global sequence.
    pub sequence: u64,
}

/// What a new subscriber gets.
#[derive(Debug)]
pub struct Registered<T> {
    /// Its number, with which it can be removed.
    pub subscriber: u64,
    /// Where it receives; disconnected when the store closes or it is removed.
    pub receiver: Receiver<T>,
    /// How many it has lost so far because its queue was full.
    pub lost: Arc<Watermark>,
}

/// Messages to the broker.
#[derive(Debug)]
pub enum Message {
    /// Tell subscribers what has become visible, then answer those who wait for it.
    Announce {
        /// Who waits.
        acknowledgements: Vec<Acknowledgement>,
    },
    /// Register for notifications of a region.
    Subscribe {
        /// Which events.
        region: Box<Region>,
        /// How many notifications it may be behind before it loses some.
        capacity: usize,
        /// Answered once it is registered: what becomes visible from then on is notified.
        reply: ReplyTo<Registered<Notification>>,
    },
    /// Register to be woken when an event of a region has become visible.
    Watch {
        /// Which events.
        region: Box<Region>,
        /// Answered once it is registered; wake-ups that find one pending are folded into it.
        reply: ReplyTo<Registered<()>>,
    },
    /// Remove a subscriber.
    Unsubscribe {
        /// Its number.
        subscriber: u64,
    },
    /// Wake everybody who registered to be woken, whatever is visible.
    WakeAll,
    /// Remove all subscribers and end.
    Close {
        /// Answered when they are told.
        reply: ReplyTo<()>,
    },
    /// Panic, to test that a crash loses nothing.
    Panic,
}
