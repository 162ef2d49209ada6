//! What the checkpointer is told.

use crate::error::StoreError;
use crate::runtime::ReplyTo;
use batpak_log::checkpoint::Checkpoint;

/// Only the latest position matters; a queue this short shows a slow disk early.
pub const INBOX_CAPACITY: usize = 4;

/// Messages to the checkpointer.
#[derive(Debug)]
pub enum Message {
    /// Note a proven position.
    Checkpoint(Checkpoint),
    /// Note the last position, and end.
    Close {
        /// The end of a log that was closed in good order.
        last: Option<Checkpoint>,
        /// Answered when it is noted.
        reply: ReplyTo<Result<(), StoreError>>,
    },
    /// Panic, to test that a crash loses nothing.
    Panic,
}
