//! Cursors: every event of a region, once, in order.

mod position;

pub use super::worker::{CursorWorkerAction, CursorWorkerConfig, CursorWorkerHandle};
pub use position::{CursorPosition, ParsePositionError};

pub(super) use position::Marked;

use super::{IndexEntry, Shared, Store, StoreError};
use crate::coordinate::Region;
use std::fmt;
use std::sync::Arc;

impl<State> Store<State> {
    /// Returns a cursor at the start of a region.
    pub fn cursor_guaranteed(&self, region: &Region) -> Cursor {
        Cursor::new(&self.shared, region, CursorPosition::start())
    }

    /// Returns a cursor that goes on from a saved position: with the first event of the region
    /// behind it.
    ///
    /// # Errors
    /// `ForeignPosition` for a position of another store, or of another history of this one, as
    /// after a copy was restored and written to. `Rollback` for a position at or behind the end of
    /// the log: events that were handed out are not there any more. Nothing would be missed with
    /// an earlier position, or the start.
    pub fn cursor_at(
        &self,
        region: &Region,
        position: &CursorPosition,
    ) -> Result<Cursor, StoreError> {
        self.shared.check_position(position)?;
        Ok(Cursor::new(&self.shared, region, *position))
    }

    /// Returns the position right behind an event of this store, to be saved by whoever has handled
    /// the event and all before it.
    pub fn position_behind(&self, entry: &IndexEntry) -> CursorPosition {
        self.shared.position_behind(Marked::of(entry))
    }
}

/// Pulls the events of a region, each exactly once, in commit order.
///
/// A poll costs by what is new, not by the length of the log. On a read-only store a poll that
/// finds nothing reads what the writing process has added.
pub struct Cursor {
    shared: Arc<Shared>,
    region: Region,
    next_sequence: u64,
    /// Where it began.
    start: CursorPosition,
    /// The event that was handed out last.
    last: Option<Marked>,
}

impl Cursor {
    pub(super) fn new(shared: &Arc<Shared>, region: &Region, position: CursorPosition) -> Self {
        Self {
            shared: Arc::clone(shared),
            region: region.clone(),
            next_sequence: position.next_sequence(),
            start: position,
            last: None,
        }
    }

    /// Returns the position behind the last event that was handed out, to be saved once that event
    /// was handled; [`Store::cursor_at`] goes on from there.
    pub fn position(&self) -> CursorPosition {
        let behind = |last| self.shared.position_behind(last);
        self.last.map_or(self.start, behind)
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
        let before = self.mark();
        let mut found = Vec::new();
        match self.poll_into(max, &mut found) {
            Ok(()) => Ok(found),
            Err(error) => {
                // What was found before the failure is found again.
                self.seek(before);
                Err(error)
            }
        }
    }

    fn poll_into(&mut self, max: usize, found: &mut Vec<IndexEntry>) -> Result<(), StoreError> {
        let mut polled = self.visible_batch(max, found);
        if polled.is_ok() && found.is_empty() && self.shared.read_only {
            self.shared.refresh()?;
            polled = self.visible_batch(max, found);
        }
        if let Some(last) = found.last() {
            self.last = Some(Marked::of(last));
        }
        polled
    }

    fn visible_batch(&mut self, max: usize, found: &mut Vec<IndexEntry>) -> Result<(), StoreError> {
        if self.next_sequence >= self.shared.engine.reader().view().visible() {
            return Ok(());
        }
        let next = (&self.region, &mut self.next_sequence);
        self.shared.take_events(next, max, found)
    }

    /// Returns the position behind an event that was handed out.
    pub(super) fn position_behind(&self, last: Marked) -> CursorPosition {
        self.shared.position_behind(last)
    }

    /// Returns where it stands, to go back there.
    pub(super) fn mark(&self) -> CursorMark {
        CursorMark {
            next_sequence: self.next_sequence,
            last: self.last,
        }
    }

    /// Goes back to where it stood.
    pub(super) fn seek(&mut self, mark: CursorMark) {
        self.next_sequence = mark.next_sequence;
        self.last = mark.last;
    }
}

/// Where a cursor stood.
#[derive(Clone, Copy, Debug)]
pub(super) struct CursorMark {
    /// Everything before it was looked at, also what the region leaves out.
    next_sequence: u64,
    last: Option<Marked>,
}

impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cursor")
            .field("region", &self.region)
            .field("next_sequence", &self.next_sequence)
            .finish_non_exhaustive()
    }
}
