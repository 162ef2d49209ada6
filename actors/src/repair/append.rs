//! Appends events that were saved from behind the damage, through the ordinary writer.

use super::borrowed_names::BorrowedNames;
use super::gaps::{Gap, sources};
use super::plan::Plan;
use super::proven_names::ProvenNames;
use super::report::RepairReport;
use super::{RepairProgress, RepairStage};
use crate::engine::EngineHandle;
use crate::error::StoreError;
use crate::hashing::HashSet;
use crate::protocol::{Append, Durability, Expectation};
use batpak_log::coordinate::Coordinate;
use batpak_log::fs::Fs;
use batpak_log::layout::GROUP_EVENTS_MAX;
use batpak_log::repair::{Found, SalvagedEvent, SalvagedGroup, Salvaging, salvage};

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
        let mut names = BorrowedNames::new(from, plan, behind.at);
        let mut proven = ProvenNames::new(from, plan, behind.at);
        let mut gaps = plan
            .gaps
            .iter()
            .filter(|gap| gap.at == behind.at)
            .peekable();
        salvage(&file, &segment.header, behind.what, &mut |found| {
            match found {
                Found::Group(mut group) => {
                    names.complete(&mut group)?;
                    proven.complete(&mut group)?;
                    appender.take(&group, Place::Log)?;
                    progress(RepairProgress {
                        stage: RepairStage::Saving,
                        done_bytes: done + group.end.saturating_sub(behind.what.from),
                        total_bytes,
                    });
                }
                Found::Lost(lost) => {
                    if let Some(gap) = gaps.next_if(|gap| gap.from == lost.bytes.start) {
                        fill(from, plan, gap, appender)?;
                    }
                }
            }
            Ok::<_, StoreError>(())
        })?;
        for gap in gaps {
            fill(from, plan, gap, appender)?;
        }
        done += segment.len.saturating_sub(behind.what.from);
    }
    Ok(())
}

/// Appends what a merged segment has lost from those that it was merged from.
fn fill(
    from: &dyn Fs,
    plan: &Plan,
    gap: &Gap,
    appender: &mut Appender<'_>,
) -> Result<(), StoreError> {
    for source in sources(&plan.survey, gap.at) {
        let file = source.open(from)?;
        let what = Salvaging { from: 0, end: None };
        let place = match gap.may_be_removed {
            true => Place::DoubtfulSource,
            false => Place::Source,
        };
        salvage(&file, &source.header, what, &mut |found| match found {
            Found::Group(group) if gap.holds(&group) => appender.take(&group, place),
            Found::Group(_) | Found::Lost(_) => Ok(()),
        })?;
    }
    Ok(())
}

/// Where a group stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Log,
    /// In a source of a merged segment which has lost the group, and had removed nothing of it.
    Source,
    /// In one that had removed some of its events, or may have.
    DoubtfulSource,
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
    /// Events that had been removed, or may have been: their payloads are in no other form of the
    /// segment either. Empty where there is no other form.
    removed: HashSet<u128>,
    has_sources: bool,
}

/// What an event cannot be saved for.
enum Unsaved {
    AlreadyThere,
    Undecided,
    Removed,
    MaybeRemoved,
    Unnamed,
    /// It was counted before.
    Counted,
}

impl<'e> Appender<'e> {
    pub(super) fn new(engine: &'e EngineHandle, report: RepairReport, has_sources: bool) -> Self {
        Self {
            engine,
            report,
            batch: Vec::new(),
            weight: 0,
            ids: HashSet::default(),
            old: None,
            removed: HashSet::default(),
            has_sources,
        }
    }

    pub(super) fn into_report(self) -> RepairReport {
        self.report
    }

    /// Appends the events of a group, all together.
    pub(super) fn take(
        &mut self,
        group: &SalvagedGroup<'_>,
        place: Place,
    ) -> Result<(), StoreError> {
        for event in &group.events {
            match self.judge(group, event, place)? {
                Ok(coordinate) => self.push(event, coordinate)?,
                Err(unsaved) => self.count(&unsaved, event),
            }
        }
        self.flush()
    }

    fn judge(
        &self,
        group: &SalvagedGroup<'_>,
        event: &SalvagedEvent<'_>,
        place: Place,
    ) -> Result<Result<Coordinate, Unsaved>, StoreError> {
        let id = event.record.event_id;
        let reader = self.engine.reader();
        let stored = reader.find_stored(&reader.view().snapshot(), id)?;
        Ok(if stored.is_some() || self.ids.contains(&id) {
            Err(Unsaved::AlreadyThere)
        } else if self.removed.contains(&id) {
            Err(Unsaved::Counted)
        } else if group.is_undecided {
            Err(Unsaved::Undecided)
        } else if event.record.removed.is_some() {
            Err(Unsaved::Removed)
        } else if place == Place::DoubtfulSource {
            Err(Unsaved::MaybeRemoved)
        } else {
            event.coordinate.clone().ok_or(Unsaved::Unnamed)
        })
    }

    fn count(&mut self, unsaved: &Unsaved, event: &SalvagedEvent<'_>) {
        if self.has_sources && matches!(unsaved, Unsaved::Removed | Unsaved::MaybeRemoved) {
            self.removed.insert(event.record.event_id);
        }
        let not_saved = &mut self.report.not_saved;
        match unsaved {
            Unsaved::AlreadyThere => {
                self.report.already_there += 1;
                return;
            }
            Unsaved::Counted => return,
            Unsaved::Undecided => not_saved.undecided += 1,
            Unsaved::Removed => not_saved.removed += 1,
            Unsaved::MaybeRemoved => not_saved.maybe_removed += 1,
            Unsaved::Unnamed => not_saved.unnamed += 1,
        }
        not_saved.sequences = Some(spanned(not_saved.sequences, event.sequence));
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
        if self.weight + weight > BATCH_BYTES_MAX || self.batch.len() >= GROUP_EVENTS_MAX {
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
