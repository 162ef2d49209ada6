//! What the writer is asked.

use super::roller::PreparedFile;
use super::{Append, AppendReceipt, SealedAppend};
use crate::error::StoreError;
use crate::runtime::{Closed, ReplyTo};
use batpak_log::log_position::LogPosition;

/// The writer's mailbox holds at most this many bytes of commands, or one command.
pub const BYTE_BUDGET: usize = 64 * 1024 * 1024;

/// Messages to the writer.
#[derive(Debug)]
pub enum Message {
    /// Append one event.
    Append {
        /// The event.
        append: SealedAppend,
        /// Answered by the broker, once the event is visible and announced.
        reply: ReplyTo<Result<AppendReceipt, StoreError>>,
    },
    /// Append events all together or not at all.
    AppendBatch {
        /// The events, in order; not empty.
        items: Vec<Append>,
        /// Answered by the broker, once the events are visible and announced.
        reply: ReplyTo<Result<Vec<AppendReceipt>, StoreError>>,
    },
    /// Make everything that was acknowledged durable.
    Sync {
        /// Answered when it is.
        reply: ReplyTo<Result<(), StoreError>>,
    },
    /// Make everything durable, leave the clean mark, and end.
    Close {
        /// Answered with the end of the log; `None` when the log has no segment.
        reply: ReplyTo<Result<Option<LogPosition>, StoreError>>,
    },
    /// Panic, to test that a crash loses nothing.
    Panic,
}

impl Message {
    /// Returns how much of the mailbox's byte budget the message takes.
    pub fn weight(&self) -> usize {
        match self {
            Self::Append { append, .. } => append.weight(),
            Self::AppendBatch { items, .. } => items.iter().map(Append::weight).sum(),
            Self::Sync { .. } | Self::Close { .. } | Self::Panic => 0,
        }
    }
}

/// Answers that the writer waits for.
#[derive(Debug)]
pub enum Answer {
    /// The roller has prepared a file, or could not, or crashed.
    Prepared(Result<Result<PreparedFile, StoreError>, Closed>),
    /// The roller has written an index run, or could not, or crashed.
    Indexed(Result<Result<LogPosition, StoreError>, Closed>),
    /// The roller has synced, or could not, or crashed.
    Synced(Result<Result<(), StoreError>, Closed>),
}
