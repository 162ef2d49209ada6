//! What is lost of a segment, and whether it stands in one that it was merged from.

use super::report::{LostRange, LostSequences, RepairReport};
use crate::error::StoreError;
use batpak_log::fs::Fs;
use batpak_log::layout::{FEATURE_REMOVALS, FEATURE_STUBS};
use batpak_log::repair::{
    Found, FoundSegment, KeptSegment, SalvagedGroup, Salvaging, Survey, salvage, segment_end,
};
use batpak_log::segment::{Removals, read_trailer};

/// What is lost of a merged segment, and may stand in its sources.
#[derive(Clone, Debug)]
pub(super) struct Gap {
    /// Which of the survey's segments it is.
    pub(super) at: usize,
    /// Where the lost bytes start.
    pub(super) from: u64,
    /// The sequences of their events.
    pub(super) sequences: LostSequences,
    /// Some of the events had been removed, or may have been.
    pub(super) may_be_removed: bool,
}

impl Gap {
    /// Returns whether a group of a source stood there.
    pub(super) fn holds(&self, group: &SalvagedGroup<'_>) -> bool {
        self.sequences.contains(group.first_sequence)
    }
}

/// What is lost of one segment.
pub(super) struct Gaps {
    at: usize,
    lost: Vec<LostRange>,
    /// The stubs that are there.
    removals: Removals,
}

impl Gaps {
    pub(super) fn new(at: usize, last_kept: Option<&KeptSegment>) -> Self {
        let kept = last_kept.filter(|kept| kept.at == at);
        Self {
            at,
            lost: Vec::new(),
            removals: kept.map_or_else(Removals::default, |kept| kept.removals),
        }
    }

    pub(super) fn count(&mut self, group: &SalvagedGroup<'_>) {
        for event in &group.events {
            if let Some(removed) = event.record.removed {
                let hash = &event.record.event_hash;
                self.removals.count(hash, removed.is_shown);
            }
        }
    }

    pub(super) fn add(&mut self, lost: LostRange) {
        self.lost.push(lost);
    }

    /// Reports what is lost, and lists what may stand in sources.
    pub(super) fn report(
        self,
        from: &dyn Fs,
        survey: &Survey,
        report: &mut RepairReport,
        gaps: &mut Vec<Gap>,
    ) -> Result<(), StoreError> {
        let sources = sources(survey, self.at);
        let may_be_removed = self.may_lack_stubs(survey);
        for lost in self.lost {
            if sources.is_empty() {
                report.add_lost(lost);
                continue;
            }
            gaps.push(Gap {
                at: self.at,
                from: lost.bytes.start,
                sequences: lost.sequences,
                may_be_removed,
            });
            match stand_in(from, survey, self.at, &sources, &lost.sequences)? {
                true => report.from_sources.push(lost),
                false => report.add_lost(lost),
            }
        }
        Ok(())
    }

    /// Returns whether stubs may have stood in what is lost: the header counts them.
    fn may_lack_stubs(&self, survey: &Survey) -> bool {
        let Some(segment) = survey.segments.get(self.at) else {
            return true;
        };
        let header = &segment.header;
        let has = |feature| header.required_features & feature != 0;
        let counts = has(FEATURE_REMOVALS) && !segment.is_rebuilt();
        has(FEATURE_STUBS) && !(counts && header.removals == self.removals)
    }
}

/// Returns what a segment has replaced and is there, the latest forms first.
pub(super) fn sources(survey: &Survey, merged: usize) -> Vec<&FoundSegment> {
    let earlier = survey.earlier.iter().filter(|of| of.merged == merged);
    earlier.map(|of| &of.segment).collect()
}

/// Returns the sequence behind all that the sources of a segment used, if one of them tells.
pub(super) fn sources_end(
    from: &dyn Fs,
    survey: &Survey,
    merged: usize,
) -> Result<Option<u64>, StoreError> {
    let mut end = None;
    for source in sources(survey, merged) {
        let trailer = read_trailer(&*source.open(from)?, &source.header.binding())?;
        end = end.max(trailer.map(|trailer| trailer.next_sequence));
    }
    Ok(end)
}

/// Returns whether all groups with these sequences are whole in a row of sources.
fn stand_in(
    from: &dyn Fs,
    survey: &Survey,
    merged: usize,
    sources: &[&FoundSegment],
    sequences: &LostSequences,
) -> Result<bool, StoreError> {
    let last_id = survey.segments.get(merged).map(|of| of.header.last_id);
    let before = sources
        .iter()
        .filter(|of| of.header.first_sequence <= sequences.first);
    let mut at = before.max_by_key(|of| (of.header.segment.id, of.header.segment.generation));
    let all: Vec<_> = sources.iter().map(|of| (*of).clone()).collect();
    while let Some(source) = at {
        // Without an end, groups may be cut off.
        let end = segment_end(from, source, &all)?.or(segment_end(from, source, &survey.segments)?);
        if end.is_none() || is_lost_in(from, source, end, sequences)? {
            return Ok(false);
        }
        if Some(source.header.last_id) >= last_id {
            return Ok(true);
        }
        let follows = |of: &&&FoundSegment| of.header.segment.id == source.header.last_id + 1;
        at = sources.iter().find(follows);
        if let Some(next) = at
            && sequences
                .end
                .is_some_and(|end| next.header.first_sequence >= end)
        {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_lost_in(
    from: &dyn Fs,
    source: &FoundSegment,
    end: Option<u64>,
    sequences: &LostSequences,
) -> Result<bool, StoreError> {
    let mut is_lost = false;
    let file = source.open(from)?;
    let what = Salvaging { from: 0, end };
    salvage::<StoreError>(&file, &source.header, what, &mut |found| {
        if let Found::Lost(lost) = found {
            let begins_before = sequences.end.is_none_or(|end| lost.first_sequence < end);
            let ends_behind = lost.end_sequence.is_none_or(|end| end > sequences.first);
            is_lost |= begins_before && ends_behind;
        }
        Ok(())
    })?;
    Ok(is_lost)
}
