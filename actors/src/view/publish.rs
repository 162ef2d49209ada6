//! How the indexer adds to the view.

use super::chunk::{Chunk, LARGEST_CHUNK, SMALLEST_CHUNK};
use super::{IndexEntry, IndexedPart, KnownSegment, Lists, Part, ReadView, TailPart};
use crate::protocol::indexer::Replacement;
use batpak_log::planted::{Bug, planted};
use batpak_log::segment::SegmentHeader;
use std::collections::HashMap;
use std::sync::Arc;

/// The one who may add to a view.
///
/// 1. [`resume`](Self::resume) takes up a view where it stands, after a start or a restart;
/// 2. entries are inserted, not visible yet; what is there already is skipped;
/// 3. [`publish`](Self::publish) makes everything below a sequence visible at once;
/// 4. [`adopt`](Self::adopt) lets an index on disk take the place of what is in memory.
#[derive(Debug)]
pub struct ViewWriter {
    view: Arc<ReadView>,
    chunk: Option<Arc<Chunk>>,
    next_slot: u32,
    /// The latest slot of each entity in the current chunk.
    latest: HashMap<Arc<str>, u32>,
    next_sequence: u64,
}

impl ViewWriter {
    /// Takes up a view.
    pub fn resume(view: Arc<ReadView>) -> Self {
        let parts = view.lists.load().parts.clone();
        let mut writer = Self {
            chunk: None,
            view,
            next_slot: 0,
            latest: HashMap::new(),
            next_sequence: 0,
        };
        // The last chunk may have been added just before a crash, with nothing in it yet.
        for part in parts.iter().rev().take(2).rev() {
            match part {
                Part::Tail(tail) if tail.until == u64::MAX => writer.take_up(&tail.chunk),
                Part::Tail(tail) => writer.next_sequence = writer.next_sequence.max(tail.until),
                Part::Indexed(indexed) => {
                    let end = indexed.run.end().next_sequence;
                    writer.next_sequence = writer.next_sequence.max(end);
                }
            }
        }
        writer
    }

    fn take_up(&mut self, chunk: &Arc<Chunk>) {
        self.latest.clear();
        self.next_slot = 0;
        self.chunk = Some(Arc::clone(chunk));
        while let Some(entry) = chunk.get(self.next_slot) {
            self.latest.insert(entry.coord.entity_arc(), self.next_slot);
            self.next_sequence = self.next_sequence.max(entry.global_sequence + 1);
            self.next_slot += 1;
        }
    }

    /// Returns the view.
    pub fn view(&self) -> &Arc<ReadView> {
        &self.view
    }

    /// Makes a segment known, before the first entry that stands in it.
    pub fn add_segment(&mut self, header: Arc<SegmentHeader>) -> Arc<KnownSegment> {
        let lists = self.view.lists.load();
        if let Some(known) = lists.segment(header.segment.id) {
            return Arc::clone(known);
        }
        let segment = Arc::new(KnownSegment::new(header));
        let mut lists = Lists::clone(&lists);
        lists.segments.push(Arc::clone(&segment));
        self.view.lists.publish(lists);
        segment
    }

    /// Adds an entry behind all others; one that is there already is skipped.
    pub fn insert(&mut self, entry: IndexEntry) {
        if entry.global_sequence < self.next_sequence {
            return;
        }
        let chunk = self.chunk_with_room(entry.global_sequence);
        self.next_sequence = entry.global_sequence + 1;
        let entity = entry.coord.entity_arc();
        let slot = self.next_slot;
        let previous = self.latest.insert(entity, slot);
        chunk.set(slot, previous, entry);
        self.next_slot += 1;
    }

    /// Makes all entries below `sequence` visible; never takes one back.
    pub fn publish(&mut self, sequence: u64) {
        self.view.visible.raise(sequence);
    }

    /// Adds an index on disk behind all parts, when a log is opened.
    pub fn add_indexed(&mut self, indexed: Arc<IndexedPart>) {
        self.next_sequence = self.next_sequence.max(indexed.run.end().next_sequence);
        let mut lists = Lists::clone(&self.view.lists.load());
        close_last(&mut lists.parts, indexed.run.first_sequence());
        lists.parts.push(Part::Indexed(indexed));
        self.view.lists.publish(lists);
        self.chunk = None;
    }

    /// Puts an index on disk in the place of the parts that it covers, runs or memory; `false` when
    /// it does not fit: the view holds less than it covers, or has something else there.
    pub fn adopt(&mut self, indexed: Arc<IndexedPart>) -> bool {
        let name = indexed.run.segment();
        if self.view.known_segment(name).is_none() {
            // Another segment has taken the place of its own.
            return false;
        }
        let (first, end) = (
            indexed.run.first_sequence(),
            indexed.run.end().next_sequence + u64::from(planted(Bug::AdoptTooMuch)),
        );
        if end > self.view.visible() || end > self.next_sequence {
            return false;
        }
        let lists = self.view.lists.load();
        let Some(parts) = replaced(&lists.parts, &[indexed], (first, end)) else {
            return false;
        };
        self.publish_parts(parts, lists.segments.clone());
        true
    }

    /// Shows a segment in the place of neighbours that it was made of, and its index in the place
    /// of all that is known of their events; `false` when the view has something else there.
    pub fn replace_segments(&mut self, replacement: &Replacement) -> bool {
        let new = &replacement.segment;
        if self.view.known_segment(new.header.segment).is_some() {
            // The directory was read again since the segment got its name.
            return true;
        }
        let lists = self.view.lists.load();
        let Some((known, _)) = lists.neighbours(&replacement.sources) else {
            return false;
        };
        let at = known.first().and_then(|first| {
            let segments = lists.segments.iter();
            segments.clone().position(|other| Arc::ptr_eq(other, first))
        });
        let (Some(at), parts) = (at, &replacement.parts) else {
            return false;
        };
        let parts = match (parts.first(), parts.last()) {
            (Some(first), Some(last)) => {
                let (first, end) = (first.run.first_sequence(), last.run.end().next_sequence);
                let is_shown = end <= self.view.visible() && end <= self.next_sequence;
                let parts = replaced(&lists.parts, parts, (first, end));
                let Some(parts) = parts.filter(|_| is_shown) else {
                    return false;
                };
                parts
            }
            _ => lists.parts.clone(),
        };
        let mut segments = lists.segments.clone();
        segments.splice(at..at + known.len(), [Arc::clone(new)]);
        self.publish_parts(parts, segments);
        true
    }

    fn publish_parts(&mut self, parts: Vec<Part>, segments: Vec<Arc<KnownSegment>>) {
        let grows = |part: &Part| matches!(part, Part::Tail(tail) if tail.until == u64::MAX);
        if !parts.last().is_some_and(grows) {
            // Everything in memory is covered: what comes next starts a new chunk.
            self.chunk = None;
        }
        self.view.lists.publish(Lists { parts, segments });
    }

    /// Replaces everything by what another view holds: the files were rewritten by others.
    pub fn replace_with(&mut self, other: &ReadView) {
        self.view.lists.publish(Lists::clone(&other.lists.load()));
        self.view.visible.raise(other.visible());
        *self = Self::resume(Arc::clone(&self.view));
    }

    fn chunk_with_room(&mut self, sequence: u64) -> Arc<Chunk> {
        let has_room = |chunk: &&Arc<Chunk>| (self.next_slot as usize) < chunk.capacity;
        if let Some(chunk) = self.chunk.as_ref().filter(has_room) {
            return Arc::clone(chunk);
        }
        let capacity = self.chunk.as_ref().map_or(SMALLEST_CHUNK, |chunk| {
            (chunk.capacity * 2).min(LARGEST_CHUNK)
        });
        let chunk = Arc::new(Chunk::new(capacity));
        let mut lists = Lists::clone(&self.view.lists.load());
        close_last(&mut lists.parts, sequence);
        lists.parts.push(Part::Tail(TailPart {
            chunk: Arc::clone(&chunk),
            from: sequence,
            until: u64::MAX,
        }));
        self.view.lists.publish(lists);
        self.chunk = Some(Arc::clone(&chunk));
        self.next_slot = 0;
        self.latest.clear();
        chunk
    }
}

/// Says of the last part in memory that it ends before `sequence`.
fn close_last(parts: &mut [Part], sequence: u64) {
    if let Some(Part::Tail(tail)) = parts.last_mut() {
        tail.until = tail.until.min(sequence);
    }
}

/// Returns the parts with what is in `first..end` replaced by `indexed`.
fn replaced(
    parts: &[Part],
    indexed: &[Arc<IndexedPart>],
    (first, end): (u64, u64),
) -> Option<Vec<Part>> {
    let mut before = Vec::with_capacity(parts.len() + indexed.len());
    let mut after = Vec::new();
    for part in parts {
        match part {
            Part::Tail(tail) => {
                if tail.from < first {
                    before.push(Part::Tail(TailPart {
                        until: tail.until.min(first),
                        ..tail.clone()
                    }));
                }
                let rest = tail.clone().after(end);
                after.extend(rest.map(Part::Tail));
            }
            Part::Indexed(other) => {
                let other_end = other.run.end().next_sequence;
                match (other_end <= first, other.run.first_sequence() >= end) {
                    (true, _) => before.push(part.clone()),
                    (_, true) => after.push(part.clone()),
                    // One that sticks out would leave events out.
                    _ if other.run.first_sequence() < first || other_end > end => return None,
                    _ => {}
                }
            }
        }
    }
    before.extend(indexed.iter().cloned().map(Part::Indexed));
    before.append(&mut after);
    Some(before)
}

impl TailPart {
    /// Returns what is left from `sequence` on, if there can be anything.
    fn after(mut self, sequence: u64) -> Option<Self> {
        self.from = self.from.max(sequence);
        let holds_more = self.chunk.get(self.chunk.slot_from(self.from)).is_some();
        (self.from < self.until && holds_more).then_some(self)
    }
}
