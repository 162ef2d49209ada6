//! A once-cell whose flag loom can see.
//!
//! The content sits in the standard cell, which gives it out safely; whether a reader may see it
//! is decided by a flag with the orderings of the real cell, so a model also visits the runs in
//! which a reader without a proper edge still finds the cell empty.

use std::sync::OnceLock;

use crate::runtime::sync::Mutex;
use crate::runtime::sync::atomic::{AtomicBool, Ordering};

/// A cell that is written once.
#[derive(Debug)]
pub(crate) struct OnceCell<T> {
    full: AtomicBool,
    /// Makes a second writer wait for the first, as the real cell does.
    writing: Mutex<()>,
    content: OnceLock<T>,
}

impl<T> OnceCell<T> {
    pub(crate) fn new() -> Self {
        Self {
            full: AtomicBool::new(false),
            writing: Mutex::new(()),
            content: OnceLock::new(),
        }
    }

    pub(crate) fn get(&self) -> Option<&T> {
        if self.full.load(Ordering::Acquire) {
            self.content.get()
        } else {
            None
        }
    }

    pub(crate) fn set(&self, value: T) -> Result<(), T> {
        let _writing = self.writing.lock();
        self.content.set(value)?;
        self.full.store(true, Ordering::Release);
        Ok(())
    }
}
