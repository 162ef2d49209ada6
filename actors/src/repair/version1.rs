//! Repairs what the released batpak wrote and nothing has taken over: what is whole before the
//! damage is taken over as by an opening, and events from behind it are appended.

use super::append::{Appender, Place};
use super::report::{LostRange, LostSequences, MissingSegments, RebuiltHeader, RepairReport};
use super::{RepairProgress, RepairStage};
use crate::error::StoreError;
use crate::recovery::take_over_with;
use batpak_log::fs::Fs;
use batpak_log::layout::SEQUENCE_SKIP;
use batpak_log::log_position::LogPosition;
use batpak_log::repair::{LeftOut, SalvagedEvent, SalvagedGroup, Survey};
use batpak_log::segment::{EventRecord, Tie};
use batpak_log::version1::{
    FoundVersion1, Numbered, SalvagedVersion1, Version1End, Version1Gap, Version1Segment,
    Version1Step, salvage_version1,
};

/// A log of version 1.
pub(super) struct Version1Log {
    segments: Vec<Version1Segment>,
    report: RepairReport,
    /// Something is missing in it.
    is_damaged: bool,
    /// What a later batpak proves to have been behind it.
    checkpoint: Option<LogPosition>,
}

impl Version1Log {
    pub(super) fn new(survey: Survey) -> Self {
        let rebuilt = survey.guessed.into_iter();
        let report = RepairReport {
            left_out: survey.left_out,
            rebuilt_headers: rebuilt
                .map(|file| RebuiltHeader::new(file, false, true))
                .collect(),
            was_unfinished: survey.is_unfinished,
            ..RepairReport::default()
        };
        Self {
            segments: survey.version1,
            report,
            is_damaged: false,
            checkpoint: survey.checkpoint.map(|of| of.position),
        }
    }

    /// Takes over what is whole before the damage, and reports what is missing behind it.
    pub(super) fn copy_front(
        &mut self,
        from: &dyn Fs,
        to: &dyn Fs,
        progress: &mut dyn FnMut(RepairProgress),
    ) -> Result<RepairReport, StoreError> {
        let mut report = std::mem::take(&mut self.report);
        let mut front = None;
        let mut counted = 0;
        let proven = self.checkpoint.map_or(0, |proven| proven.next_sequence);
        let mut told = Told::new(&self.segments, RepairStage::Copying, progress);
        let segments = &self.segments;
        let taken = take_over_with(to, segments, &mut |visit| {
            let mut gaps = Vec::new();
            let found = salvage_version1(from, segments, &mut |found| match found {
                FoundVersion1::Events(events) if gaps.is_empty() => events
                    .into_iter()
                    .try_for_each(|of| visit(Version1Step::Event(Box::new(of.event), of.sequence))),
                FoundVersion1::Events(_) => Ok(()),
                FoundVersion1::Gap(gap, sequence) => {
                    front.get_or_insert(sequence);
                    gaps.push((gap, sequence));
                    Ok(())
                }
                FoundVersion1::SegmentEnd => {
                    told.segment_end();
                    visit(Version1Step::SegmentEnd)
                }
            })?;
            let skipped = skipped(&found, &gaps);
            describe(&mut report, &found, gaps);
            counted = found.next_sequence;
            let end = Version1End {
                next_sequence: counted.max(proven),
                hidden_events: found.hidden_events,
                dropped_batches: found.dropped_batches,
                dropped_events: found.dropped_events,
                torn_bytes: found.torn_bytes,
                clean: found.clean,
            };
            Ok((end, skipped))
        })?;
        self.is_damaged = front.is_some();
        if self
            .checkpoint
            .is_some_and(|proven| proven.event_count > taken.events)
        {
            report.lost_end = Some(LostSequences::new(counted, Some(proven)));
        }
        report.kept_segments = 1;
        report.kept_events = taken.events;
        report.kept_below = front.unwrap_or(report.kept_below);
        report.version1 = Some(taken);
        to.sync_directory("")?;
        Ok(report)
    }

    /// Appends what is whole behind the damage.
    pub(super) fn save(
        &self,
        from: &dyn Fs,
        appender: &mut Appender<'_>,
        progress: &mut dyn FnMut(RepairProgress),
    ) -> Result<(), StoreError> {
        if !self.is_damaged {
            return Ok(());
        }
        let mut is_behind = false;
        let mut told = Told::new(&self.segments, RepairStage::Saving, progress);
        salvage_version1(from, &self.segments, &mut |found| match found {
            FoundVersion1::Events(events) if is_behind => append(appender, &events),
            FoundVersion1::Events(_) => Ok(()),
            FoundVersion1::Gap(..) => {
                is_behind = true;
                Ok(())
            }
            FoundVersion1::SegmentEnd => {
                told.segment_end();
                Ok(())
            }
        })?;
        Ok(())
    }
}

/// Returns how many sequences are not given out again: those that what is missing may have had.
fn skipped(found: &SalvagedVersion1, gaps: &[(Version1Gap, u64)]) -> u64 {
    let missing = |(gap, _): &(Version1Gap, u64)| match gap {
        Version1Gap::Bytes { .. } => 0,
        Version1Gap::Segments(first, last) => last.saturating_sub(*first).saturating_add(1),
    };
    let segments: u64 = gaps.iter().map(missing).sum();
    match found.clean && gaps.is_empty() {
        true => 0,
        false => SEQUENCE_SKIP.saturating_mul(segments.saturating_add(1)),
    }
}

fn describe(report: &mut RepairReport, found: &SalvagedVersion1, gaps: Vec<(Version1Gap, u64)>) {
    report.kept_below = found.next_sequence;
    report.torn_bytes = found.torn_bytes;
    report.not_saved.in_cut_batches = found.cut_events;
    if let Some(file) = &found.damaged_ranges {
        report.left_out.push(LeftOut {
            file: file.clone(),
            reason: "it is damaged: events of cancelled fences, which it hid, are there again"
                .into(),
            is_loss: true,
        });
    }
    for (gap, sequence) in gaps {
        // How many events are missing is not known.
        let sequences = LostSequences::new(sequence, None);
        match gap {
            Version1Gap::Bytes { file, bytes } => {
                report.add_lost(LostRange::new(file, bytes, sequences));
            }
            Version1Gap::Segments(first, last) => {
                let missing = MissingSegments::new((first, last), sequences);
                report.missing_segments.push(missing);
            }
        }
    }
}

/// Appends events that were found together.
fn append(appender: &mut Appender<'_>, events: &[Numbered]) -> Result<(), StoreError> {
    let (undecided, clear): (Vec<_>, Vec<_>) = events.iter().partition(|of| of.is_undecided);
    for (events, is_undecided) in [(clear, false), (undecided, true)] {
        let (Some(first), Some(last)) = (events.first(), events.last()) else {
            continue;
        };
        let group = SalvagedGroup {
            offset: 0,
            end: 0,
            is_undecided,
            first_sequence: first.sequence,
            next_sequence: last.sequence.saturating_add(1),
            events: events.iter().map(|of| salvaged(of)).collect(),
        };
        appender.take(&group, Place::Log)?;
    }
    Ok(())
}

fn salvaged(numbered: &Numbered) -> SalvagedEvent<'_> {
    let Numbered {
        event, sequence, ..
    } = numbered;
    SalvagedEvent {
        record: EventRecord {
            event_id: event.event_id,
            name: 0,
            clock: event.clock,
            kind: event.kind,
            flags: event.flags,
            hlc: event.hlc(),
            event_hash: event.event_hash,
            correlation_id: event.correlation_id,
            causation_id: event.causation_id,
            // Version 1 does not tell which ids were given as keys, so each may have been.
            keyed: true,
            depth: event.depth,
            lane: event.lane,
            tie: Tie::Version1 { prev_hash: None },
            payload: &event.payload,
            removed: None,
        },
        coordinate: Some(event.coordinate.clone()),
        sequence: *sequence,
    }
}

/// Tells how far a reading has come, file by file.
struct Told<'t> {
    progress: &'t mut dyn FnMut(RepairProgress),
    stage: RepairStage,
    left: std::slice::Iter<'t, Version1Segment>,
    done_bytes: u64,
    total_bytes: u64,
}

impl<'t> Told<'t> {
    fn new(
        segments: &'t [Version1Segment],
        stage: RepairStage,
        progress: &'t mut dyn FnMut(RepairProgress),
    ) -> Self {
        Self {
            progress,
            stage,
            left: segments.iter(),
            done_bytes: 0,
            total_bytes: segments.iter().map(|segment| segment.len).sum(),
        }
    }

    fn segment_end(&mut self) {
        self.done_bytes += self.left.next().map_or(0, |segment| segment.len);
        (self.progress)(RepairProgress {
            stage: self.stage,
            done_bytes: self.done_bytes,
            total_bytes: self.total_bytes,
        });
    }
}
