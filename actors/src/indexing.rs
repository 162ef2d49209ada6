//! Turns groups read from disk into index entries.

use crate::view::{DiskPos, IndexEntry, ReadView};
use batpak_log::event::HashChain;
use batpak_log::segment::{GroupEvent, SegmentHeader};
use std::collections::HashMap;
use std::sync::Arc;

/// Remembers each entity's last hash while a log is read in order.
#[derive(Debug, Default)]
pub(crate) struct Chains {
    latest: HashMap<Arc<str>, [u8; 32]>,
}

impl Chains {
    /// Makes the entry of the next event; `view` knows the events before those read here.
    pub(crate) fn entry(
        &mut self,
        header: &SegmentHeader,
        event: &GroupEvent<'_>,
        view: Option<&ReadView>,
    ) -> IndexEntry {
        let record = &event.record;
        let entity = event.coordinate.entity_arc();
        let known = self.latest.insert(Arc::clone(&entity), record.event_hash);
        let from_view = || Some(view?.head(&entity)?.hash_chain.event_hash);
        let prev_hash = known.or_else(from_view).unwrap_or([0; 32]);
        IndexEntry {
            event_id: record.event_id,
            correlation_id: record.correlation_id,
            causation_id: record.causation_id,
            coord: event.coordinate.clone(),
            kind: record.kind,
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
        }
    }
}
