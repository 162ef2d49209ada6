//! What an append may ask for beyond the event itself.

use super::StoreError;
use super::payload::encode;
use crate::coordinate::Coordinate;
use crate::event::EventKind;
use batpak_actors::protocol::{Durability, Expectation};
use serde::Serialize;

/// Options of one append. All off by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AppendOptions {
    /// The clock that the entity's latest event must have (compare-and-swap).
    pub expected_sequence: Option<u32>,
    /// A key that becomes the event's id. An append with a key that was used before stores
    /// nothing and returns the first receipt, for ever, whatever its payload.
    pub idempotency_key: Option<u128>,
    /// The correlation id; the event's own id when none.
    pub correlation_id: Option<u128>,
    /// The event that caused this one.
    pub causation_id: Option<u128>,
    /// Flags of the event's header.
    pub flags: u8,
    /// The entity must have no events; goes before `expected_sequence`.
    pub expect_empty: bool,
    /// A key that stands for another coordinate, kind or payload is refused with
    /// `IdempotencyConflict`.
    pub strict_idempotency: bool,
    /// When the append is acknowledged.
    pub durability: Durability,
}

impl AppendOptions {
    /// Returns options that ask for nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Demands that the entity's latest event has the clock `sequence`.
    pub fn with_cas(mut self, sequence: u32) -> Self {
        self.expected_sequence = Some(sequence);
        self
    }

    /// Demands that the entity has no events.
    pub fn with_expect_empty(mut self) -> Self {
        self.expect_empty = true;
        self
    }

    /// Makes the append safe to repeat.
    pub fn with_idempotency(mut self, key: u128) -> Self {
        self.idempotency_key = Some(key);
        self
    }

    /// Makes a repeated key that stands for another event an error.
    pub fn with_strict_idempotency(mut self) -> Self {
        self.strict_idempotency = true;
        self
    }

    /// Sets the header's flags.
    pub fn with_flags(mut self, flags: u8) -> Self {
        self.flags = flags;
        self
    }

    /// Sets the correlation id.
    pub fn with_correlation(mut self, id: u128) -> Self {
        self.correlation_id = Some(id);
        self
    }

    /// Sets the causing event.
    pub fn with_causation(mut self, id: u128) -> Self {
        self.causation_id = Some(id);
        self
    }

    /// Sets when the append is acknowledged.
    pub fn with_durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    pub(super) fn expectation(&self) -> Expectation {
        match (self.expect_empty, self.expected_sequence) {
            (true, _) => Expectation::Empty,
            (false, Some(clock)) => Expectation::Clock(clock),
            (false, None) => Expectation::Any,
        }
    }
}

/// What caused an item of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CausationRef {
    /// What the item's options say.
    #[default]
    None,
    /// The event with this id.
    Absolute(u128),
    /// The item at this place in the same batch, which must stand before.
    PriorItem(usize),
}

/// One event of a batch, its payload encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchAppendItem {
    /// Whose event it is.
    pub coord: Coordinate,
    /// What happened.
    pub kind: EventKind,
    /// The payload in MessagePack.
    pub payload_bytes: Vec<u8>,
    /// What the append asks for.
    pub options: AppendOptions,
    /// What caused it.
    pub causation: CausationRef,
}

impl BatchAppendItem {
    /// Encodes the payload, by field name, and makes an item of it.
    ///
    /// # Errors
    /// `Serialization` when the payload cannot be encoded.
    pub fn new(
        coord: Coordinate,
        kind: EventKind,
        payload: &impl Serialize,
        options: AppendOptions,
        causation: CausationRef,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            coord,
            kind,
            payload_bytes: encode(payload)?,
            options,
            causation,
        })
    }
}
