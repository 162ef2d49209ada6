//! Asking the writer without ever waiting for room.

use super::handle::{AnswerTo, EngineHandle, check_count, not_delivered, read_only};
use crate::error::StoreError;
use crate::protocol::{Append, AppendReceipt, SealedAppend, writer};
use crate::runtime::{NotDelivered, Reply, ReplyTo};

impl EngineHandle {
    /// As [`append`](Self::append), and `None` instead of a wait where the mailbox is full.
    ///
    /// # Errors
    /// As [`append`](Self::append), without `Busy`.
    pub fn try_append(
        &self,
        append: impl Into<SealedAppend>,
    ) -> Result<Option<AnswerTo<AppendReceipt>>, StoreError> {
        self.try_ask_writer(|reply| writer::Message::Append {
            append: append.into(),
            reply,
        })
    }

    /// As [`append_batch`](Self::append_batch), and `None` instead of a wait where the mailbox is
    /// full.
    ///
    /// # Errors
    /// As [`append_batch`](Self::append_batch), without `Busy`.
    pub fn try_append_batch(
        &self,
        items: Vec<Append>,
    ) -> Result<Option<AnswerTo<Vec<AppendReceipt>>>, StoreError> {
        check_count(&items)?;
        self.try_ask_writer(|reply| writer::Message::AppendBatch { items, reply })
    }

    fn try_ask_writer<T>(
        &self,
        message: impl FnOnce(ReplyTo<T>) -> writer::Message,
    ) -> Result<Option<Reply<T>>, StoreError> {
        let writer = self.writer.as_ref().ok_or_else(read_only)?;
        match writer.try_ask(message) {
            Ok(reply) => Ok(Some(reply)),
            Err(NotDelivered::Full(_)) => Ok(None),
            Err(error) => Err(not_delivered("writer", &error, None)),
        }
    }
}
