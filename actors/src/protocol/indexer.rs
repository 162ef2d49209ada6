//! What the indexer is told.

use super::Acknowledgement;
use crate::error::StoreError;
use crate::runtime::ReplyTo;
use crate::view::{IndexEntry, IndexedPart};
use batpak_log::log_position::LogPosition;
use batpak_log::segment::SegmentHeader;
use std::sync::Arc;

/// Groups that the writer may be ahead; it holds back commands beyond that.
pub const INBOX_CAPACITY: usize = 64;

/// A group that the writer has written.
#[derive(Debug)]
pub struct WrittenGroup {
    /// How many events the log held before it.
    pub events_before: u64,
    /// The segment's header, with the first group of a segment.
    pub opened: Option<Arc<SegmentHeader>>,
    /// Its events in commit order.
    pub entries: Vec<IndexEntry>,
    /// The end of the log behind it.
    pub position: LogPosition,
    /// How far the log is proven durable.
    pub proven: LogPosition,
    /// Who waits for it.
    pub acknowledgements: Vec<Acknowledgement>,
}

/// Messages to the indexer.
#[derive(Debug)]
pub enum Message {
    /// Make a group visible.
    Publish(Box<WrittenGroup>),
    /// Read what others have written to the log since.
    CatchUp {
        /// Answered with the sequence below which everything is visible.
        reply: ReplyTo<Result<u64, StoreError>>,
    },
    /// Let an index on disk take the place of what is in memory.
    Adopt {
        /// The index.
        part: Arc<IndexedPart>,
    },
    /// As `CatchUp`, for a writer that restarted and waits for no answer.
    ReadOn,
    /// End.
    Close {
        /// Answered at once.
        reply: ReplyTo<Result<(), StoreError>>,
    },
    /// Panic, to test that a crash loses nothing.
    Panic,
}
