//! The publication cell and the watermark: how a writer shows what it has done.

use crate::runtime::moments::moment;
use std::sync::Arc;

use crate::runtime::sync::PointerCell;
use crate::runtime::sync::atomic::{AtomicU64, Ordering};

/// A value that one writer replaces as a whole and readers load without waiting.
#[derive(Debug)]
pub struct Published<T>(PointerCell<T>);

impl<T> Published<T> {
    /// Returns a cell that shows this value.
    #[must_use]
    pub fn new(value: T) -> Self {
        Self(PointerCell::new(Arc::new(value)))
    }

    /// Returns the value that is shown now; it stays whole while it is held.
    #[must_use]
    pub fn load(&self) -> Arc<T> {
        self.0.load()
    }

    /// Lends the value for a short look, without counting a reference.
    pub fn with<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        self.0.with(look)
    }

    /// Replaces the value; whoever loads the new one also sees all that was done before.
    pub fn publish(&self, value: T) {
        self.0.store(Arc::new(value));
        moment();
    }
}

/// A number that only rises; whoever reads it sees all that was written before it was raised.
#[derive(Debug)]
pub struct Watermark(AtomicU64);

impl Watermark {
    /// Returns a watermark at this height.
    #[must_use]
    pub fn new(height: u64) -> Self {
        Self(AtomicU64::new(height))
    }

    /// Raises the watermark; a lower height changes nothing.
    pub fn raise(&self, height: u64) {
        self.0.fetch_max(height, Ordering::Release);
        moment();
    }

    /// Returns the height.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}
