//! Cursors: every event of a region, once, in order.

use super::{IndexEntry, Shared, StoreError};
use crate::coordinate::Region;
use std::fmt;
use std::sync::Arc;

/// Pulls the events of a region, each exactly once, in commit order.
///
/// A poll costs by what is new, not by the length of the log. On a read-only store a poll that
/// finds nothing reads what the writing process has added.
pub struct Cursor {
    shared: Arc<Shared>,
    region: Region,
    next_sequence: u64,
}

impl Cursor {
    pub(super) fn new(shared: Arc<Shared>, region: Region) -> Self {
        Self {
            shared,
            region,
            next_sequence: 0,
        }
    }

    /// Returns the next event, if there is one yet. A failure to read further counts as none and
    /// is kept in the store's diagnostics.
    pub fn poll(&mut self) -> Option<IndexEntry> {
        self.poll_batch(1).pop()
    }

    /// Returns up to `max` of the next events; as [`poll`](Self::poll) for failures, before which
    /// it stops.
    pub fn poll_batch(&mut self, max: usize) -> Vec<IndexEntry> {
        let mut found = Vec::new();
        if let Err(error) = self.poll_into(max, &mut found) {
            self.shared.keep_fault(&error);
        }
        found
    }

    /// As [`poll`](Self::poll), and tells a failure.
    ///
    /// # Errors
    /// When the log cannot be read further.
    pub fn try_poll(&mut self) -> Result<Option<IndexEntry>, StoreError> {
        Ok(self.try_poll_batch(1)?.pop())
    }

    /// As [`poll_batch`](Self::poll_batch), and tells a failure.
    ///
    /// # Errors
    /// When the log cannot be read further.
    pub fn try_poll_batch(&mut self, max: usize) -> Result<Vec<IndexEntry>, StoreError> {
        let before = self.next_sequence;
        let mut found = Vec::new();
        match self.poll_into(max, &mut found) {
            Ok(()) => Ok(found),
            Err(error) => {
                // What was found before the failure is found again.
                self.next_sequence = before;
                Err(error)
            }
        }
    }

    fn poll_into(&mut self, max: usize, found: &mut Vec<IndexEntry>) -> Result<(), StoreError> {
        self.visible_batch(max, found)?;
        if found.is_empty() && self.shared.read_only {
            self.shared.refresh()?;
            self.visible_batch(max, found)?;
        }
        Ok(())
    }

    fn visible_batch(&mut self, max: usize, found: &mut Vec<IndexEntry>) -> Result<(), StoreError> {
        let reader = self.shared.engine.reader();
        if self.next_sequence >= reader.view().visible() {
            return Ok(());
        }
        let mut events = reader.events(&self.region, self.next_sequence);
        while found.len() < max {
            let Some(entry) = events.next() else {
                // Everything visible was looked at, also what the region leaves out.
                self.next_sequence = self.next_sequence.max(events.bound());
                break;
            };
            let entry = entry?;
            self.next_sequence = entry.global_sequence + 1;
            found.push(entry);
        }
        Ok(())
    }

    /// Returns the sequence from which the next poll looks.
    pub(super) fn position(&self) -> u64 {
        self.next_sequence
    }

    /// Goes back, or forward, to a position.
    pub(super) fn seek(&mut self, position: u64) {
        self.next_sequence = position;
    }
}

impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cursor")
            .field("region", &self.region)
            .field("next_sequence", &self.next_sequence)
            .finish_non_exhaustive()
    }
}
