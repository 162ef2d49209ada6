//! What the index knows of an event.

use batpak_log::coordinate::Coordinate;
use batpak_log::event::{EventKind, HashChain};

/// Where an event's frame stands on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DiskPos {
    /// The segment's number.
    pub segment_id: u64,
    /// Offset of the frame from the start of the file, in bytes.
    pub offset: u64,
    /// Length of the frame with its header, in bytes.
    pub length: u32,
}

/// An event without its payload, as queries return it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IndexEntry {
    /// The event's id.
    pub event_id: u128,
    /// Its correlation; its own id when it starts one.
    pub correlation_id: u128,
    /// The event that caused it.
    pub causation_id: Option<u128>,
    /// Its entity and scope.
    pub coord: Coordinate,
    /// What happened.
    pub kind: EventKind,
    /// When it was committed, in milliseconds since the epoch; never less than before.
    pub wall_ms: u64,
    /// Its place in its entity's history, from 0.
    pub clock: u32,
    /// What chains it to its entity's previous event.
    pub hash_chain: HashChain,
    /// Where its frame stands.
    pub disk_pos: DiskPos,
    /// Its place in the log; gaps are possible.
    pub global_sequence: u64,
    /// Which form of its segment `disk_pos` is about: merging makes another one.
    pub(crate) segment_generation: u32,
    /// Compaction removed the event, and reads do not show it.
    pub(crate) is_hidden: bool,
}

impl IndexEntry {
    /// Returns whether the event belongs to a correlation that another event started.
    pub fn is_correlated(&self) -> bool {
        self.correlation_id != self.event_id
    }

    /// Returns whether `event_id` caused the event.
    pub fn is_caused_by(&self, event_id: u128) -> bool {
        self.causation_id == Some(event_id)
    }

    /// Returns whether nothing caused the event.
    pub fn is_root_cause(&self) -> bool {
        self.causation_id.is_none()
    }
}
