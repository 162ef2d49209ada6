//! Compaction: fewer files, and events that are removed from them.

use super::payload::decode_json;
use super::segment::CompactionResult;
use super::{Open, Store, StoreError};
use crate::event::StoredEvent;
use batpak_actors::compaction::{SealedSegment, ToRemove, Unit, judge, units};
use serde_json::Value;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Tells of an event whether it is kept: `true` keeps it, `false` lets it go.
pub type RetentionPredicate = Box<dyn Fn(&StoredEvent<Value>) -> bool + Send>;

/// As [`RetentionPredicate`], with payloads in the MessagePack that was stored: also for those that
/// cannot be said in JSON.
pub type RawRetentionPredicate = Box<dyn Fn(&StoredEvent<Vec<u8>>) -> bool + Send>;

/// What a compaction does with the events of the segments that it writes again.
#[non_exhaustive]
pub enum CompactionStrategy {
    /// Keeps all of them.
    Merge,
    /// Removes those that the predicate does not keep: their payloads are gone, and no read shows
    /// them any more.
    Retention(RetentionPredicate),
    /// As `Retention`, and reads show in place of each an event of the kind
    /// [`EventKind::TOMBSTONE`](crate::event::EventKind::TOMBSTONE) with an empty payload (`null`),
    /// so that whoever follows the log can tell that something was there.
    Tombstone(RetentionPredicate),
    /// As `Retention`, asked about payloads as they were stored.
    RawRetention(RawRetentionPredicate),
    /// As `Tombstone`, asked about payloads as they were stored.
    RawTombstone(RawRetentionPredicate),
}

impl CompactionStrategy {
    fn removes(&self) -> bool {
        !matches!(self, Self::Merge)
    }

    fn leaves_tombstones(&self) -> bool {
        matches!(self, Self::Tombstone(_) | Self::RawTombstone(_))
    }

    /// Asks about an event whether it is kept.
    fn is_kept(&self, event: StoredEvent<Vec<u8>>) -> Result<bool, StoreError> {
        let event_id = event.event.header.event_id;
        match self {
            Self::Merge => Ok(true),
            Self::Retention(keep) | Self::Tombstone(keep) => {
                let event = in_json(event)?;
                guarded(event_id, || keep(&event))
            }
            Self::RawRetention(keep) | Self::RawTombstone(keep) => {
                guarded(event_id, || keep(&event))
            }
        }
    }
}

impl fmt::Debug for CompactionStrategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Merge => "Merge",
            Self::Retention(_) => "Retention",
            Self::Tombstone(_) => "Tombstone",
            Self::RawRetention(_) => "RawRetention",
            Self::RawTombstone(_) => "RawTombstone",
        })
    }
}

/// How a store is compacted.
#[derive(Debug)]
pub struct CompactionConfig {
    /// What becomes of the events.
    pub strategy: CompactionStrategy,
    /// With fewer sealed segments nothing is done; 2 by default.
    pub min_segments: usize,
}

impl Default for CompactionConfig {
    fn default() -> Self {
        Self {
            strategy: CompactionStrategy::Merge,
            min_segments: 2,
        }
    }
}

/// What a compaction is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CompactionStage {
    /// The predicate is asked about every event; nothing is changed yet.
    Judging,
    /// Segments are written again.
    Writing,
}

/// How far a compaction has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CompactionProgress {
    /// What it is at.
    pub stage: CompactionStage,
    /// How many bytes of segments it is through with, in this stage.
    pub done_bytes: u64,
    /// Of how many.
    pub total_bytes: u64,
}

impl Store<Open> {
    /// Writes sealed segments again: small neighbours become one, as long as that does not exceed
    /// `segment_max_bytes`, and what the strategy does not keep is removed. Appends and reads go on
    /// meanwhile.
    ///
    /// Segments are sealed once they are full, and when the store is closed. The one that takes
    /// appends now is never touched, nor is the one that holds what was taken over from the
    /// released crate: its events are not asked about, and none of them can be removed.
    ///
    /// What stays keeps its sequence, its clock, its hash and its place among the others, so
    /// cursors and saved positions go on. Of a removed event a stub stays, without its payload: its
    /// idempotency key still gives the first receipt, compare-and-swap still sees its clock, the
    /// chain of its entity holds, and [`verify`](Self::verify) counts it as removed. Events that
    /// were removed stay removed whatever later compactions keep.
    ///
    /// No [projection](Self::project) returns what was folded from removed events before, from
    /// whatever cache: every state is folded anew once, every
    /// [generation](Self::entity_generation) grows, and every projection watcher looks again.
    ///
    /// Segment by segment a crash leaves either what was there or what takes its place. The old
    /// file goes when no reader is in it any more; a walk that was begun before goes on in it.
    /// Space for one more segment is needed meanwhile.
    ///
    /// The predicate is asked on this thread about every event, once, before anything is changed;
    /// one that uses the store sees it as it was. Compact on one thread at a time: two at once
    /// disturb each other, and one of them may have to begin again.
    ///
    /// # Errors
    /// `PredicatePanicked`, or `Serialization` for an event whose payload cannot be said in JSON:
    /// then nothing was changed. `CrcMismatch` or `CorruptSegment` when an event is damaged: its
    /// segment stays as it is. `StorageFull` or `Io` when a segment cannot be written, `Closed` or
    /// `ActorEnded` when the part of the engine that compacts has ended, `Busy` when sixteen others
    /// wait for it or others went on compacting: some segments may have been replaced by then.
    pub fn compact(&self, config: &CompactionConfig) -> Result<CompactionResult, StoreError> {
        self.compact_with(config, |_| {})
    }

    /// As [`compact`](Self::compact); `progress` is told how far it has come.
    ///
    /// # Errors
    /// As [`compact`](Self::compact).
    pub fn compact_with(
        &self,
        config: &CompactionConfig,
        mut progress: impl FnMut(CompactionProgress),
    ) -> Result<CompactionResult, StoreError> {
        let done = self.compact_all(config, &mut progress);
        if config.strategy.removes() {
            // Watchers of projections look at what is left, also when not all was done.
            self.shared.engine.wake_all();
        }
        done
    }

    fn compact_all(
        &self,
        config: &CompactionConfig,
        progress: &mut impl FnMut(CompactionProgress),
    ) -> Result<CompactionResult, StoreError> {
        const TRIES: usize = 8;
        let mut result = CompactionResult::default();
        let mut sealed = self.shared.engine.sealed_segments()?;
        if sealed.len() < config.min_segments {
            return Ok(result);
        }
        let strategy = &config.strategy;
        // Whatever becomes of the segments meanwhile, nobody is asked twice, and nothing is written
        // before all have been asked.
        let mut to_remove = match strategy.removes() {
            false => Vec::new(),
            true => self.judge(&sealed, strategy, progress)?,
        };
        let (is_shown, max) = (
            strategy.leaves_tombstones(),
            self.shared.config.segment_max_bytes,
        );
        for _ in 0..TRIES {
            let units = units(&sealed, &to_remove, is_shown, max);
            if self.write_units(&units, &mut to_remove, &mut result, progress)? {
                return Ok(result);
            }
            sealed = self.shared.engine.sealed_segments()?;
        }
        Err(StoreError::Busy { after_ms: 0 })
    }

    /// Asks the predicate about every event; returns those that are to go.
    fn judge(
        &self,
        sealed: &[SealedSegment],
        strategy: &CompactionStrategy,
        progress: &mut impl FnMut(CompactionProgress),
    ) -> Result<Vec<ToRemove>, StoreError> {
        let reader = self.shared.engine.reader();
        let total_bytes = sealed.iter().map(|segment| segment.len).sum();
        let mut done_bytes = 0;
        let mut to_remove = Vec::new();
        for segment in sealed {
            progress(CompactionProgress {
                stage: CompactionStage::Judging,
                done_bytes,
                total_bytes,
            });
            let mut ask = |event| strategy.is_kept(event);
            let is_shown = strategy.leaves_tombstones();
            judge(reader, segment, is_shown, &mut ask, &mut to_remove)?;
            done_bytes += segment.len;
        }
        Ok(to_remove)
    }

    /// Writes segments again; `false` when somebody else has replaced some of them.
    fn write_units(
        &self,
        units: &[Unit],
        to_remove: &mut Vec<ToRemove>,
        result: &mut CompactionResult,
        progress: &mut impl FnMut(CompactionProgress),
    ) -> Result<bool, StoreError> {
        let total_bytes = units.iter().map(|unit| unit.bytes).sum();
        let mut done_bytes = 0;
        for unit in units {
            progress(CompactionProgress {
                stage: CompactionStage::Writing,
                done_bytes,
                total_bytes,
            });
            let engine = &self.shared.engine;
            let Some(rewritten) = engine.compact(&unit.segments, &unit.removal)? else {
                return Ok(false);
            };
            // What is done is not done again.
            let gone = &unit.removal.sequences;
            if let (Some(first), Some(last)) = (gone.first(), gone.last()) {
                let from = to_remove.partition_point(|event| event.sequence < *first);
                let end = to_remove.partition_point(|event| event.sequence <= *last);
                to_remove.drain(from..end);
            }
            result.segments_removed += rewritten.segments;
            let less = rewritten.bytes_before.saturating_sub(rewritten.bytes_after);
            result.bytes_reclaimed = result.bytes_reclaimed.saturating_add(less);
            done_bytes += unit.bytes;
        }
        progress(CompactionProgress {
            stage: CompactionStage::Writing,
            done_bytes,
            total_bytes,
        });
        Ok(true)
    }
}

/// Decodes an event's payload for a predicate.
fn in_json(event: StoredEvent<Vec<u8>>) -> Result<StoredEvent<Value>, StoreError> {
    let StoredEvent { coordinate, event } = event;
    let payload = decode_json(&event.payload).map_err(|error| {
        let event_id = event.header.event_id;
        let text = format!("the predicate cannot be shown event {event_id:032x}: {error}");
        StoreError::Serialization(text.into())
    })?;
    let event = event.map_payload(|_| payload);
    Ok(StoredEvent { coordinate, event })
}

/// Calls a predicate, whose panics are its own.
fn guarded(event_id: u128, keep: impl FnOnce() -> bool) -> Result<bool, StoreError> {
    catch_unwind(AssertUnwindSafe(keep)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        StoreError::PredicatePanicked {
            event_id,
            detail: text.unwrap_or("it gave no reason").to_owned(),
        }
    })
}
