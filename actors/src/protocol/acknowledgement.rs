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
    /// Answers a sync, or what was asked of a fence.
    Done(ReplyTo<Result<(), StoreError>>, Result<(), StoreError>),
}

impl Acknowledgement {
    /// Gives the caller its answer.
    pub fn deliver(self) {
        match self {
            Self::One(reply, answer) => reply.answer(answer),
            Self::Batch(reply, answer) => reply.answer(answer),
            Self::Done(reply, answer) => reply.answer(answer),
        }
    }

    /// Returns whether the caller is to be told of success.
    pub fn is_success(&self) -> bool {
        match self {
            Self::One(_, answer) => answer.is_ok(),
            Self::Batch(_, answer) => answer.is_ok(),
            Self::Done(_, answer) => answer.is_ok(),
        }
    }

    /// Turns the answer into a failure at `stage`.
    pub fn failed(self, stage: BatchStage, error: &StoreError) -> Self {
        let error = error.copied();
        match self {
            Self::Batch(reply, _) => {
                let source = Box::new(error);
                let failed = StoreError::BatchFailed {
                    item_index: 0,
                    stage,
                    source,
                };
                Self::Batch(reply, Err(failed))
            }
            single @ (Self::One(..) | Self::Done(..)) => single.failed_with(error),
        }
    }

    /// Turns the answer into this failure, also for a batch.
    pub fn failed_with(self, error: StoreError) -> Self {
        match self {
            Self::One(reply, _) => Self::One(reply, Err(error)),
            Self::Batch(reply, _) => Self::Batch(reply, Err(error)),
            Self::Done(reply, _) => Self::Done(reply, Err(error)),
        }
    }
}
