//! A request to append, and the proof that it was done.

use crate::view::DiskPos;
use batpak_log::coordinate::Coordinate;
use batpak_log::event::EventKind;

/// What the caller demands of the entity before the append.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expectation {
    /// Nothing.
    #[default]
    Any,
    /// The entity's latest event has this clock.
    Clock(u32),
    /// The entity has no events.
    Empty,
}

/// When an append is acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// As `sync.every_n_events` says.
    #[default]
    Configured,
    /// After its bytes and its segment's directory entry are durable.
    Always,
}

/// One event to append, made on the caller's thread: id, time and payload hash are in it, so that
/// the writer is a function of its state and its commands.
#[derive(Clone, Debug)]
pub struct Append {
    /// The event's id: the idempotency key where one was given, else a new one.
    pub event_id: u128,
    /// Whether the id is an idempotency key.
    pub keyed: bool,
    /// Whether a key that stands for another event is a conflict rather than a replay.
    pub strict: bool,
    /// Whose event it is.
    pub coordinate: Coordinate,
    /// What happened.
    pub kind: EventKind,
    /// The caller's flags.
    pub flags: u8,
    /// Its correlation.
    pub correlation_id: u128,
    /// Its cause.
    pub causation_id: Option<u128>,
    /// What must be true of the entity.
    pub expectation: Expectation,
    /// When to acknowledge it.
    pub durability: Durability,
    /// The time that the caller's clock showed, in microseconds since the epoch.
    pub proposed_wall_us: i64,
    /// The encoded payload.
    pub payload: Vec<u8>,
    /// The hash of the payload.
    pub payload_hash: [u8; 32],
}

/// What a repeated idempotency key was repeated with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replay {
    /// The same coordinate, kind and payload.
    SameEvent,
    /// Another coordinate, kind or payload, which was not stored.
    OtherEvent,
}

/// Proof that an event is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppendReceipt {
    /// The event's id.
    pub event_id: u128,
    /// Its global sequence.
    pub sequence: u64,
    /// Where its frame stands.
    pub disk_pos: DiskPos,
    /// Its place in its entity's history, from 0.
    pub clock: u32,
    /// Set when the key was used before: this is the receipt of the first event, and nothing was
    /// stored now.
    pub replay: Option<Replay>,
}

impl Append {
    /// Returns about how many bytes the append holds in memory and takes on disk.
    pub fn weight(&self) -> usize {
        const FIELDS: usize = 256;
        self.payload.len() + self.coordinate.entity().len() + self.coordinate.scope().len() + FIELDS
    }
}
