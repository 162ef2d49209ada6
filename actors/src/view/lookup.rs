//! How readers find entries.

use super::chunk::Chunk;
use super::{IndexEntry, Lists, ReadView};
use batpak_log::coordinate::Region;
use std::sync::Arc;

impl ReadView {
    /// Returns the visible event with this id.
    pub fn by_id(&self, event_id: u128) -> Option<IndexEntry> {
        let visible = self.visible();
        let lists = self.lists.load();
        lists
            .chunks
            .iter()
            .rev()
            .find_map(|chunk| chunk.by_id(event_id))
            .filter(|entry| entry.global_sequence < visible)
            .cloned()
    }

    /// Returns the latest visible event of an entity.
    pub fn head(&self, entity: &str) -> Option<IndexEntry> {
        let visible = self.visible();
        let lists = self.lists.load();
        let is_visible = |entry: &&IndexEntry| entry.global_sequence < visible;
        for chunk in lists.chunks.iter().rev() {
            let mut head = None;
            let mut slot = chunk.first_of(entity);
            while let Some(entry) = slot.and_then(|slot| chunk.get(slot)).filter(is_visible) {
                head = Some(entry);
                slot = slot.and_then(|slot| chunk.next_of(slot));
            }
            if head.is_some() {
                return head.cloned();
            }
        }
        None
    }

    /// Returns an entity's visible events in commit order.
    pub fn stream(&self, entity: &str) -> Vec<IndexEntry> {
        let visible = self.visible();
        let lists = self.lists.load();
        let mut found = Vec::new();
        for chunk in &lists.chunks {
            let mut slot = chunk.first_of(entity);
            while let Some((at, entry)) = slot.and_then(|at| Some((at, chunk.get(at)?))) {
                if entry.global_sequence >= visible {
                    return found;
                }
                found.push(entry.clone());
                slot = chunk.next_of(at);
            }
        }
        found
    }

    /// Returns the visible events with a sequence of at least `sequence`, in commit order.
    pub fn entries_from(&self, sequence: u64) -> Entries {
        // The bound is read before the lists, so that the lists hold everything below it.
        let visible = self.visible();
        let lists = self.lists.load();
        let chunk = lists.chunks.partition_point(|chunk| {
            chunk
                .get(0)
                .is_some_and(|first| first.global_sequence <= sequence)
        });
        let chunk = chunk.saturating_sub(1);
        let slot = lists
            .chunks
            .get(chunk)
            .map_or(0, |chunk| chunk.slot_from(sequence));
        Entries {
            lists,
            visible,
            chunk,
            slot,
        }
    }

    /// Returns up to `count` of the latest visible events, newest first.
    pub fn latest(&self, count: usize) -> Vec<IndexEntry> {
        let visible = self.visible();
        let lists = self.lists.load();
        let mut found = Vec::with_capacity(count);
        for chunk in lists.chunks.iter().rev() {
            for slot in (0..chunk.slot_from(visible)).rev() {
                if found.len() == count {
                    return found;
                }
                found.extend(chunk.get(slot).cloned());
            }
        }
        found
    }

    /// Returns the visible events of a region, in commit order.
    pub fn query(&self, region: &Region) -> Vec<IndexEntry> {
        let matches = |entry: &IndexEntry| {
            region.matches(
                entry.coord.entity(),
                entry.coord.scope(),
                entry.kind,
                entry.clock,
            )
        };
        match &region.entity {
            Some(entity) => self.stream(entity).into_iter().filter(matches).collect(),
            None => {
                let mut entries = self.entries_from(0);
                let mut found = Vec::new();
                while let Some(entry) = entries.next_entry() {
                    if matches(entry) {
                        found.push(entry.clone());
                    }
                }
                found
            }
        }
    }

    /// Returns how many events are visible.
    pub fn event_count(&self) -> usize {
        let visible = self.visible();
        let lists = self.lists.load();
        let visible_in = |chunk: &Arc<Chunk>| chunk.slot_from(visible) as usize;
        lists.chunks.iter().map(visible_in).sum()
    }
}

/// Visible entries, one after the other, as they were when the walk began.
#[derive(Debug)]
pub struct Entries {
    lists: Arc<Lists>,
    visible: u64,
    chunk: usize,
    slot: u32,
}

impl Entries {
    /// Returns the next entry without cloning it.
    pub fn next_entry(&mut self) -> Option<&IndexEntry> {
        loop {
            let chunk = self.lists.chunks.get(self.chunk)?;
            if self.slot as usize >= chunk.capacity {
                self.chunk += 1;
                self.slot = 0;
                continue;
            }
            let entry = chunk.get(self.slot)?;
            if entry.global_sequence >= self.visible {
                return None;
            }
            self.slot += 1;
            // The borrow checker does not see that the loop ends here.
            return self.lists.chunks.get(self.chunk)?.get(self.slot - 1);
        }
    }

    /// Returns the sequence below which this walk ends.
    pub fn bound(&self) -> u64 {
        self.visible
    }
}

impl Iterator for Entries {
    type Item = IndexEntry;

    fn next(&mut self) -> Option<IndexEntry> {
        self.next_entry().cloned()
    }
}
