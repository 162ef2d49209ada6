//! What callers ask of the roller: copies and compactions.

use super::EngineHandle;
use super::handle::{ask, read_only};
use crate::compaction::{SealedSegment, sealed_segments};
use crate::error::StoreError;
use crate::protocol::roller::{self, Removal, Rewritten};
use batpak_log::fs::Fs;
use batpak_log::log_position::LogPosition;
use batpak_log::segment::SegmentName;
use std::cell::Cell;
use std::sync::Arc;

impl EngineHandle {
    /// Copies everything visible into another directory, and waits until the copy is durable.
    ///
    /// # Errors
    /// `Configuration` when the store is open read-only, `Closed` or `ActorEnded` when the roller
    /// has ended, and what reading the log and writing the copy return.
    pub fn snapshot(&self, to: &Arc<dyn Fs>) -> Result<LogPosition, StoreError> {
        let roller = self.roller.as_ref().ok_or_else(read_only)?;
        let view = self.reader.view().snapshot();
        let due = view.lists.end_sequence(view.visible);
        let again = Cell::new(None);
        let message = |reply| roller::Message::Snapshot {
            to: Arc::clone(to),
            again: again.replace(Some(due)),
            reply,
        };
        // It takes as long as the disks take.
        ask("roller", roller, message, None)?
    }

    /// Returns the segments that no event comes to any more, oldest first.
    ///
    /// # Errors
    /// `Configuration` when the store is open read-only, `Io` when a file cannot be looked at.
    pub fn sealed_segments(&self) -> Result<Vec<SealedSegment>, StoreError> {
        self.roller.as_ref().ok_or_else(read_only)?;
        sealed_segments(&self.reader, self.opened_last_id)
    }

    /// Puts one segment in the place of sealed neighbours, and waits until readers see it; `None`
    /// when the segments are not there any more.
    ///
    /// # Errors
    /// `Closed` or `ActorEnded` when the roller has ended, and what reading the log and writing
    /// the new segment return: then the old ones stand as they were.
    pub fn compact(
        &self,
        segments: &[SegmentName],
        removal: &Arc<Removal>,
    ) -> Result<Option<Rewritten>, StoreError> {
        let roller = self.roller.as_ref().ok_or_else(read_only)?;
        let message = |reply| roller::Message::Compact {
            segments: segments.to_vec(),
            removal: Arc::clone(removal),
            reply,
        };
        ask("roller", roller, message, None)?
    }
}
