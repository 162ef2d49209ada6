//! A hash index over slots: one writer adds, readers look up without waiting.

use crate::runtime::sync::atomic::{AtomicU64, Ordering};

/// The mark of a bucket that nothing was added to.
const EMPTY: u64 = 0;

/// Buckets for each entry that may be added, so that searches stay short.
const BUCKETS_PER_ENTRY: usize = 2;

/// Maps hashes to slot numbers by open addressing; entries are added and never change.
///
/// A bucket is one word: the upper half of the hash, and the slot number plus one. Readers filter
/// by that half, so a candidate is almost always a hit, and must still be compared.
#[derive(Debug)]
pub struct WriteOnceIndex {
    buckets: Box<[AtomicU64]>,
    capacity: usize,
    /// Counted by the one writer; nobody else reads it.
    entries: AtomicU64,
}

impl WriteOnceIndex {
    /// Returns an index for so many entries.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let buckets = capacity
            .saturating_mul(BUCKETS_PER_ENTRY)
            .max(2)
            .next_power_of_two();
        Self {
            buckets: (0..buckets).map(|_| AtomicU64::new(EMPTY)).collect(),
            capacity,
            entries: AtomicU64::new(0),
        }
    }

    /// Adds a slot under a hash; returns false when the index is full.
    ///
    /// Only one thread may add.
    pub fn insert(&self, hash: u64, slot: u32) -> bool {
        let entries = self.entries.load(Ordering::Relaxed);
        if usize::try_from(entries).map_or(true, |entries| entries >= self.capacity) {
            return false;
        }
        let Some(word) = entry(hash, slot) else {
            return false;
        };
        for bucket in self.walk(hash) {
            if bucket.load(Ordering::Relaxed) == EMPTY {
                bucket.store(word, Ordering::Release);
                self.entries.store(entries + 1, Ordering::Relaxed);
                return true;
            }
        }
        false
    }

    /// Returns the slots that may be under a hash, in the order in which they were added.
    pub fn probe(&self, hash: u64) -> impl Iterator<Item = u32> + '_ {
        self.walk(hash)
            .map(|bucket| bucket.load(Ordering::Acquire))
            .take_while(|word| *word != EMPTY)
            .filter(move |word| upper_half(*word) == upper_half(hash))
            .filter_map(slot_of)
    }

    /// Walks over all buckets, beginning where the hash belongs.
    fn walk(&self, hash: u64) -> impl Iterator<Item = &AtomicU64> {
        let buckets = self.buckets.len();
        let mask = buckets - 1;
        let start = usize::try_from(hash & u64::from(u32::MAX)).unwrap_or(0) & mask;
        (0..buckets).filter_map(move |step| self.buckets.get((start + step) & mask))
    }
}

/// Returns the word of an entry; the one slot number that has no successor has none.
fn entry(hash: u64, slot: u32) -> Option<u64> {
    let number = slot.checked_add(1)?;
    Some((upper_half(hash) << 32) | u64::from(number))
}

fn upper_half(word: u64) -> u64 {
    word >> 32
}

fn slot_of(word: u64) -> Option<u32> {
    u32::try_from(word & u64::from(u32::MAX))
        .ok()?
        .checked_sub(1)
}
