//! Writes the events of segments again for another one, and recomputes every event's hash on the
//! way.

use crate::error::StoreError;
use crate::protocol::roller::Removal;
use crate::reader::Reader;
use batpak_log::coordinate::Coordinate;
use batpak_log::layout::{FEATURE_REMOVALS, FEATURE_STUBS};
use batpak_log::log_position::LogPosition;
use batpak_log::planted::{Bug, planted};
use batpak_log::segment::{
    Binding, EventRecord, Group, GroupBuilder, GroupEvent, Predecessor, Removals, Removed,
    Replaced, SegmentHeader, SegmentName,
};
use std::collections::HashMap;
use std::sync::Arc;

/// A sealed segment that is about to be merged.
#[derive(Clone, Debug)]
pub(crate) struct MergeSource {
    pub(crate) header: SegmentHeader,
    /// The file's length, in bytes.
    pub(crate) len: u64,
    pub(crate) end: Predecessor,
}

/// Returns the header of the segment that takes the place of neighbours; what was removed from it
/// is known once it is [written](Rewriter::finished).
pub(crate) fn merged_header(
    boot_id: Option<[u8; 16]>,
    sources: &[MergeSource],
    removes: bool,
) -> Option<SegmentHeader> {
    let (first, last) = (sources.first()?, sources.last()?);
    let replaced = |source: &MergeSource| Replaced {
        segment: source.header.segment,
        log_hash: source.end.log_hash,
    };
    let generation = |source: &MergeSource| source.header.segment.generation;
    let features = |all, source: &MergeSource| all | source.header.required_features;
    let stubs = if removes { FEATURE_STUBS } else { 0 };
    let mut required_features = sources.iter().fold(stubs, features);
    if required_features & FEATURE_STUBS != 0 {
        required_features |= FEATURE_REMOVALS;
    }
    Some(SegmentHeader {
        segment: SegmentName {
            id: first.header.segment.id,
            // Above every source, so that no name is used twice and a successor that follows one of
            // them follows an earlier form of this.
            generation: sources.iter().map(generation).max().unwrap_or(0) + 1,
        },
        last_id: last.header.last_id,
        boot_id: boot_id.unwrap_or_default(),
        replaced: sources.iter().map(replaced).collect(),
        removals: Removals::default(),
        required_features,
        ..first.header.clone()
    })
}

/// Writes groups again, one after the other.
#[derive(Debug)]
pub(crate) struct Rewriter {
    reader: Arc<Reader>,
    removal: Arc<Removal>,
    binding: Binding,
    base_wall_us: u64,
    names: HashMap<Coordinate, u32>,
    /// What was removed, now or before.
    removals: Removals,
    position: LogPosition,
    /// The latest hash of each entity.
    previous: HashMap<Arc<str>, [u8; 32]>,
}

impl Rewriter {
    pub(crate) fn new(reader: &Arc<Reader>, header: &SegmentHeader, removal: Arc<Removal>) -> Self {
        Self {
            reader: Arc::clone(reader),
            removal,
            binding: header.binding(),
            base_wall_us: header.hlc.wall_us,
            names: HashMap::new(),
            removals: Removals::default(),
            position: LogPosition::at_start_of(header),
            previous: HashMap::new(),
        }
    }

    /// Returns where the groups end that were written so far.
    pub(crate) fn position(&self) -> &LogPosition {
        &self.position
    }

    /// Returns the header as it is to be, now that all is written.
    pub(crate) fn finished(&self, begun: &SegmentHeader) -> SegmentHeader {
        SegmentHeader {
            removals: self.removals,
            ..begun.clone()
        }
    }

    /// Returns the group's bytes and where they go; a group without events leaves none.
    ///
    /// # Errors
    /// `CorruptSegment` when an event does not give its hash, and what reading the event before it
    /// returns.
    pub(crate) fn rewrite(&mut self, group: &Group<'_>) -> Result<(Vec<u8>, u64), StoreError> {
        let at = self.position.offset;
        if group.events.is_empty() {
            return Ok((Vec::new(), at));
        }
        let mut builder =
            GroupBuilder::start(self.binding.clone(), self.base_wall_us, at, Vec::new());
        for event in &group.events {
            self.check_hash(event)?;
            let next_name = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
            let name = *self
                .names
                .entry(event.coordinate.clone())
                .or_insert_with(|| {
                    builder.push_name(&event.coordinate);
                    next_name
                });
            let record = self.what_stays(event);
            if let Some(removed) = &record.removed {
                self.removals.count(&record.event_hash, removed.is_shown);
            }
            builder.push_event(&EventRecord { name, ..record });
            self.position
                .count(event.sequence, event.record.hlc, &event.record.event_hash);
        }
        let bytes = builder.finish(group.header.first_sequence, at);
        self.position.offset = at + bytes.len() as u64;
        Ok((bytes, at))
    }

    /// Returns the event, or the stub that stands for it from now on.
    fn what_stays<'a>(&self, event: &GroupEvent<'a>) -> EventRecord<'a> {
        let record = event.record;
        let is_removed = self.removal.sequences.binary_search(&event.sequence);
        let is_dropped = planted(Bug::DropSurvivor) && event.sequence % 4 == 3;
        if is_removed.is_err() && !is_dropped {
            return record;
        }
        EventRecord {
            removed: Some(Removed {
                payload_hash: record.payload_hash(),
                payload_len: record.payload_len(),
                // What was hidden is not shown again.
                is_shown: self.removal.is_shown
                    && record.removed.is_none_or(|removed| removed.is_shown),
            }),
            payload: &[],
            ..record
        }
    }

    fn check_hash(&mut self, event: &GroupEvent<'_>) -> Result<(), StoreError> {
        let (record, coordinate) = (&event.record, &event.coordinate);
        let entity = coordinate.entity_arc();
        let known = self.previous.insert(Arc::clone(&entity), record.event_hash);
        let prev_hash = match known {
            Some(hash) => hash,
            None if record.clock == 0 => [0; 32],
            None => self.reader.hash_known_before(&entity, event.sequence)?,
        };
        let computed = record.hash_at(coordinate, &prev_hash);
        if computed != record.event_hash {
            let detail = format!("event {:032x} does not match its hash", record.event_id);
            return Err(StoreError::corrupt(self.binding.segment().id, detail));
        }
        Ok(())
    }
}
