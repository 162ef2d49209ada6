//! What is left of events that compaction removed.

use super::EventRecord;
use crate::coordinate::Coordinate;
use crate::event::EventKind;
use crate::event::hash::{CanonicalHeader, event_hash, payload_hash};

/// What is known of a payload that compaction removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Removed {
    /// Its hash, which the event's own hash covers.
    pub payload_hash: [u8; 32],
    /// How long it was, in bytes.
    pub payload_len: u32,
    /// Whether reads show that something was here.
    pub is_shown: bool,
}

/// What was removed from a stretch of the log: the same whatever segments it is cut into, another
/// one for every other choice of events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removals {
    /// One for each stub that reads show and two for each other one; it never becomes smaller.
    pub steps: u64,
    /// Parts of the hashes of all stubs, the first half of those that reads show and the second
    /// half of the others, combined by exclusive or.
    pub mark: [u8; 16],
}

impl Removals {
    /// Takes up a stub.
    pub fn count(&mut self, event_hash: &[u8; 32], is_shown: bool) {
        let (first, second) = event_hash.split_at(16);
        let (steps, half) = if is_shown { (1, first) } else { (2, second) };
        self.steps = self.steps.saturating_add(steps);
        self.combine(half);
    }

    /// Takes up what was removed elsewhere in the log.
    pub fn add(&mut self, other: &Self) {
        self.steps = self.steps.saturating_add(other.steps);
        self.combine(&other.mark);
    }

    fn combine(&mut self, bytes: &[u8]) {
        for (byte, other) in self.mark.iter_mut().zip(bytes) {
            *byte ^= other;
        }
    }
}

impl EventRecord<'_> {
    /// Returns the hash of the payload, also of one that was removed.
    pub fn payload_hash(&self) -> [u8; 32] {
        match &self.removed {
            Some(removed) => removed.payload_hash,
            None => payload_hash(self.payload),
        }
    }

    /// Returns the hash that an event of this record has at this coordinate, behind an event with
    /// that hash; zeros stand before an entity's first event.
    pub fn hash_at(&self, coordinate: &Coordinate, prev_hash: &[u8; 32]) -> [u8; 32] {
        let canonical = CanonicalHeader {
            event_id: self.event_id,
            correlation_id: self.correlation_id,
            causation_id: self.causation_id,
            entity: coordinate.entity(),
            scope: coordinate.scope(),
            kind: self.kind,
            flags: self.flags,
            hlc: self.hlc,
            clock: self.clock,
            depth: self.depth,
            lane: self.lane,
        };
        event_hash(&canonical, &self.payload_hash(), prev_hash)
    }

    /// Returns whether reads do not show the event.
    pub fn is_hidden(&self) -> bool {
        self.removed.is_some_and(|removed| !removed.is_shown)
    }

    /// Returns the kind that reads show: that of a tombstone where a removed event is shown.
    pub fn shown_kind(&self) -> EventKind {
        match self.removed {
            Some(removed) if removed.is_shown => EventKind::TOMBSTONE,
            Some(_) | None => self.kind,
        }
    }

    /// Returns how long the payload is, or was, in bytes.
    pub fn payload_len(&self) -> u32 {
        let present = || u32::try_from(self.payload.len()).unwrap_or(u32::MAX);
        self.removed
            .map_or_else(present, |removed| removed.payload_len)
    }
}
