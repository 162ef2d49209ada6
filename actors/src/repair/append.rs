//! Appends events that were saved from behind the damage, through the ordinary writer.

use super::plan::Plan;
use super::report::RepairReport;
use super::{RepairProgress, RepairStage};
use crate::engine::EngineHandle;
use crate::error::StoreError;
use crate::hashing::HashSet;
use crate::protocol::{Append, Durability, Expectation};
use batpak_log::coordinate::Coordinate;
use batpak_log::fs::Fs;
use batpak_log::repair::{Found, SalvagedEvent, SalvagedGroup, salvage};

/// A group that is longer is appended in several batches: the copy counts only once all of it is
/// there, so nobody sees a part.
const BATCH_BYTES_MAX: usize = 48 * 1024 * 1024;

/// Reads what is behind the front once more, and appends what can be saved of it.
pub(super) fn save(
    from: &dyn Fs,
    plan: &Plan,
    appender: &mut Appender<'_>,
    progress: &mut dyn FnMut(RepairProgress),
) -> Result<(), StoreError> {
    let mut total_bytes = 0;
    for behind in &plan.behind {
        total_bytes += plan.found(behind.at)?.len.saturating_sub(behind.what.from);
    }
    let mut done = 0;
    for behind in &plan.behind {
        let segment = plan.found(behind.at)?;
        let file = segment.open(from)?;
        salvage(&file, &segment.header, behind.what, &mut |found| {
            if let Found::Group(group) = found {
                appender.take(&group)?;
                progress(RepairProgress {
                    stage: RepairStage::Saving,
                    done_bytes: done + group.end.saturating_sub(behind.what.from),
                    total_bytes,
                });
            }
            Ok::<_, StoreError>(())
        })?;
        done += segment.len.saturating_sub(behind.what.from);
    }
    Ok(())
}

/// Appends groups, and counts.
pub(super) struct Appender<'e> {
    engine: &'e EngineHandle,
    report: RepairReport,
    batch: Vec<Append>,
    weight: usize,
    /// The ids in the batch.
    ids: HashSet<u128>,
    /// The sequences that the events of the batch had.
    old: Option<(u64, u64)>,
}

/// What an event cannot be saved for.
enum Unsaved {
    AlreadyThere,
    Undecided,
    Removed,
    Unnamed,
}

impl<'e> Appender<'e> {
    pub(super) fn new(engine: &'e EngineHandle, report: RepairReport) -> Self {
        Self {
            engine,
            report,
            batch: Vec::new(),
            weight: 0,
            ids: HashSet::default(),
            old: None,
        }
    }

    pub(super) fn into_report(self) -> RepairReport {
        self.report
    }

    /// Appends the events of a group, all together.
    fn take(&mut self, group: &SalvagedGroup<'_>) -> Result<(), StoreError> {
        for event in &group.events {
            match self.judge(group, event)? {
                Ok(coordinate) => self.push(event, coordinate)?,
                Err(unsaved) => self.count(&unsaved, event.sequence),
            }
        }
        self.flush()
    }

    fn judge(
        &self,
        group: &SalvagedGroup<'_>,
        event: &SalvagedEvent<'_>,
    ) -> Result<Result<Coordinate, Unsaved>, StoreError> {
        let id = event.record.event_id;
        let reader = self.engine.reader();
        let stored = reader.find_stored(&reader.view().snapshot(), id)?;
        Ok(if stored.is_some() || self.ids.contains(&id) {
            Err(Unsaved::AlreadyThere)
        } else if group.is_undecided {
            Err(Unsaved::Undecided)
        } else if event.record.removed.is_some() {
            Err(Unsaved::Removed)
        } else {
            event.coordinate.clone().ok_or(Unsaved::Unnamed)
        })
    }

    fn count(&mut self, unsaved: &Unsaved, sequence: u64) {
        let not_saved = &mut self.report.not_saved;
        match unsaved {
            Unsaved::AlreadyThere => {
                self.report.already_there += 1;
                return;
            }
            Unsaved::Undecided => not_saved.undecided += 1,
            Unsaved::Removed => not_saved.removed += 1,
            Unsaved::Unnamed => not_saved.unnamed += 1,
        }
        not_saved.sequences = Some(spanned(not_saved.sequences, sequence));
    }

    fn push(
        &mut self,
        event: &SalvagedEvent<'_>,
        coordinate: Coordinate,
    ) -> Result<(), StoreError> {
        let record = &event.record;
        let append = Append {
            event_id: record.event_id,
            keyed: record.keyed,
            strict: false,
            coordinate,
            kind: record.kind,
            flags: record.flags,
            correlation_id: record.correlation_id,
            causation_id: record.causation_id,
            expectation: Expectation::Any,
            durability: Durability::Configured,
            proposed_wall_us: i64::try_from(record.hlc.wall_us).unwrap_or(i64::MAX),
            payload: record.payload.to_vec(),
            payload_hash: record.payload_hash(),
        };
        let weight = append.weight();
        if self.weight + weight > BATCH_BYTES_MAX {
            self.flush()?;
        }
        self.weight += weight;
        self.ids.insert(record.event_id);
        self.old = Some(spanned(self.old, event.sequence));
        self.batch.push(append);
        Ok(())
    }

    /// Appends the batch and waits until it is there.
    fn flush(&mut self) -> Result<(), StoreError> {
        let batch = std::mem::take(&mut self.batch);
        self.weight = 0;
        self.ids.clear();
        let Some(old) = self.old.take() else {
            return Ok(());
        };
        let answer = self.engine.append_batch(batch)?.wait();
        let receipts = answer.map_err(|_| StoreError::WriterCrashed)??;
        let report = &mut self.report;
        for receipt in &receipts {
            report.saved_events += 1;
            report.saved_as = Some(spanned(report.saved_as, receipt.sequence));
        }
        report.saved_from = Some(spanned(report.saved_from, old.0));
        report.saved_from = Some(spanned(report.saved_from, old.1));
        Ok(())
    }
}

fn spanned(range: Option<(u64, u64)>, sequence: u64) -> (u64, u64) {
    range.map_or((sequence, sequence), |(first, last)| {
        (first.min(sequence), last.max(sequence))
    })
}
