//! The published read view: what readers see, without a mailbox and without waiting.
//!
//! Owned by the indexer, which alone adds to it; read by every caller through a
//! [`Reader`](crate::reader::Reader). It is a list of parts in commit order: stretches whose index
//! is a file beside their segment, and stretches in memory. What is in memory is written once and
//! never changes; publishing a group is one store of the visible sequence.

mod chunk;
mod entry;
mod part;
mod publish;

pub use entry::{DiskPos, IndexEntry};
pub use part::{IndexedPart, KnownSegment};
pub use publish::ViewWriter;

pub(crate) use part::{Part, Seen, TailPart};

use crate::indexing::RunsOfSegment;
use crate::runtime::{Published, Watermark};
use batpak_log::segment::{Removals, SegmentHeader, SegmentName};
use std::sync::Arc;

/// What readers look into.
#[derive(Debug)]
pub struct ReadView {
    /// Events with a smaller sequence are visible.
    visible: Watermark,
    lists: Published<Lists>,
}

/// What one publication of the lists holds together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lists {
    /// In commit order, without a gap between them.
    pub(crate) parts: Vec<Part>,
    segments: Vec<Arc<KnownSegment>>,
}

/// Segments that follow each other, and the header of the one behind them.
pub(crate) type Neighbours = (Vec<Arc<KnownSegment>>, Option<Arc<SegmentHeader>>);

/// The view at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    /// Events with a smaller sequence are visible, and the lists hold all of them.
    pub(crate) visible: u64,
    pub(crate) lists: Arc<Lists>,
}

impl Default for ReadView {
    fn default() -> Self {
        Self {
            visible: Watermark::new(0),
            lists: Published::new(Lists::default()),
        }
    }
}

impl ReadView {
    /// Returns the sequence below which everything is visible.
    pub fn visible(&self) -> u64 {
        self.visible.get()
    }

    /// Returns the store's id; `None` while its log has no segment.
    pub fn store_id(&self) -> Option<[u8; 16]> {
        let id = |lists: &Lists| Some(lists.segments.first()?.header.store_id);
        self.lists.with(id)
    }

    /// Returns the headers of all segments, oldest first.
    pub fn segments(&self) -> Vec<Arc<SegmentHeader>> {
        let header = |segment: &Arc<KnownSegment>| Arc::clone(&segment.header);
        self.lists.load().segments.iter().map(header).collect()
    }

    /// Returns what compaction has removed so far: another value whenever it removes something.
    pub fn removals(&self) -> Removals {
        self.lists.with(|lists| {
            let mut removals = Removals::default();
            for segment in &lists.segments {
                removals.add(&segment.header.removals);
            }
            removals
        })
    }

    /// Returns how many segments the log has.
    pub fn segment_count(&self) -> usize {
        self.lists.with(|lists| lists.segments.len())
    }

    /// Returns how many events are visible.
    pub fn event_count(&self) -> u64 {
        let Snapshot { visible, lists } = self.snapshot();
        let parts = lists.parts.iter();
        parts.map(|part| part.event_count(visible)).sum()
    }

    /// Returns how many entities have events, each counted once for every part that has some of it.
    pub fn entities_in_parts(&self) -> u64 {
        let lists = self.lists.load();
        lists.parts.iter().map(Part::entity_count).sum()
    }

    /// Returns how many parts the log is found in.
    pub fn part_count(&self) -> usize {
        self.lists.with(|lists| lists.parts.len())
    }

    /// Returns how many visible events are found in memory.
    pub fn events_in_memory(&self) -> u64 {
        let Snapshot { visible, lists } = self.snapshot();
        let tail = |part: &&Part| matches!(part, Part::Tail(_));
        let parts = lists.parts.iter().filter(tail);
        parts.map(|part| part.event_count(visible)).sum()
    }

    /// Returns up to `count` of the latest visible events that are found in memory, newest first.
    pub fn latest_in_memory(&self, count: usize) -> Vec<IndexEntry> {
        let Snapshot { visible, lists } = self.snapshot();
        let mut found = Vec::new();
        for part in lists.parts.iter().rev() {
            if let Part::Tail(tail) = part {
                let slots = (tail.slot_from(0)..tail.slot_from(visible)).rev();
                let left = count - found.len();
                found.extend(
                    slots
                        .filter_map(|slot| tail.get(slot, visible))
                        .take(left)
                        .cloned(),
                );
            }
        }
        found
    }

    /// Returns a segment that is known under this name.
    pub fn known_segment(&self, segment: SegmentName) -> Option<Arc<KnownSegment>> {
        let lists = self.lists.load();
        let known = lists.segment(segment.id);
        known
            .filter(|known| known.header.segment == segment)
            .cloned()
    }

    /// Returns the runs that readers use of a segment.
    pub(crate) fn runs_of(&self, header: &SegmentHeader) -> RunsOfSegment {
        let fresh = || Arc::new(KnownSegment::new(Arc::new(header.clone())));
        RunsOfSegment {
            parts: self.indexed_parts(header.segment),
            segment: self.known_segment(header.segment).unwrap_or_else(fresh),
        }
    }

    /// Returns the indexed parts of a segment, in order.
    pub fn indexed_parts(&self, segment: SegmentName) -> Vec<Arc<IndexedPart>> {
        self.lists.load().indexed_parts(segment)
    }

    /// The bound is read before the lists, so that the lists hold everything below it.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let visible = self.visible();
        let lists = self.lists.load();
        Snapshot { visible, lists }
    }
}

impl Lists {
    /// Returns the segment with this number.
    pub(crate) fn segment(&self, segment_id: u64) -> Option<&Arc<KnownSegment>> {
        let id = |segment: &Arc<KnownSegment>| segment.header.segment.id;
        let at = self.segments.binary_search_by_key(&segment_id, id).ok()?;
        self.segments.get(at)
    }

    /// Returns the place of the part that holds this sequence, or the first one.
    pub(crate) fn part_at(&self, sequence: u64) -> usize {
        let before = |part: &Part| part.first_sequence() <= sequence;
        self.parts.partition_point(before).saturating_sub(1)
    }

    /// Returns the segments of these names, if they follow each other here, and the header of the
    /// segment behind them.
    pub(crate) fn neighbours(&self, names: &[SegmentName]) -> Option<Neighbours> {
        let first = self.segment(names.first()?.id)?.header.segment.id;
        let at = self
            .segments
            .partition_point(|known| known.header.segment.id < first);
        let known = self.segments.get(at..at + names.len())?;
        let same = known.iter().map(|known| &known.header.segment).eq(names);
        let successor = self.segments.get(at + names.len());
        let successor = successor.map(|known| Arc::clone(&known.header));
        same.then(|| (known.to_vec(), successor))
    }

    /// Returns the sequence behind the last event with one below `visible`.
    pub(crate) fn end_sequence(&self, visible: u64) -> u64 {
        let ends = self.parts.iter().rev();
        let mut ends = ends.filter_map(|part| part.end_sequence(visible));
        ends.next().unwrap_or(0)
    }

    /// Returns all segments, oldest first.
    pub(crate) fn segments(&self) -> &[Arc<KnownSegment>] {
        &self.segments
    }

    pub(crate) fn indexed_parts(&self, segment: SegmentName) -> Vec<Arc<IndexedPart>> {
        let of_segment = |part: &Part| match part {
            Part::Indexed(indexed) if indexed.run.segment() == segment => Some(Arc::clone(indexed)),
            Part::Indexed(_) | Part::Tail(_) => None,
        };
        self.parts.iter().filter_map(of_segment).collect()
    }
}

#[cfg(test)]
mod tests;
