//! What the view is made of: parts of the log, in order.

use super::IndexEntry;
use super::chunk::Chunk;
use crate::runtime::{KeptSlots, WriteOnce};
use batpak_log::index::{IndexRun, Page};
use batpak_log::segment::{Binding, SegmentHeader};
use std::ops::Range;
use std::sync::Arc;

/// A segment that readers know, with what its checksums are bound to.
#[derive(Debug)]
pub struct KnownSegment {
    /// Its header.
    pub header: Arc<SegmentHeader>,
    /// What its checksums are bound to.
    pub binding: Binding,
    /// Blocks of it that were read and are kept.
    pub(crate) blocks: Arc<KeptSlots<Arc<[u8]>>>,
}

/// So many blocks of a segment can be kept; a longer one is read without.
const BLOCKS_MAX: usize = 64 * 1024;

impl KnownSegment {
    /// Takes up a segment.
    pub fn new(header: Arc<SegmentHeader>) -> Self {
        Self {
            binding: header.binding(),
            blocks: KeptSlots::new(BLOCKS_MAX),
            header,
        }
    }
}

/// A stretch of the log whose index is a file beside its segment.
#[derive(Debug)]
pub struct IndexedPart {
    /// The index.
    pub run: Arc<IndexRun>,
    /// The segment that holds the events.
    pub segment: Arc<KnownSegment>,
    /// The index as its frames give it, once a page of the file was found damaged.
    pub(crate) healed: WriteOnce<Vec<u8>>,
    /// The pages that were read and are kept.
    pub(crate) pages: Arc<KeptSlots<Page>>,
}

impl IndexedPart {
    /// Takes up a run of a segment.
    pub fn new(run: IndexRun, segment: Arc<KnownSegment>) -> Self {
        Self {
            pages: KeptSlots::new(run.page_count() as usize),
            run: Arc::new(run),
            segment,
            healed: WriteOnce::new(1),
        }
    }
}

/// A stretch of the log, as readers find it.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    /// In memory: the events of a chunk whose sequences are in this range.
    Tail(TailPart),
    /// On disk.
    Indexed(Arc<IndexedPart>),
}

/// How an entry in memory lies to a range of sequences.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Seen<'c> {
    Before,
    In(&'c IndexEntry),
    Behind,
}

/// Events in memory.
#[derive(Clone, Debug)]
pub(crate) struct TailPart {
    pub(super) chunk: Arc<Chunk>,
    /// The first sequence that counts.
    pub(super) from: u64,
    /// The first sequence that does not count any more; none for a chunk that still grows.
    pub(super) until: u64,
}

impl Part {
    /// Returns the sequence from which on the part speaks for the log.
    pub(crate) fn first_sequence(&self) -> u64 {
        match self {
            Self::Tail(tail) => tail.from,
            Self::Indexed(indexed) => indexed.run.first_sequence(),
        }
    }

    /// Returns the sequence behind the last of its events below `visible`; `None` without one.
    pub(crate) fn end_sequence(&self, visible: u64) -> Option<u64> {
        match self {
            Self::Tail(tail) => {
                let behind = tail.chunk.slot_from(tail.until.min(visible));
                let last = tail.get(behind.checked_sub(1)?, visible)?;
                Some(last.global_sequence.saturating_add(1))
            }
            Self::Indexed(indexed) => Some(indexed.run.end().next_sequence),
        }
    }

    /// Returns how many of its events have a sequence below `visible` and are shown.
    pub(crate) fn event_count(&self, visible: u64) -> u64 {
        match self {
            Self::Tail(tail) => tail.event_count(visible),
            Self::Indexed(indexed) => {
                let run = &indexed.run;
                u64::from(run.event_count().saturating_sub(run.hidden_count()))
            }
        }
    }

    /// Returns how many entities it has events of.
    pub(crate) fn entity_count(&self) -> u64 {
        match self {
            Self::Tail(tail) => tail.entity_count(),
            Self::Indexed(indexed) => u64::from(indexed.run.entity_count()),
        }
    }
}

impl TailPart {
    fn counts(&self, entry: &IndexEntry, visible: u64) -> bool {
        let sequence = entry.global_sequence;
        sequence >= self.from && sequence < self.until.min(visible)
    }

    pub(crate) fn by_id(&self, event_id: u128, visible: u64) -> Option<&IndexEntry> {
        let found = self.chunk.by_id(event_id);
        found.filter(|entry| self.counts(entry, visible))
    }

    /// Returns an entity's entries in commit order.
    pub(crate) fn of_entity<'c>(
        &'c self,
        entity: &str,
        visible: u64,
    ) -> impl Iterator<Item = &'c IndexEntry> {
        let mut slot = self.chunk.first_of(entity);
        std::iter::from_fn(move || {
            let at = slot?;
            let entry = self.chunk.get(at)?;
            slot = self.chunk.next_of(at);
            Some(entry)
        })
        .skip_while(|entry| entry.global_sequence < self.from)
        .take_while(move |entry| self.counts(entry, visible))
    }

    /// Returns the slot of an entity's first entry in the chunk, whether or not it counts.
    pub(crate) fn first_of(&self, entity: &str) -> Option<u32> {
        self.chunk.first_of(entity)
    }

    /// Returns the slot of the entity's next entry in the chunk.
    pub(crate) fn next_of(&self, slot: u32) -> Option<u32> {
        self.chunk.next_of(slot)
    }

    /// Returns how the entry in a slot lies to a range of visible sequences. A slot that is not
    /// written yet lies behind all of them.
    pub(crate) fn look(&self, slot: u32, range: &Range<u64>) -> Seen<'_> {
        match self.chunk.get(slot) {
            Some(entry) if entry.global_sequence < range.start.max(self.from) => Seen::Before,
            Some(entry) if entry.global_sequence < range.end.min(self.until) => Seen::In(entry),
            Some(_) | None => Seen::Behind,
        }
    }

    /// Returns how far the part's visible events reach in a segment, in bytes.
    pub(crate) fn written_end(&self, segment_id: u64, visible: u64) -> u64 {
        let behind = self.chunk.slot_from(self.until.min(visible));
        let last = behind.checked_sub(1).and_then(|slot| self.chunk.get(slot));
        let in_segment = last.filter(|last| last.disk_pos.segment_id == segment_id);
        in_segment.map_or(0, |last| {
            last.disk_pos.offset + u64::from(last.disk_pos.length)
        })
    }

    /// Returns the slot of the first entry that counts and has at least this sequence.
    pub(crate) fn slot_from(&self, sequence: u64) -> u32 {
        self.chunk.slot_from(sequence.max(self.from))
    }

    /// Returns the entry in a slot, if it counts.
    pub(crate) fn get(&self, slot: u32, visible: u64) -> Option<&IndexEntry> {
        let found = self.chunk.get(slot);
        found.filter(|entry| self.counts(entry, visible))
    }

    fn entity_count(&self) -> u64 {
        let slots = 0..self.chunk.slot_from(self.until);
        let begins = |slot: &u32| {
            let entry = self.chunk.get(*slot);
            entry.is_some_and(|entry| self.chunk.first_of(entry.coord.entity()) == Some(*slot))
        };
        slots.filter(begins).count() as u64
    }

    fn event_count(&self, visible: u64) -> u64 {
        let end = self.chunk.slot_from(self.until.min(visible));
        let slots = self.chunk.slot_from(self.from)..end;
        if !self.chunk.holds_hidden() {
            return slots.len() as u64;
        }
        let is_shown = |slot: &u32| {
            self.get(*slot, visible)
                .is_some_and(|entry| !entry.is_hidden)
        };
        slots.filter(is_shown).count() as u64
    }
}
