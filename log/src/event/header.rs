//! What is known of an event beside its payload.
//!
//! Owns the header that readers get. How a header lies on disk is the segment's business, and
//! which bytes are hashed is said by [`CanonicalHeader`](crate::event::hash::CanonicalHeader).

use serde::{Deserialize, Serialize};

use crate::event::EventKind;
use crate::position::DagPosition;

/// The flag of an event whose consumer must acknowledge it.
pub const FLAG_REQUIRES_ACK: u8 = 0x01;
/// The flag of an event that is part of a transaction.
pub const FLAG_TRANSACTIONAL: u8 = 0x02;
/// The flag of an event that repeats an earlier one.
pub const FLAG_REPLAY: u8 = 0x08;
/// The flag of an event that a reaction loop appended; its cause is what was reacted to.
pub const FLAG_REACTION: u8 = 0x10;

/// The header of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventHeader {
    /// The event's id, unique in its store.
    #[serde(with = "crate::wire::u128_bytes")]
    pub event_id: u128,
    /// The id shared by all events of one undertaking; a root event's is its own id.
    #[serde(with = "crate::wire::u128_bytes")]
    pub correlation_id: u128,
    /// The id of the event that caused this one, if one did.
    #[serde(default, with = "crate::wire::option_u128_bytes")]
    pub causation_id: Option<u128>,
    /// Microseconds since the epoch.
    pub timestamp_us: i64,
    /// The event's place in its entity's history.
    pub position: DagPosition,
    /// The length of the encoded payload, in bytes.
    pub payload_size: u32,
    /// What sort of fact the event states.
    pub event_kind: EventKind,
    /// The `FLAG_*` bits; bits without a name here are kept as they are.
    pub flags: u8,
    /// The blake3 hash of the encoded payload.
    #[serde(default)]
    pub content_hash: [u8; 32],
}

impl EventHeader {
    /// Makes a header without flags and with an empty content hash.
    #[must_use]
    pub fn new(
        event_id: u128,
        correlation_id: u128,
        causation_id: Option<u128>,
        timestamp_us: i64,
        position: DagPosition,
        payload_size: u32,
        event_kind: EventKind,
    ) -> Self {
        Self {
            event_id,
            correlation_id,
            causation_id,
            timestamp_us,
            position,
            payload_size,
            event_kind,
            flags: 0,
            content_hash: [0; 32],
        }
    }

    /// Replaces the flags.
    #[must_use]
    pub fn with_flags(mut self, flags: u8) -> Self {
        self.flags = flags;
        self
    }

    /// Tells whether the event's consumer must acknowledge it.
    #[must_use]
    pub fn requires_ack(&self) -> bool {
        self.flags & FLAG_REQUIRES_ACK != 0
    }

    /// Tells whether the event is part of a transaction.
    #[must_use]
    pub fn is_transactional(&self) -> bool {
        self.flags & FLAG_TRANSACTIONAL != 0
    }

    /// Tells whether the event repeats an earlier one.
    #[must_use]
    pub fn is_replay(&self) -> bool {
        self.flags & FLAG_REPLAY != 0
    }

    /// Tells whether a reaction loop appended the event.
    #[must_use]
    pub fn is_reaction(&self) -> bool {
        self.flags & FLAG_REACTION != 0
    }

    /// Returns the microseconds from the event to `now_us`, and 0 for an event of the future.
    #[must_use]
    pub fn age_us(&self, now_us: i64) -> u64 {
        if now_us < self.timestamp_us {
            return 0;
        }
        now_us.abs_diff(self.timestamp_us)
    }
}
