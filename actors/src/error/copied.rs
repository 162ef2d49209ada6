//! Copies errors, of which several callers that wait for the same thing each get one.

use super::StoreError;
use std::io;

impl StoreError {
    /// Returns an equal error, for another caller that waits for the same thing. What it wraps is
    /// kept as text.
    pub fn copied(&self) -> Self {
        match self {
            Self::Io(error) => Self::Io(io::Error::new(error.kind(), error.to_string())),
            Self::Coordinate(error) => Self::Coordinate(error.clone()),
            Self::Serialization(error) => Self::Serialization(error.to_string().into()),
            Self::CacheFailed(error) => Self::CacheFailed(error.to_string().into()),
            Self::BatchFailed {
                item_index,
                stage,
                source,
            } => Self::BatchFailed {
                item_index: *item_index,
                stage: *stage,
                source: Box::new(source.copied()),
            },
            Self::SequenceMismatch {
                entity,
                expected,
                actual,
            } => Self::SequenceMismatch {
                entity: entity.clone(),
                expected: *expected,
                actual: *actual,
            },
            Self::EntityNotEmpty { entity, actual } => Self::EntityNotEmpty {
                entity: entity.clone(),
                actual: *actual,
            },
            Self::ClockExhausted { entity } => Self::ClockExhausted {
                entity: entity.clone(),
            },
            Self::NotFound(event_id) => Self::NotFound(*event_id),
            Self::DuplicateKey { key } => Self::DuplicateKey { key: *key },
            Self::IdempotencyConflict { key } => Self::IdempotencyConflict { key: *key },
            Self::ReservedKind(kind) => Self::ReservedKind(*kind),
            Self::WriterCrashed => Self::WriterCrashed,
            Self::Closed => Self::Closed,
            Self::UnfinishedSnapshot => Self::UnfinishedSnapshot,
            Self::IdempotencyRequired => Self::IdempotencyRequired,
            Self::VisibilityFenceActive
            | Self::VisibilityFenceNotActive
            | Self::VisibilityFenceCancelled
            | Self::VisibilityFenceFull { .. } => self.copied_fence(),
            Self::Busy { .. }
            | Self::TimedOut { .. }
            | Self::Configuration(..)
            | Self::FaultInjected(..)
            | Self::CrcMismatch { .. }
            | Self::CorruptSegment { .. }
            | Self::Locked { .. }
            | Self::NotEmpty { .. }
            | Self::PartialReplay { .. }
            | Self::PredicatePanicked { .. }
            | Self::MissingSegment { .. }
            | Self::ForeignFile { .. }
            | Self::DamagedIndex { .. }
            | Self::DamagedFile { .. }
            | Self::ForeignPosition { .. }
            | Self::Rollback { .. }
            | Self::FutureVersion { .. }
            | Self::Poisoned { .. }
            | Self::FateUnknown { .. }
            | Self::StorageFull { .. }
            | Self::ReactionTooDeep { .. }
            | Self::ReactorPanicked { .. }
            | Self::ActorEnded { .. } => self.copied_text(),
        }
    }

    /// Copies the variants that hold text and numbers only.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the other variants are copied by `copied`"
    )]
    fn copied_text(&self) -> Self {
        match self {
            Self::Busy { after_ms } => Self::Busy {
                after_ms: *after_ms,
            },
            Self::TimedOut { after_ms } => Self::TimedOut {
                after_ms: *after_ms,
            },
            Self::Configuration(text) => Self::Configuration(text.clone()),
            Self::FaultInjected(text) => Self::FaultInjected(text.clone()),
            Self::CrcMismatch { segment_id, offset } => Self::CrcMismatch {
                segment_id: *segment_id,
                offset: *offset,
            },
            Self::CorruptSegment { segment_id, detail } => {
                Self::corrupt(*segment_id, detail.clone())
            }
            Self::Locked { directory } => Self::Locked {
                directory: directory.clone(),
            },
            Self::MissingSegment { segment_id } => Self::MissingSegment {
                segment_id: *segment_id,
            },
            Self::DamagedFile { name, detail } => Self::DamagedFile {
                name: name.clone(),
                detail: detail.clone(),
            },
            Self::DamagedIndex { name, page } => Self::DamagedIndex {
                name: name.clone(),
                page: *page,
            },
            Self::ForeignFile { name, detail } => Self::ForeignFile {
                name: name.clone(),
                detail: detail.clone(),
            },
            Self::Rollback { detail } => Self::Rollback {
                detail: detail.clone(),
            },
            Self::ForeignPosition { detail } => Self::ForeignPosition {
                detail: detail.clone(),
            },
            Self::FutureVersion { name, detail } => Self::FutureVersion {
                name: name.clone(),
                detail: detail.clone(),
            },
            Self::Poisoned { detail } => Self::Poisoned {
                detail: detail.clone(),
            },
            Self::StorageFull { detail } => Self::StorageFull {
                detail: detail.clone(),
            },
            Self::ActorEnded { actor, detail } => Self::ActorEnded {
                actor,
                detail: detail.clone(),
            },
            Self::FateUnknown { detail } => Self::FateUnknown {
                detail: detail.clone(),
            },
            other => other.copied_reaction(),
        }
    }

    /// Copies what ends a reaction loop, a compaction, a copy or a replay.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the other variants are copied before"
    )]
    fn copied_reaction(&self) -> Self {
        match self {
            Self::ReactionTooDeep {
                event_id,
                depth_max,
            } => Self::ReactionTooDeep {
                event_id: *event_id,
                depth_max: *depth_max,
            },
            Self::PredicatePanicked { event_id, detail } => Self::PredicatePanicked {
                event_id: *event_id,
                detail: detail.clone(),
            },
            Self::PartialReplay { stored, items } => Self::PartialReplay {
                stored: *stored,
                items: *items,
            },
            Self::NotEmpty { directory } => Self::NotEmpty {
                directory: directory.clone(),
            },
            Self::ReactorPanicked { event_id, detail } => Self::ReactorPanicked {
                event_id: *event_id,
                detail: detail.clone(),
            },
            other => Self::FateUnknown {
                detail: other.to_string(),
            },
        }
    }

    /// Copies the refusals of fences.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the other variants are copied by `copied`"
    )]
    fn copied_fence(&self) -> Self {
        match self {
            Self::VisibilityFenceActive => Self::VisibilityFenceActive,
            Self::VisibilityFenceNotActive => Self::VisibilityFenceNotActive,
            Self::VisibilityFenceFull {
                max_events,
                max_bytes,
            } => Self::VisibilityFenceFull {
                max_events: *max_events,
                max_bytes: *max_bytes,
            },
            _ => Self::VisibilityFenceCancelled,
        }
    }
}
