//! What the roller is asked.

use crate::error::StoreError;
use crate::runtime::{Closed, ReplyTo};
use batpak_log::fs::{File, Fs};
use batpak_log::log_position::LogPosition;
use batpak_log::segment::{SegmentHeader, SegmentName};
use std::sync::Arc;

/// The writer waits for one preparation or one sync at a time, and a seal follows each switch;
/// what finds no room waits in the writer's outbox.
pub const INBOX_CAPACITY: usize = 8;

/// A file under the prepared name, with space reserved, that will become the next segment.
#[derive(Clone, Debug)]
pub struct PreparedFile {
    /// The file, empty but for reserved space.
    pub file: Arc<dyn File>,
    /// How much space was reserved, in bytes.
    pub reserved: u64,
}

/// Which events are removed.
#[derive(Clone, Debug, Default)]
pub struct Removal {
    /// Their sequences, ascending.
    pub sequences: Vec<u64>,
    /// Whether reads show that something was there.
    pub is_shown: bool,
}

/// What became of segments that were written again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rewritten {
    /// How many files they were.
    pub segments: usize,
    /// How long those were together, in bytes.
    pub bytes_before: u64,
    /// How long the one is that took their place, in bytes.
    pub bytes_after: u64,
}

/// Whom a compaction is for: `None` tells that the segments are not those that were asked for.
pub type CompactReply = ReplyTo<Result<Option<Rewritten>, StoreError>>;

/// Answers that the roller waits for.
#[derive(Debug)]
pub enum Answer {
    /// Whether readers see a replacement; or the indexer crashed over it.
    Replaced(Result<bool, Closed>),
}

/// Messages to the roller.
#[derive(Debug)]
pub enum Message {
    /// Have a file ready for the next segment.
    Prepare {
        /// Answered with the file.
        reply: ReplyTo<Result<PreparedFile, StoreError>>,
    },
    /// Make a segment's bytes durable while the writer goes on.
    Sync {
        /// The open segment's file.
        file: Arc<dyn File>,
        /// Answered when everything written before is durable.
        reply: ReplyTo<Result<(), StoreError>>,
    },
    /// Write an index run beside a segment, behind those that it has, so that the events need not
    /// stay in memory.
    Index {
        /// The segment.
        segment: Arc<SegmentHeader>,
        /// Everything before this is durable, and readers see it.
        upto: LogPosition,
        /// Answered with where the segment's index ends.
        reply: ReplyTo<Result<LogPosition, StoreError>>,
    },
    /// Copy everything visible into another directory, a short while at a time.
    Snapshot {
        /// The directory, in which nothing is but what an earlier try has left.
        to: Arc<dyn Fs>,
        /// Where the visible log ended when it was asked for first: the roller has crashed over
        /// it since, perhaps when all was done.
        again: Option<u64>,
        /// Answered with the end of the copy, once it is durable.
        reply: ReplyTo<Result<LogPosition, StoreError>>,
    },
    /// Put one segment in the place of sealed neighbours, a short while at a time.
    Compact {
        /// The neighbours.
        segments: Vec<SegmentName>,
        /// What is removed on the way.
        removal: Arc<Removal>,
        /// Answered once readers see the new one.
        reply: CompactReply,
    },
    /// Trim a full segment and give it its footer.
    Seal {
        /// The segment's file.
        file: Arc<dyn File>,
        /// Its header.
        header: Arc<SegmentHeader>,
        /// Where its groups end.
        position: LogPosition,
    },
    /// Remove what was prepared, merge small neighbours, and end.
    Close {
        /// The end of the log, once the writer has closed it in good order.
        closed: Option<LogPosition>,
        /// Answered with the end of the log as it is now.
        reply: ReplyTo<Result<Option<LogPosition>, StoreError>>,
    },
    /// Panic, to test that a crash loses nothing.
    Panic,
}
