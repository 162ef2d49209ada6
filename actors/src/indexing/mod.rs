//! Turns groups read from disk into index entries, and into index runs beside their segment.

mod chain;
mod write;

pub(crate) use chain::{RunsOfSegment, load_runs};
pub(crate) use write::{Indexing, Progress, WrittenRun, index_upto};

use crate::reader::Reader;
use crate::view::{DiskPos, IndexEntry};
use batpak_log::error::LogError;
use batpak_log::event::HashChain;
use batpak_log::segment::{GroupEvent, SegmentHeader};
use std::collections::HashMap;
use std::sync::Arc;

/// How much stays in memory before an index run takes its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexPolicy {
    /// A run is written for so many events; twice as many are in memory at the most.
    pub every_events: u64,
    /// The same bound in bytes of memory.
    pub every_bytes: u64,
    /// Closing writes no run for fewer events: reading them again costs the next opening less.
    pub at_close_events: u64,
    /// So many neighbouring runs are merged into one.
    pub merged_runs: usize,
}

impl Default for IndexPolicy {
    fn default() -> Self {
        Self {
            every_events: 32 * 1024,
            every_bytes: 8 * 1024 * 1024,
            at_close_events: 4 * 1024,
            merged_runs: 8,
        }
    }
}

/// Remembers each entity's last clock and hash while a log is read in order.
#[derive(Debug, Default)]
pub(crate) struct Chains {
    latest: HashMap<Arc<str>, (u32, [u8; 32])>,
}

impl Chains {
    /// Makes the entry of the next event; `reader` knows the events before those read here.
    pub(crate) fn entry(
        &mut self,
        header: &SegmentHeader,
        event: &GroupEvent<'_>,
        reader: &Reader,
    ) -> Result<IndexEntry, LogError> {
        let record = &event.record;
        let entity = event.coordinate.entity_arc();
        let latest = (record.clock, record.event_hash);
        let known = self.latest.insert(Arc::clone(&entity), latest);
        let prev_hash = match (record.tie.stored_prev_hash(), known) {
            (Some(stored), _) => *stored,
            // What an index stands for is not read, so the last one may not be the one before.
            (None, Some((clock, hash))) if clock.checked_add(1) == Some(record.clock) => hash,
            (None, _) if record.clock == 0 => [0; 32],
            (None, _) => reader.hash_known_before(&entity, event.sequence)?,
        };
        Ok(IndexEntry {
            event_id: record.event_id,
            correlation_id: record.correlation_id,
            causation_id: record.causation_id,
            coord: event.coordinate.clone(),
            kind: record.shown_kind(),
            wall_ms: record.hlc.wall_ms(),
            clock: record.clock,
            hash_chain: HashChain {
                prev_hash,
                event_hash: record.event_hash,
            },
            disk_pos: DiskPos {
                segment_id: header.segment.id,
                offset: event.offset,
                length: event.length,
            },
            global_sequence: event.sequence,
            segment_generation: header.segment.generation,
            is_hidden: record.is_hidden(),
        })
    }
}
