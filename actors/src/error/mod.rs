//! What can go wrong for a caller of the store.

mod converted;
mod copied;

use crate::runtime::ExitReason;
use batpak_log::coordinate::CoordinateError;
use batpak_log::event::EventKind;
use std::io;

/// The stage of a batch append at which it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchStage {
    /// Checks before anything is written: sizes, keys, compare-and-swap.
    Validation,
    /// Encoding of a payload.
    Encoding,
    /// Writing to the segment.
    Writing,
    /// Making the bytes durable.
    Syncing,
    /// Making the events visible.
    Indexing,
}

/// Every error that the store returns.
///
/// Two questions matter to a caller: whether the same call may succeed later
/// ([`is_retryable`](Self::is_retryable)), and whether an append that returned the error is
/// certainly not in the log ([`certainly_not_written`](Self::certainly_not_written)). Where it is
/// not certain, a retry with the same idempotency key settles it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The operating system refused a call.
    #[error("input or output failed: {0}")]
    Io(#[source] io::Error),
    /// An entity or scope name is not valid.
    #[error("coordinate is not valid: {0}")]
    Coordinate(#[from] CoordinateError),
    /// A payload could not be encoded or decoded.
    #[error("payload could not be encoded or decoded: {0}")]
    Serialization(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Stored bytes fail their checksum where only damage explains it.
    #[error(
        "checksum mismatch in segment {segment_id} at byte {offset}: the stored bytes were \
             damaged, restore the segment from a copy"
    )]
    CrcMismatch {
        /// The segment that holds the bytes.
        segment_id: u64,
        /// Where they start, in bytes from the start of the file.
        offset: u64,
    },
    /// A segment's structure is damaged.
    #[error("segment {segment_id} is damaged: {detail}; restore it from a copy")]
    CorruptSegment {
        /// The segment that is damaged.
        segment_id: u64,
        /// What is wrong with it.
        detail: String,
    },
    /// No event has this id.
    #[error("event {0:032x} not found")]
    NotFound(u128),
    /// A compare-and-swap found another clock than the caller expected.
    #[error("CAS failed for {entity}: expected clock {expected}, but {}; read the entity \
         again and retry", clock_text(*actual))]
    SequenceMismatch {
        /// The entity.
        entity: String,
        /// The clock that the caller expected its latest event to have.
        expected: u32,
        /// The clock of its latest event; [`StoreError::NO_EVENTS`] when it has none.
        actual: u32,
    },
    /// The caller expected an entity without events, and it has some.
    #[error("CAS failed for {entity}: expected no events, but {}; read the entity again and \
         retry", clock_text(*actual))]
    EntityNotEmpty {
        /// The entity.
        entity: String,
        /// The clock of its latest event.
        actual: u32,
    },
    /// The writer ended before it answered: the append may or may not be in the log.
    #[error(
        "the writer ended before it answered: retry with the same idempotency key to learn \
             whether the append was stored"
    )]
    WriterCrashed,
    /// A projection cache operation failed.
    #[error("projection cache failed: {0}")]
    CacheFailed(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A configuration value, or a size against a configured limit, is not acceptable.
    #[error("configuration: {0}")]
    Configuration(String),
    /// `batch.group_commit_max_batch` over 1 demands an idempotency key on every append.
    #[error("group_commit_max_batch is over 1, which requires an idempotency key on every append")]
    IdempotencyRequired,
    /// A visibility fence is active; writes go through it.
    #[error("a visibility fence is active: write through it, or wait until it ends")]
    VisibilityFenceActive,
    /// The visibility fence is no longer active.
    #[error("this visibility fence is no longer active")]
    VisibilityFenceNotActive,
    /// The fence holds as much as one may; nothing was written, and the fence is open yet.
    #[error(
        "the visibility fence is full: it takes {max_events} events, and none behind {max_bytes} \
             bytes; commit it and begin another"
    )]
    VisibilityFenceFull {
        /// How many events one takes.
        max_events: usize,
        /// How many bytes it holds before it takes no more.
        max_bytes: u64,
    },
    /// The fence was cancelled: its writes stay hidden for ever.
    #[error("the visibility fence was cancelled: its writes stay hidden")]
    VisibilityFenceCancelled,
    /// A batch failed as a whole; nothing of it is in the log unless the source says otherwise.
    #[error("batch failed at item {item_index} during {stage:?}: {source}")]
    BatchFailed {
        /// The first item that failed, from 0.
        item_index: usize,
        /// When it failed.
        stage: BatchStage,
        /// Why it failed.
        source: Box<StoreError>,
    },
    /// A fault that a test asked for.
    #[error("fault injected: {0}")]
    FaultInjected(String),
    /// Another store handle has the directory open for writing.
    #[error("{directory} is open for writing elsewhere: close it there, or open it read-only")]
    Locked {
        /// The data directory.
        directory: String,
    },
    /// A segment that its successor names is not there.
    #[error("segment {segment_id} is missing: restore it from a copy")]
    MissingSegment {
        /// The segment that is missing.
        segment_id: u64,
    },
    /// A file belongs to another store, or to another history of this one.
    #[error(
        "{name} does not belong to this store's history: {detail}; move it away or restore \
             the right file"
    )]
    ForeignFile {
        /// The file's name in the data directory.
        name: String,
        /// How it differs.
        detail: String,
    },
    /// The log ends before a position that was proven durable.
    #[error("the log has lost its end: {detail}; restore the missing segments from a copy")]
    Rollback {
        /// What is proven and what was found.
        detail: String,
    },
    /// A small file beside the segments is damaged.
    #[error("{name} is damaged: {detail}; restore it from a copy")]
    DamagedFile {
        /// The file's name in the data directory.
        name: String,
        /// What is wrong with it.
        detail: String,
    },
    /// A saved position does not belong to this log.
    #[error("the position is not one of this log: {detail}; go on from an earlier one of it")]
    ForeignPosition {
        /// The position, and how the log differs.
        detail: String,
    },
    /// The directory holds a snapshot or a repaired copy that was not finished.
    #[error("the directory holds a copy that was not finished: remove it and make another one")]
    UnfinishedSnapshot,
    /// The predicate of a compaction panicked; nothing was changed.
    #[error("the predicate panicked over event {event_id:032x}, nothing was changed: {detail}")]
    PredicatePanicked {
        /// The event that it was asked about.
        event_id: u128,
        /// What the panic said.
        detail: String,
    },
    /// A snapshot or a repair goes into a new or an empty directory; nothing was written.
    #[error("{directory} is not empty: a copy needs a new or an empty directory")]
    NotEmpty {
        /// The directory.
        directory: String,
    },
    /// An index beside a segment is damaged, and could not be made again.
    #[error("page {page} of the index {name} is damaged; remove the file, it is built anew")]
    DamagedIndex {
        /// The file's name in the data directory.
        name: String,
        /// Which of its pages, counted from 0.
        page: u32,
    },
    /// A file was written by a later version of the format.
    #[error(
        "{name} was written by a later version of batpak ({detail}): open it with that version"
    )]
    FutureVersion {
        /// The file's name in the data directory.
        name: String,
        /// What is not known here.
        detail: String,
    },
    /// A failed write or sync ended all writing; this call wrote nothing.
    #[error(
        "the writer is poisoned, nothing was written: {detail}; close the store and open it again"
    )]
    Poisoned {
        /// The failure that poisoned it.
        detail: String,
    },
    /// A write or sync failed in a way that leaves the append's fate open.
    #[error(
        "the append may or may not be stored: {detail}; open the store again and retry with \
             the same idempotency key"
    )]
    FateUnknown {
        /// What failed.
        detail: String,
    },
    /// There is no space for the append; nothing of it was kept.
    #[error("no space, nothing was written: {detail}; free space and retry")]
    StorageFull {
        /// What the operating system said.
        detail: String,
    },
    /// The store is closed; nothing was written.
    #[error("the store is closed")]
    Closed,
    /// The answer did not come within `writer.reply_timeout`: the append may still be stored.
    #[error(
        "no answer within {after_ms} ms: retry with the same idempotency key to learn \
             whether the append was stored"
    )]
    TimedOut {
        /// How long the caller waited, in milliseconds.
        after_ms: u64,
    },
    /// The writer's mailbox stayed full for `writer.reply_timeout`; nothing was written.
    #[error("the writer is busy, nothing was written within {after_ms} ms: retry later")]
    Busy {
        /// How long the caller waited for room, in milliseconds.
        after_ms: u64,
    },
    /// A part of the engine has spent its restarts; nothing was written.
    #[error(
        "the {actor} has ended and is not restarted: {detail}; close the store and open it again"
    )]
    ActorEnded {
        /// Which actor.
        actor: &'static str,
        /// Its last fault.
        detail: String,
    },
    /// The strict form of a key was used, and the key stands for something else.
    #[error("idempotency key {key:032x} already stands for another event")]
    IdempotencyConflict {
        /// The key.
        key: u128,
    },
    /// Some items of a batch are stored already and others are not.
    #[error(
        "{stored} of {items} items of the batch are stored already: retry with exactly the \
             batch that was stored"
    )]
    PartialReplay {
        /// How many items are stored.
        stored: usize,
        /// How many items the batch has.
        items: usize,
    },
    /// Two items of a batch carry the same key.
    #[error("idempotency key {key:032x} stands twice in the batch")]
    DuplicateKey {
        /// The key.
        key: u128,
    },
    /// The kind belongs to the system; callers choose from the other categories.
    #[error("event kind {0} is reserved: choose a category other than 0x0 and 0xD")]
    ReservedKind(EventKind),
    /// A reaction loop answered what reaction loops had appended, again and again, as deeply as it
    /// may; the last answer was not appended.
    #[error(
        "reactions to reactions are {depth_max} deep at event {event_id:032x}, nothing more was \
             appended: narrow the region so that the reactor does not answer itself, or raise \
             depth_max"
    )]
    ReactionTooDeep {
        /// The event that the reactor answered.
        event_id: u128,
        /// How deep reactions may be.
        depth_max: u32,
    },
    /// A reactor panicked over an event more often than its restart policy allows.
    #[error("the reactor panicked at event {event_id:032x}: {detail}")]
    ReactorPanicked {
        /// The event.
        event_id: u128,
        /// What the panic said.
        detail: String,
    },
    /// The entity has as many events as its clock can count.
    #[error("entity {entity} is full: its clock has reached its limit")]
    ClockExhausted {
        /// The entity.
        entity: String,
    },
}

fn clock_text(actual: u32) -> String {
    match actual {
        StoreError::NO_EVENTS => "the entity has no events".into(),
        clock => format!("its latest event has clock {clock}"),
    }
}

impl StoreError {
    /// Stands for the clock of an entity without events; no event ever has it.
    pub const NO_EVENTS: u32 = u32::MAX;

    /// Returns whether the same call may succeed later without anybody mending anything.
    pub fn is_retryable(&self) -> bool {
        if let Self::BatchFailed { source, .. } = self {
            return source.is_retryable();
        }
        if let Self::Io(error) = self {
            use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
            return matches!(error.kind(), Interrupted | WouldBlock | TimedOut);
        }
        matches!(
            self,
            Self::StorageFull { .. }
                | Self::TimedOut { .. }
                | Self::Busy { .. }
                | Self::WriterCrashed
                | Self::Locked { .. }
                | Self::VisibilityFenceActive
        )
    }

    /// Returns whether an append that failed with this error is certainly not in the log.
    ///
    /// `false` means that it may be: open the store and retry with the same idempotency key.
    pub fn certainly_not_written(&self) -> bool {
        if let Self::BatchFailed { source, .. } = self {
            return source.certainly_not_written();
        }
        !matches!(
            self,
            Self::WriterCrashed | Self::FateUnknown { .. } | Self::TimedOut { .. }
        )
    }

    /// Returns the error of whoever asks an actor that has ended; nothing was done.
    pub(crate) fn ended(actor: &'static str, reason: &ExitReason) -> Self {
        match reason {
            ExitReason::Stopped => Self::Closed,
            ExitReason::Poisoned(detail) => Self::Poisoned {
                detail: detail.clone(),
            },
            ExitReason::BudgetSpent(detail) => Self::ActorEnded {
                actor,
                detail: detail.clone(),
            },
        }
    }

    /// Returns the verdict of a damaged structure.
    pub(crate) fn corrupt(segment_id: u64, detail: impl Into<String>) -> Self {
        Self::CorruptSegment {
            segment_id,
            detail: detail.into(),
        }
    }
}
