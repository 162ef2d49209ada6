//! The published read view: what readers see, without a mailbox and without waiting.
//!
//! Owned by the indexer, which alone adds to it; read by every caller. Entries are written once
//! and never change; publishing a group is one store of the visible sequence.

mod chunk;
mod entry;
mod lookup;
mod publish;

pub use entry::{DiskPos, IndexEntry};
pub use lookup::Entries;
pub use publish::ViewWriter;

use crate::runtime::{Published, Watermark};
use batpak_log::segment::SegmentHeader;
use chunk::Chunk;
use std::sync::Arc;

/// What readers look into.
#[derive(Debug)]
pub struct ReadView {
    /// Entries with a smaller sequence are visible.
    visible: Watermark,
    lists: Published<Lists>,
}

/// What one publication of the lists holds together.
#[derive(Debug, Default)]
struct Lists {
    chunks: Vec<Arc<Chunk>>,
    segments: Vec<Arc<SegmentHeader>>,
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

    /// Returns the header of the segment with this number.
    pub fn segment(&self, segment_id: u64) -> Option<Arc<SegmentHeader>> {
        let lists = self.lists.load();
        let at = lists
            .segments
            .binary_search_by_key(&segment_id, |header| header.segment.id)
            .ok()?;
        lists.segments.get(at).cloned()
    }

    /// Returns how many segments the log has.
    pub fn segment_count(&self) -> usize {
        self.lists.load().segments.len()
    }

    /// Returns the headers of all segments, oldest first.
    pub fn segments(&self) -> Vec<Arc<SegmentHeader>> {
        self.lists.load().segments.clone()
    }

    /// Returns how many chunks hold the entries.
    pub fn chunk_count(&self) -> usize {
        self.lists.load().chunks.len()
    }
}

#[cfg(test)]
mod tests;
