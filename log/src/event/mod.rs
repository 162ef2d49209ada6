//! The event: a fact about an entity, with its header, its payload and its place in the chain.
//!
//! Owns the words that readers and writers share. Knows no payload type: a payload is whatever
//! its owner encodes.

pub mod hash;
pub mod header;
pub mod kind;

use serde::{Deserialize, Serialize};

use crate::coordinate::Coordinate;
use crate::position::DagPosition;

pub use hash::HashChain;
pub use header::EventHeader;
pub use kind::EventKind;

/// An event with a payload of type `P`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event<P> {
    /// What is known of the event beside its payload.
    pub header: EventHeader,
    /// The fact itself.
    pub payload: P,
    /// The event's link into its entity's history; absent until the event is stored.
    pub hash_chain: Option<HashChain>,
}

/// An event together with the entity and scope that it was stored under.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredEvent<P> {
    /// The entity and the scope.
    pub coordinate: Coordinate,
    /// The event.
    pub event: Event<P>,
}

impl<P> Event<P> {
    /// Makes an event that is not linked into a history yet.
    #[must_use]
    pub fn new(header: EventHeader, payload: P) -> Self {
        Self {
            header,
            payload,
            hash_chain: None,
        }
    }

    /// Links the event into a history.
    #[must_use]
    pub fn with_hash_chain(mut self, chain: HashChain) -> Self {
        self.hash_chain = Some(chain);
        self
    }

    /// Returns the event's id.
    #[must_use]
    pub fn event_id(&self) -> u128 {
        self.header.event_id
    }

    /// Returns the event's kind.
    #[must_use]
    pub fn event_kind(&self) -> EventKind {
        self.header.event_kind
    }

    /// Returns the event's place in its entity's history.
    #[must_use]
    pub fn position(&self) -> &DagPosition {
        &self.header.position
    }

    /// Tells whether the event begins a history: it has no predecessor, or is not linked yet.
    #[must_use]
    pub fn is_genesis(&self) -> bool {
        self.hash_chain
            .is_none_or(|chain| chain.prev_hash == [0; 32])
    }

    /// Replaces the payload by what `map` makes of it; header and chain stay.
    pub fn map_payload<U, F: FnOnce(P) -> U>(self, map: F) -> Event<U> {
        Event {
            header: self.header,
            payload: map(self.payload),
            hash_chain: self.hash_chain,
        }
    }
}

#[cfg(test)]
mod tests;
