//! A cell that holds a shared pointer, replaced as a whole: arc-swap.

use std::sync::Arc;

use arc_swap::ArcSwap;

/// Holds one `Arc` that any thread loads and one thread replaces.
#[derive(Debug)]
pub(crate) struct PointerCell<T>(ArcSwap<T>);

impl<T> PointerCell<T> {
    pub(crate) fn new(value: Arc<T>) -> Self {
        Self(ArcSwap::new(value))
    }

    pub(crate) fn load(&self) -> Arc<T> {
        self.0.load_full()
    }

    /// Lends the value without counting a reference, for short looks.
    pub(crate) fn with<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        look(&self.0.load())
    }

    pub(crate) fn store(&self, value: Arc<T>) {
        self.0.store(value);
    }
}
