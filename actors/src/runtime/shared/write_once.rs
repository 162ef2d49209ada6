//! A table of slots that are each written once and read without waiting.

use std::fmt;

use crate::runtime::sync::OnceCell;

/// How many slots are made at once, when the first of them is written.
const SLOTS_PER_BLOCK: usize = 256;

/// Slots that were made together.
type Block<T> = Box<[OnceCell<T>]>;

/// Slots that are each written once; a slot that was written never changes.
///
/// Slots come in blocks that are made when they are first needed, so an empty table is cheap
/// whatever its capacity.
pub struct WriteOnce<T> {
    blocks: Box<[OnceCell<Block<T>>]>,
    capacity: usize,
}

impl<T> WriteOnce<T> {
    /// Returns a table of so many empty slots.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let blocks = capacity.div_ceil(SLOTS_PER_BLOCK);
        Self {
            blocks: empty_cells(blocks),
            capacity,
        }
    }

    /// Returns how many slots there are.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Returns what slot `index` holds, if it was written.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&T> {
        self.blocks
            .get(index / SLOTS_PER_BLOCK)?
            .get()?
            .get(index % SLOTS_PER_BLOCK)?
            .get()
    }

    /// Writes slot `index`.
    ///
    /// # Errors
    /// Gives the value back when the slot was written before or does not exist.
    pub fn set(&self, index: usize, value: T) -> Result<(), T> {
        let slot = self
            .block(index)
            .and_then(|block| block.get(index % SLOTS_PER_BLOCK));
        match slot {
            Some(slot) => slot.set(value),
            None => Err(value),
        }
    }

    /// Returns the block of slot `index`, and makes it if this is its first slot.
    fn block(&self, index: usize) -> Option<&[OnceCell<T>]> {
        if index >= self.capacity {
            return None;
        }
        let number = index / SLOTS_PER_BLOCK;
        let block = self.blocks.get(number)?;
        if block.get().is_none() {
            let slots = SLOTS_PER_BLOCK.min(self.capacity - number * SLOTS_PER_BLOCK);
            // Whoever loses a race for the block uses the winner's.
            let _made = block.set(empty_cells(slots));
        }
        block.get().map(|slots| &**slots)
    }
}

fn empty_cells<T>(count: usize) -> Box<[OnceCell<T>]> {
    (0..count).map(|_| OnceCell::new()).collect()
}

impl<T> fmt::Debug for WriteOnce<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteOnce")
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}
