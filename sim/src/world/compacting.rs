//! A compaction, with appends beside it.

use super::World;
use super::inner::Inner;
use crate::model::{CompactionEnd, Removal};
use crate::plan::NewEvent;
use batpak::event::StoredEvent;
use batpak::store::segment::CompactionResult;
use batpak::store::{CompactionConfig, CompactionStrategy, StoreError};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, PoisonError};

/// What is asked of a compaction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) removal: Option<Removal>,
    pub(super) raw: bool,
    pub(super) min_segments: usize,
    /// The predicate panics after so many events.
    pub(super) panics_after: Option<u8>,
}

const PANIC: &str = "the simulation makes a predicate panic";

impl World {
    /// Compacts while others append. From the moment at which the predicate lets an event go until
    /// the answer it may be there or not, on whatever image of the disk; then it is gone.
    pub(super) fn compact(
        &mut self,
        wanted: &Wanted,
        (caller, beside): (u8, &[NewEvent]),
    ) -> Result<(), String> {
        self.settle()?;
        if !self.note_places()? {
            return Ok(());
        }
        for event in beside {
            self.append(caller, event, None)?;
        }
        let Some(store) = &self.store else {
            return Ok(());
        };
        let config = self.compaction(wanted);
        let exact = self.inner().model.strictness.exact;
        self.inner().maintaining = true;
        // A disk that panics in a call of the predicate's reader does so on the caller's thread.
        let compacted = catch_unwind(AssertUnwindSafe(|| store.compact(&config)));
        self.inner().maintaining = false;
        self.look()?;
        if self.has_died() {
            self.inner().model.compacted(None, CompactionEnd::Unknown);
            return Ok(());
        }
        match compacted {
            Ok(answer) => self.take_compaction(wanted, answer),
            Err(panic) if exact => resume_unwind(panic),
            Err(_) => {
                self.inner().model.compacted(None, CompactionEnd::Unknown);
                Ok(())
            }
        }
    }

    /// Notes where every event stands; `false` when the log cannot be read or is not there any
    /// more.
    pub(super) fn note_places(&self) -> Result<bool, String> {
        match self.log()? {
            Some(log) => {
                let mut inner = self.inner();
                inner.model.check_view(&log)?;
                inner.model.note_places(&log);
                Ok(true)
            }
            None => Ok(false),
        }
    }

    fn compaction(&self, wanted: &Wanted) -> CompactionConfig {
        let strategy = match wanted.removal {
            None => CompactionStrategy::Merge,
            Some(removal) => {
                let inner = Arc::clone(self.shared());
                let left = Cell::new(wanted.panics_after);
                let keep = move |event_id| {
                    left.set(left.get().map(|left| left.checked_sub(1).expect(PANIC)));
                    is_kept(&inner, event_id, &removal)
                };
                match (wanted.raw, removal.shown) {
                    (false, false) => {
                        CompactionStrategy::Retention(Box::new(move |event| keep(id(event))))
                    }
                    (false, true) => {
                        CompactionStrategy::Tombstone(Box::new(move |event| keep(id(event))))
                    }
                    (true, false) => {
                        CompactionStrategy::RawRetention(Box::new(move |event| keep(id(event))))
                    }
                    (true, true) => {
                        CompactionStrategy::RawTombstone(Box::new(move |event| keep(id(event))))
                    }
                }
            }
        };
        CompactionConfig {
            strategy,
            min_segments: wanted.min_segments,
        }
    }

    fn take_compaction(
        &mut self,
        wanted: &Wanted,
        answer: Result<CompactionResult, StoreError>,
    ) -> Result<(), String> {
        let may_fail = answer.as_ref().is_err_and(|error| self.may_fail(error));
        let mut inner = self.inner();
        let removal = wanted.removal.as_ref();
        match answer {
            Ok(result) => {
                inner.model.compacted(removal, CompactionEnd::Done);
                drop(inner);
                self.tally.compactions += u64::from(result.segments_removed > 0);
                self.read()
            }
            Err(StoreError::PredicatePanicked { .. }) if wanted.panics_after.is_some() => {
                inner.model.compacted(removal, CompactionEnd::Nothing);
                drop(inner);
                self.read()
            }
            Err(_) if may_fail => {
                inner.model.compacted(removal, CompactionEnd::Unknown);
                drop(inner);
                self.read()
            }
            Err(error) => Err(format!("a compaction failed: {error}")),
        }
    }
}

fn id<P>(event: &StoredEvent<P>) -> u128 {
    event.event.header.event_id
}

fn is_kept(inner: &Mutex<Inner>, event_id: u128, removal: &Removal) -> bool {
    let mut inner = inner.lock().unwrap_or_else(PoisonError::into_inner);
    // Nothing that a dead process decides comes to anything.
    inner.left.is_some() || inner.model.judge(event_id, removal)
}
