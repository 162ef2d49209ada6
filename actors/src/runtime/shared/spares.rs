//! Things that are used again instead of being freed.

use std::fmt;

use crate::runtime::sync::HAS_CACHES;
use crate::runtime::sync::channel::{Receiver, Sender, bounded};

/// Things of one kind that threads give back and take, up to a number; a clone shares them.
///
/// What one thread allocates and another one frees costs both of them the allocator's lock. In a
/// model nothing is kept.
pub struct Spares<T> {
    give: Sender<T>,
    take: Receiver<T>,
}

impl<T> Spares<T> {
    /// Returns room for so many things, which must be more than none.
    #[must_use]
    pub fn new(max: usize) -> Self {
        let (give, take) = bounded(max.max(1));
        Self { give, take }
    }

    /// Takes a thing that was given back, if there is one.
    #[must_use]
    pub fn take(&self) -> Option<T> {
        if HAS_CACHES {
            self.take.try_recv().ok()
        } else {
            None
        }
    }

    /// Gives a thing back; it is dropped if there are enough.
    pub fn give_back(&self, thing: T) {
        if HAS_CACHES {
            // Full: there are enough.
            let _enough = self.give.try_send(thing);
        }
    }
}

impl<T> Clone for Spares<T> {
    fn clone(&self) -> Self {
        Self {
            give: self.give.clone(),
            take: self.take.clone(),
        }
    }
}

impl<T> fmt::Debug for Spares<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spares").finish_non_exhaustive()
    }
}
