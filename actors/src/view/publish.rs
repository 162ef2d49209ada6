//! How the indexer adds to the view.

use super::chunk::{Chunk, LARGEST_CHUNK, SMALLEST_CHUNK};
use super::{IndexEntry, Lists, ReadView};
use batpak_log::segment::SegmentHeader;
use std::collections::HashMap;
use std::sync::Arc;

/// The one who may add to a view.
///
/// 1. [`resume`](Self::resume) takes up a view where it stands, after a start or a restart;
/// 2. entries are inserted, not visible yet; what is there already is skipped;
/// 3. [`publish`](Self::publish) makes everything below a sequence visible at once.
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
        let chunks = view.lists.load().chunks.clone();
        let mut writer = Self {
            chunk: chunks.last().cloned(),
            view,
            next_slot: 0,
            latest: HashMap::new(),
            next_sequence: 0,
        };
        // The last chunk may have been added just before a crash, with nothing in it yet.
        for chunk in chunks.iter().rev().take(2).rev() {
            writer.latest.clear();
            writer.next_slot = 0;
            while let Some(entry) = chunk.get(writer.next_slot) {
                writer
                    .latest
                    .insert(entry.coord.entity_arc(), writer.next_slot);
                writer.next_sequence = entry.global_sequence + 1;
                writer.next_slot += 1;
            }
        }
        writer
    }

    /// Returns the view.
    pub fn view(&self) -> &Arc<ReadView> {
        &self.view
    }

    /// Makes a segment known, before the first entry that stands in it.
    pub fn add_segment(&mut self, header: Arc<SegmentHeader>) {
        let lists = self.view.lists.load();
        let known = lists.segments.last().map_or(0, |last| last.segment.id);
        if header.segment.id > known {
            let mut segments = lists.segments.clone();
            segments.push(header);
            self.view.lists.publish(Lists {
                chunks: lists.chunks.clone(),
                segments,
            });
        }
    }

    /// Adds an entry behind all others; one that is there already is skipped.
    pub fn insert(&mut self, entry: IndexEntry) {
        if entry.global_sequence < self.next_sequence {
            return;
        }
        let chunk = self.chunk_with_room();
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

    /// Replaces everything by what another view holds: the files were rewritten by others.
    pub fn replace_with(&mut self, other: &ReadView) {
        let lists = other.lists.load();
        let replacement = Lists {
            chunks: lists.chunks.clone(),
            segments: lists.segments.clone(),
        };
        self.view.lists.publish(replacement);
        self.view.visible.raise(other.visible());
        *self = Self::resume(Arc::clone(&self.view));
    }

    fn chunk_with_room(&mut self) -> Arc<Chunk> {
        let full = |chunk: &&Arc<Chunk>| (self.next_slot as usize) < chunk.capacity;
        if let Some(chunk) = self.chunk.as_ref().filter(full) {
            return Arc::clone(chunk);
        }
        let capacity = self.chunk.as_ref().map_or(SMALLEST_CHUNK, |chunk| {
            (chunk.capacity * 2).min(LARGEST_CHUNK)
        });
        let chunk = Arc::new(Chunk::new(capacity));
        let lists = self.view.lists.load();
        let mut chunks = lists.chunks.clone();
        chunks.push(Arc::clone(&chunk));
        self.view.lists.publish(Lists {
            chunks,
            segments: lists.segments.clone(),
        });
        self.chunk = Some(Arc::clone(&chunk));
        self.next_slot = 0;
        self.latest.clear();
        chunk
    }
}
