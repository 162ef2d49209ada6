//! A pointer cell that loom can follow: a lock around an `Arc`.
//!
//! It orders a little more than arc-swap does (two loads of one value order each other), so a
//! model must not rest on that; publishing a value and then loading it orders the same.

use std::sync::Arc;

use crate::runtime::sync::Mutex;

/// Holds one `Arc` that any thread loads and one thread replaces.
#[derive(Debug)]
pub(crate) struct PointerCell<T>(Mutex<Arc<T>>);

impl<T> PointerCell<T> {
    pub(crate) fn new(value: Arc<T>) -> Self {
        Self(Mutex::new(value))
    }

    pub(crate) fn load(&self) -> Arc<T> {
        Arc::clone(&self.0.lock())
    }

    pub(crate) fn with<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        look(&self.load())
    }

    pub(crate) fn store(&self, value: Arc<T>) {
        *self.0.lock() = value;
    }
}
