//! What the indexer is told.

use super::Acknowledgement;
use crate::error::StoreError;
use crate::runtime::ReplyTo;
use crate::view::{IndexEntry, IndexedPart, KnownSegment};
use batpak_log::log_position::LogPosition;
use batpak_log::segment::{SegmentHeader, SegmentName};
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

/// A segment that takes the place of others which hold the same events.
#[derive(Clone, Debug)]
pub struct Replacement {
    /// The segments that it was made of, in order.
    pub sources: Vec<SegmentName>,
    /// The new one.
    pub segment: Arc<KnownSegment>,
    /// The index of all its events.
    pub parts: Vec<Arc<IndexedPart>>,
    /// Where the log stands behind its last event.
    pub end: LogPosition,
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
    /// Show a segment in the place of those that it was made of.
    Replace {
        /// The segment.
        replacement: Box<Replacement>,
        /// Answered with whether readers see it from now on.
        reply: ReplyTo<bool>,
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
