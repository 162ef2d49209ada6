//! An answer on its way to a caller.

use super::AppendReceipt;
use crate::error::{BatchStage, StoreError};
use crate::runtime::ReplyTo;

/// A caller's reply together with what it will be told once everything before it is visible.
///
/// It travels writer, indexer, broker. Dropping it closes the caller's reply, which then knows
/// that the fate of its append is open.
#[derive(Debug)]
pub enum Acknowledgement {
    /// Answers a single append.
    One(
        ReplyTo<Result<AppendReceipt, StoreError>>,
        Result<AppendReceipt, StoreError>,
    ),
    /// Answers a batch.
    Batch(
        ReplyTo<Result<Vec<AppendReceipt>, StoreError>>,
        Result<Vec<AppendReceipt>, StoreError>,
    ),
    /// Answers a sync.
    Synced(ReplyTo<Result<(), StoreError>>, Result<(), StoreError>),
}

impl Acknowledgement {
    /// Gives the caller its answer.
    pub fn deliver(self) {
        match self {
            Self::One(reply, answer) => reply.answer(answer),
            Self::Batch(reply, answer) => reply.answer(answer),
            Self::Synced(reply, answer) => reply.answer(answer),
        }
    }

    /// Returns whether the caller is to be told of success.
    pub fn is_success(&self) -> bool {
        match self {
            Self::One(_, answer) => answer.is_ok(),
            Self::Batch(_, answer) => answer.is_ok(),
            Self::Synced(_, answer) => answer.is_ok(),
        }
    }

    /// Turns the answer into a failure at `stage`.
    pub fn failed(self, stage: BatchStage, error: &StoreError) -> Self {
        let error = error.copied();
        match self {
            Self::One(reply, _) => Self::One(reply, Err(error)),
            Self::Batch(reply, _) => {
                let source = Box::new(error);
                Self::Batch(
                    reply,
                    Err(StoreError::BatchFailed {
                        item_index: 0,
                        stage,
                        source,
                    }),
                )
            }
            Self::Synced(reply, _) => Self::Synced(reply, Err(error)),
        }
    }
}
