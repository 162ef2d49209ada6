//! A run of entries with write-once links between them.

use super::IndexEntry;
use crate::hashing::hash_of;
use crate::runtime::{Watermark, WriteOnce, WriteOnceIndex};

/// The first chunk's capacity in entries; each next one doubles it.
pub(super) const SMALLEST_CHUNK: usize = 1024;
/// The largest chunk's capacity in entries.
pub(super) const LARGEST_CHUNK: usize = 16 * 1024;

/// Entries in commit order, found by place, by id and by entity.
///
/// An entity's entries form a list from its first in the chunk through `next`. Links to a slot are
/// set before the slot itself, so a link may lead to a slot that is still empty: a reader treats it
/// as the end, as it treats a slot whose sequence is not visible yet.
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) entries: WriteOnce<IndexEntry>,
    pub(super) capacity: usize,
    next: WriteOnce<u32>,
    ids: WriteOnceIndex,
    entities: WriteOnceIndex,
    /// Raised once an entry is there that reads do not show.
    holds_hidden: Watermark,
}

impl Chunk {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            entries: WriteOnce::new(capacity),
            capacity,
            next: WriteOnce::new(capacity),
            ids: WriteOnceIndex::new(capacity),
            entities: WriteOnceIndex::new(capacity),
            holds_hidden: Watermark::new(0),
        }
    }

    /// Returns whether there may be an entry that reads do not show.
    pub(super) fn holds_hidden(&self) -> bool {
        self.holds_hidden.get() > 0
    }

    pub(super) fn get(&self, slot: u32) -> Option<&IndexEntry> {
        self.entries.get(slot as usize)
    }

    /// Links and sets the entry at `slot`. `previous` is the slot of its entity's entry before it
    /// in this chunk. Setting a slot again with the same entry changes nothing.
    pub(super) fn set(&self, slot: u32, previous: Option<u32>, entry: IndexEntry) {
        self.ids.insert(hash_of(&entry.event_id), slot);
        if entry.is_hidden {
            self.holds_hidden.raise(1);
        }
        let linked = match previous {
            Some(previous) => self.next.set(previous as usize, slot).is_ok(),
            None => self.entities.insert(hash_of(entry.coord.entity()), slot),
        };
        let set = self.entries.set(slot as usize, entry).is_ok();
        debug_assert!(linked || set || self.get(slot).is_some());
    }

    pub(super) fn by_id(&self, event_id: u128) -> Option<&IndexEntry> {
        self.ids
            .probe(hash_of(&event_id))
            .filter_map(|slot| self.get(slot))
            .find(|entry| entry.event_id == event_id)
    }

    /// Returns the slot of the entity's first entry here.
    pub(super) fn first_of(&self, entity: &str) -> Option<u32> {
        self.entities.probe(hash_of(entity)).find(|slot| {
            self.get(*slot)
                .is_some_and(|entry| entry.coord.entity() == entity)
        })
    }

    pub(super) fn next_of(&self, slot: u32) -> Option<u32> {
        self.next.get(slot as usize).copied()
    }

    /// Returns the first slot whose sequence is at least `sequence`, or the first empty one.
    pub(super) fn slot_from(&self, sequence: u64) -> u32 {
        let (mut low, mut high) = (0, u32::try_from(self.capacity).unwrap_or(u32::MAX));
        while low < high {
            let middle = low + (high - low) / 2;
            match self.get(middle) {
                Some(entry) if entry.global_sequence < sequence => low = middle + 1,
                Some(_) | None => high = middle,
            }
        }
        low
    }
}
