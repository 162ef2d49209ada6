//! Tables of slots whose values are kept while there is room for them.
//!
//! A table belongs to whatever its values are read from, so that a look-up is one step to a slot.
//! How many values are kept in all tables together is bounded: who needs room takes the value
//! that was kept for the longest time without being used, by second chances (the clock of
//! Corbató's "A Paging Experiment with the Multics System", 1968).

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Weak};

use super::WriteOnce;
use crate::runtime::sync::atomic::{AtomicBool, Ordering};
use crate::runtime::sync::{HAS_CACHES, Mutex};

/// So many values get a second chance while room is made for one.
const CHANCES_MAX: usize = 64;

/// A table of slots, each empty or with a value that was kept; an empty table is cheap, however
/// many slots it may have.
pub struct KeptSlots<V>(WriteOnce<Slot<V>>);

struct Slot<V> {
    /// Whether the value was used since it was last passed over.
    used: AtomicBool,
    value: Mutex<Option<V>>,
}

impl<V> Slot<V> {
    fn empty() -> Self {
        Self {
            used: AtomicBool::new(false),
            value: Mutex::new(None),
        }
    }
}

impl<V: Clone> KeptSlots<V> {
    /// Returns a table of so many empty slots.
    #[must_use]
    pub fn new(count: usize) -> Arc<Self> {
        Arc::new(Self(WriteOnce::new(count)))
    }

    /// Returns the value in a slot, if one is kept there.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<V> {
        self.look(index, V::clone).ok()
    }

    /// Looks at the value in a slot; others who want it wait meanwhile.
    ///
    /// # Errors
    /// Gives `look` back when no value is kept there.
    pub fn look<T, L: FnOnce(&V) -> T>(&self, index: usize, look: L) -> Result<T, L> {
        let Some(slot) = self.0.get(index) else {
            return Err(look);
        };
        let value = match &*slot.value.lock() {
            Some(value) => look(value),
            None => return Err(look),
        };
        // Most values in use are marked already, and looking costs less than marking.
        if !slot.used.load(Ordering::Relaxed) {
            slot.used.store(true, Ordering::Relaxed);
        }
        Ok(value)
    }

    /// Puts a value into an empty slot; false when there is none.
    fn fill(&self, index: usize, value: V) -> bool {
        if self.0.get(index).is_none() {
            // Whoever loses a race for the slot uses the winner's.
            let _made = self.0.set(index, Slot::empty());
        }
        let Some(slot) = self.0.get(index) else {
            return false;
        };
        let mut place = slot.value.lock();
        if place.is_some() {
            return false;
        }
        *place = Some(value);
        true
    }

    /// Empties a slot, unless its value was used; returns whether the value is gone.
    fn pass_over(&self, index: usize, chance: bool) -> bool {
        let Some(slot) = self.0.get(index) else {
            return true;
        };
        if slot.used.swap(false, Ordering::Relaxed) && chance {
            return false;
        }
        let value = slot.value.lock().take();
        drop(value);
        true
    }
}

impl<V> fmt::Debug for KeptSlots<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptSlots")
            .field("slots", &self.0)
            .finish_non_exhaustive()
    }
}

/// Bounds how many values are kept in any number of tables.
///
/// A table that is dropped frees its values at once; their places are free again as others pass
/// over them. In a model nothing is kept, so every look-up takes the long way.
pub struct SlotBudget<V> {
    max: usize,
    kept: Mutex<VecDeque<Kept<V>>>,
}

/// Where a value is kept.
struct Kept<V> {
    table: Weak<KeptSlots<V>>,
    index: usize,
}

impl<V: Clone> SlotBudget<V> {
    /// Returns room for so many values.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self {
            max,
            kept: Mutex::new(VecDeque::new()),
        }
    }

    /// Keeps a value in a slot that is empty, and makes room for it.
    pub fn keep(&self, table: &Arc<KeptSlots<V>>, index: usize, value: V) {
        if !HAS_CACHES || self.max == 0 || !table.fill(index, value) {
            return;
        }
        let mut kept = self.kept.lock();
        let mut chances = CHANCES_MAX;
        while kept.len() >= self.max
            && let Some(oldest) = kept.pop_front()
        {
            let Some(table) = oldest.table.upgrade() else {
                continue;
            };
            if !table.pass_over(oldest.index, chances > 0) {
                chances -= 1;
                kept.push_back(oldest);
            }
        }
        let table = Arc::downgrade(table);
        kept.push_back(Kept { table, index });
    }

    /// Returns how many values are kept, those of dropped tables included that nobody passed over.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kept.lock().len()
    }

    /// Returns whether no value is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<V> fmt::Debug for SlotBudget<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlotBudget")
            .field("max", &self.max)
            .finish_non_exhaustive()
    }
}
