//! A counter that any thread may draw from.

use crate::runtime::sync::atomic::{AtomicU64, Ordering};

/// Hands out each number once, beginning at its seed.
#[derive(Debug)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Returns a counter whose first number is `start`.
    #[must_use]
    pub fn new(start: u64) -> Self {
        Self(AtomicU64::new(start))
    }

    /// Returns the next number; after the largest comes zero.
    pub fn next(&self) -> u64 {
        // Numbers only have to differ: nothing else is published with them.
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}
