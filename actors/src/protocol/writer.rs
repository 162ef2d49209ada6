//! What the writer is asked.

use super::roller::PreparedFile;
use super::{Acknowledgement, Append, AppendReceipt, SealedAppend};
use crate::error::{BatchStage, StoreError};
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
    /// Append into the visibility fence that is open.
    Fenced {
        /// Which fence.
        fence: u128,
        /// What to append.
        write: Box<FencedWrite>,
    },
    /// Open a visibility fence, or end it.
    Fence {
        /// Which fence, as its opener has named it.
        fence: u128,
        /// What to do about it.
        command: FenceCommand,
        /// Answered behind everything before it.
        reply: ReplyTo<Result<(), StoreError>>,
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
            Self::Fenced { write, .. } => write.items().iter().map(Append::weight).sum(),
            Self::Fence { .. } | Self::Sync { .. } | Self::Close { .. } | Self::Panic => 0,
        }
    }

    /// Returns how many events the message asks to append.
    pub fn event_count(&self) -> usize {
        match self {
            Self::Append { .. } => 1,
            Self::AppendBatch { items, .. } => items.len(),
            Self::Fenced { write, .. } => write.items().len(),
            Self::Fence { .. } | Self::Sync { .. } | Self::Close { .. } | Self::Panic => 0,
        }
    }

    /// Returns whether the message asks to append.
    pub fn writes(&self) -> bool {
        self.event_count() > 0
    }
}

/// What to do about a visibility fence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FenceCommand {
    /// From now on only writes of this fence are accepted.
    Begin,
    /// Make its writes visible, all at once.
    Commit,
    /// Take its writes back.
    Cancel,
}

/// A write into a fence. It is answered twice: once it is written, with the durability that was
/// asked for, and once its fence has ended.
#[derive(Debug)]
pub enum FencedWrite {
    /// One event.
    One {
        /// The event, in a list of one.
        item: [Append; 1],
        /// Answered once it is written.
        written: ReplyTo<Result<AppendReceipt, StoreError>>,
        /// Answered once its fence has ended.
        ended: ReplyTo<Result<AppendReceipt, StoreError>>,
    },
    /// Events all together or not at all.
    Batch {
        /// The events, in order; not empty.
        items: Vec<Append>,
        /// Answered once they are written.
        written: ReplyTo<Result<Vec<AppendReceipt>, StoreError>>,
        /// Answered once their fence has ended.
        ended: ReplyTo<Result<Vec<AppendReceipt>, StoreError>>,
    },
}

impl FencedWrite {
    /// Returns the answers of one that was not carried out.
    pub fn refused(self, error: &StoreError) -> [Acknowledgement; 2] {
        match self {
            Self::One { written, ended, .. } => [
                Acknowledgement::One(written, Err(error.copied())),
                Acknowledgement::One(ended, Err(error.copied())),
            ],
            Self::Batch { written, ended, .. } => [
                Acknowledgement::Batch(written, Err(batch_failed(error.copied()))),
                Acknowledgement::Batch(ended, Err(batch_failed(error.copied()))),
            ],
        }
    }

    /// Returns what is to be appended.
    pub fn items(&self) -> &[Append] {
        match self {
            Self::One { item, .. } => item,
            Self::Batch { items, .. } => items,
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

/// Returns the error of a batch that was refused before anything of it was looked at.
pub fn batch_failed(source: StoreError) -> StoreError {
    batch_failed_at((0, BatchStage::Validation, source))
}

/// Returns the error of a batch that was refused, naming the item and the stage.
pub fn batch_failed_at((item_index, stage, source): (usize, BatchStage, StoreError)) -> StoreError {
    let source = Box::new(source);
    StoreError::BatchFailed {
        item_index,
        stage,
        source,
    }
}
