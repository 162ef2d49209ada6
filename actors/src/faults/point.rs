//! The points at which a fault may be injected, and what one does there.

use crate::error::StoreError;
use std::sync::Arc;

/// Where the writer asks whether to fail.
///
/// A point is passed only for what is about to be stored: a command that is refused, and one whose
/// keys are stored already, pass none. A batch inside of a visibility fence passes
/// `BatchPrePublish` when its fence is committed.
///
/// `batch_id` is the global sequence that the batch's first event gets. A batch that came to
/// nothing leaves its number to the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InjectionPoint {
    /// A batch was checked, and nothing of it is staged. A fault refuses the batch, at the stage
    /// `Validation`: it is certainly not written. Others in its group do not notice.
    BatchStart {
        /// Which batch.
        batch_id: u64,
        /// How many items it has.
        item_count: usize,
    },
    /// The batch begins. A fault is one of `BatchStart`, at the stage `Writing`.
    ///
    /// A group is written with one call, so the points up to `BatchItemsComplete` are passed one
    /// after the other before the first byte of it is written.
    BatchBeginWritten {
        /// Which batch.
        batch_id: u64,
        /// How many items it has.
        item_count: usize,
    },
    /// An item of the batch is next. A fault is one of `BatchBeginWritten`, and names the item.
    BatchItemWritten {
        /// Which batch.
        batch_id: u64,
        /// Which of its items, from 0.
        item_index: usize,
        /// How many items it has.
        total_items: usize,
    },
    /// All items of the batch are through. A fault is one of `BatchBeginWritten`, and names the
    /// last item.
    BatchItemsComplete {
        /// Which batch.
        batch_id: u64,
        /// How many items it has.
        item_count: usize,
    },
    /// The group that holds the batch is written. A fault cuts it back, like a disk that is full:
    /// every command of the group gets the fault's error and is certainly not written, and the
    /// writer goes on.
    BatchCommitWritten {
        /// Which batch.
        batch_id: u64,
    },
    /// The group that holds the batch is written, and the batch is about to be acknowledged, be it
    /// after a sync or without one. A fault is a sync that failed, and a power cut behind it: the
    /// group is lost, every command of it gets `FateUnknown`, and the writer is poisoned until the
    /// store is opened again. Retries are then stored anew.
    BatchFsync {
        /// Which batch.
        batch_id: u64,
    },
    /// The group that holds the batch is written and as durable as was asked for, and nobody sees
    /// it yet. A fault ends the writer there: every command of the group gets `FateUnknown`, and
    /// nobody sees it until the store is opened again. It is there then, and retries are replays.
    BatchPrePublish {
        /// Which batch.
        batch_id: u64,
        /// How many items it has.
        item_count: usize,
    },
    /// A single append was checked, and nothing of it is staged. A fault refuses it: it is
    /// certainly not written. Others in its group do not notice.
    SingleAppendStart {
        /// Whose event it is. Each name is leaked once in the life of a writer.
        entity: &'static str,
    },
    /// The group that holds the append is written. A fault is one of `BatchCommitWritten`.
    SingleAppendWritten {
        /// Whose event it is.
        entity: &'static str,
    },
    /// The open segment is full, and the next one is about to take its place. A fault refuses the
    /// command that is next, which is certainly not written, and the one behind it tries again. A
    /// sync that is next succeeds, because it does not need the new segment.
    SegmentRotation {
        /// The segment that is full.
        old_segment: u64,
        /// The segment that follows it.
        new_segment: u64,
    },
}

/// Decides at which points a write fails.
///
/// It is asked on whatever thread runs the writer, which waits for the answer: one that blocks
/// holds every write up. One that panics makes the writer crash at the point as a bug would: the
/// fate of the group in hand is open, and the writer is restarted as often as its policy allows.
pub trait FaultInjector: Send + Sync {
    /// Returns the error with which to fail at this point, usually
    /// [`FaultInjected`](StoreError::FaultInjected); `None` to go on.
    ///
    /// Where the write is certainly not kept, its callers get this very error, so it should be one
    /// that says so; elsewhere they get `FateUnknown` with its text.
    fn check(&self, point: InjectionPoint) -> Option<StoreError>;

    /// Is asked once when a store is opened.
    ///
    /// # Errors
    /// What is wrong with the injector; the store is then not opened, with `Configuration`.
    fn validate(&self) -> Result<(), String> {
        Ok(())
    }
}

/// Asks an injector, if there is one.
///
/// # Errors
/// What the injector answers.
pub fn maybe_inject(
    point: InjectionPoint,
    injector: &Option<Arc<dyn FaultInjector>>,
) -> Result<(), StoreError> {
    let fault = injector.as_ref().and_then(|injector| injector.check(point));
    fault.map_or(Ok(()), Err)
}
