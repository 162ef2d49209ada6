//! What a repair will keep, what it will try to save, and what is missing.

use super::gaps::{Gap, Gaps, sources_end};
use super::report::{LostRange, LostSequences, MissingSegments, RebuiltHeader, RepairReport};
use super::{RepairProgress, RepairStage};
use crate::error::StoreError;
use batpak_log::fs::Fs;
use batpak_log::layout::SEQUENCE_SKIP;
use batpak_log::repair::{
    Found, FoundSegment, Front, FrontEnd, HeaderState, KeptSegment, LeftOut, LostBytes, Salvaging,
    Survey, find_front, judge_end, salvage, segment_end,
};
use batpak_log::segment::read_trailer;

/// A sequence beyond this was never given out, whatever a file says.
const SEQUENCE_MAX: u64 = u64::MAX / 2;

/// A segment that is read for what is whole behind the damage.
#[derive(Clone, Copy, Debug)]
pub(super) struct Behind {
    /// Which of the survey's segments it is.
    pub(super) at: usize,
    pub(super) what: Salvaging,
}

/// What a repair does; made before anything is written.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) store_id: [u8; 16],
    pub(super) survey: Survey,
    /// The front of the log.
    pub(super) kept: Vec<KeptSegment>,
    /// What is behind the front, in order.
    pub(super) behind: Vec<Behind>,
    /// What is lost of merged segments and may stand in their sources.
    pub(super) gaps: Vec<Gap>,
    /// No sequence below this one is given out again.
    pub(super) next_sequence: u64,
    /// What is known before anything was saved.
    pub(super) report: RepairReport,
}

impl Plan {
    /// Reads a directory that was surveyed.
    pub(super) fn make(
        from: &dyn Fs,
        survey: Survey,
        progress: &mut dyn FnMut(RepairProgress),
    ) -> Result<Self, StoreError> {
        let store_id = store_id(&survey)?;
        let total_bytes = survey.segments.iter().map(|of| of.len).sum();
        let mut reading = |done_bytes| {
            progress(RepairProgress {
                stage: RepairStage::Reading,
                done_bytes,
                total_bytes,
            });
        };
        reading(0);
        let Front { segments, end } = find_front(from, &survey, &mut reading)?;
        let mut plan = Self {
            store_id,
            kept: segments,
            behind: Vec::new(),
            gaps: Vec::new(),
            next_sequence: 0,
            report: RepairReport::default(),
            survey,
        };
        plan.describe_front(end.as_ref());
        plan.list_behind(from, end.as_ref())?;
        let kept = plan.kept_bytes();
        let mut ends = Vec::new();
        let mut done = kept;
        for behind in plan.behind.clone() {
            ends.push(plan.scan(from, behind)?);
            done += plan.survey.segments.get(behind.at).map_or(0, |of| of.len);
            reading(done.min(total_bytes));
        }
        plan.describe_missing(end.as_ref(), &ends);
        plan.choose_next_sequence(from, end.as_ref(), &ends)?;
        plan.drop_empty_end();
        Ok(plan)
    }

    /// Returns the segment that is kept.
    pub(super) fn segment(&self, kept: &KeptSegment) -> Result<&FoundSegment, StoreError> {
        self.found(kept.at)
    }

    pub(super) fn found(&self, at: usize) -> Result<&FoundSegment, StoreError> {
        let found = self.survey.segments.get(at);
        found.ok_or_else(|| StoreError::Configuration("a segment was not surveyed".into()))
    }

    /// Returns how many bytes of a kept segment are copied as they are.
    pub(super) fn copied_len(&self, kept: &KeptSegment) -> u64 {
        let is_last = self.kept.last().is_some_and(|last| last.at == kept.at);
        match self.survey.segments.get(kept.at) {
            Some(segment) if !is_last && !kept.lacks_footer => segment.len,
            Some(_) | None => kept.position.offset,
        }
    }

    pub(super) fn kept_bytes(&self) -> u64 {
        self.kept.iter().map(|kept| self.copied_len(kept)).sum()
    }

    fn describe_front(&mut self, end: Option<&FrontEnd>) {
        let report = &mut self.report;
        report.was_unfinished = self.survey.is_unfinished;
        report.left_out = std::mem::take(&mut self.survey.left_out);
        report.outdated = std::mem::take(&mut self.survey.outdated);
        for (at, segment) in self.survey.segments.iter().enumerate() {
            let file = segment.file_name.clone();
            match segment.state {
                HeaderState::Whole => {}
                HeaderState::Restored => report.restored_headers.push(file),
                HeaderState::Rebuilt { times_proven } => {
                    let is_kept = self.kept.iter().any(|kept| kept.at == at);
                    let rebuilt = RebuiltHeader::new(file, is_kept, times_proven);
                    report.rebuilt_headers.push(rebuilt);
                }
            }
        }
        let Some(last) = self.kept.last() else {
            return;
        };
        report.kept_events = last.position.event_count;
        report.kept_below = last.position.next_sequence;
        let file = self
            .survey
            .segments
            .get(last.at)
            .map(|of| of.file_name.clone());
        if end.is_some_and(|end| end.footer_disagrees) {
            report.left_out.push(LeftOut {
                file: file.unwrap_or_default(),
                reason: "its footer counts other events than are in it".into(),
                is_loss: true,
            });
        }
    }

    /// Lists what is not kept: the rest of the front's last segment, and all others.
    fn list_behind(&mut self, from: &dyn Fs, end: Option<&FrontEnd>) -> Result<(), StoreError> {
        let survey = &self.survey;
        let last = self.kept.last().copied();
        for (at, segment) in survey.segments.iter().enumerate() {
            let is_last = last.is_some_and(|last| last.at == at);
            if !is_last && self.kept.iter().any(|kept| kept.at == at) {
                continue;
            }
            let groups_end = segment_end(from, segment, &survey.segments)?;
            let first = segment.header.encoded_len();
            let begins = last.filter(|_| is_last).map(|last| last.position.offset);
            let what = Salvaging {
                from: begins.unwrap_or(first),
                end: groups_end,
            };
            let is_newest = at + 1 == survey.segments.len();
            if let Some(end) = end.filter(|_| is_last) {
                if end.groups_end == begins && segment.len >= what.from {
                    continue;
                }
                let file = segment.open(from)?;
                // A merged segment was complete before it got its name: nothing of it is torn.
                if is_newest
                    && groups_end.is_none()
                    && segment.header.segment.generation == 0
                    && let Some(torn) = judge_end(&file, &segment.header, end)?
                {
                    self.report.torn_bytes = torn.end - torn.start;
                    continue;
                }
            }
            self.behind.push(Behind { at, what });
        }
        Ok(())
    }

    /// Reads what is behind, and reports what is lost in it; returns the sequence behind it.
    fn scan(&mut self, from: &dyn Fs, behind: Behind) -> Result<u64, StoreError> {
        let segment = self.found(behind.at)?;
        let file = segment.open(from)?;
        let (name, header) = (segment.file_name.clone(), segment.header.clone());
        let after = self.survey.segments.get(behind.at + 1);
        let after = after.map(|next| next.header.first_sequence);
        // Where nothing follows, what it was merged from tells how far it went.
        let after = match after {
            None => sources_end(from, &self.survey, behind.at)?,
            after => after,
        };
        let len = segment.len;
        let mut next_sequence = header.first_sequence.max(self.known_end(behind.at, &[]));
        let mut gaps = Gaps::new(behind.at, self.kept.last());
        let mut ends_whole = true;
        salvage::<StoreError>(&file, &header, behind.what, &mut |found| {
            ends_whole = matches!(found, Found::Group(_));
            match found {
                Found::Group(group) => {
                    next_sequence = group.next_sequence;
                    gaps.count(&group);
                }
                Found::Lost(lost) => {
                    let LostBytes {
                        bytes,
                        first_sequence,
                        end_sequence,
                    } = lost;
                    let end = end_sequence.or(after.filter(|end| *end >= first_sequence));
                    let sequences = LostSequences::new(first_sequence, end);
                    gaps.add(LostRange::new(name.clone(), bytes, sequences));
                }
            }
            Ok(())
        })?;
        // Where nothing says how far the groups went, a file may have been cut between two.
        if let Some(end) = after.filter(|end| *end > next_sequence)
            && ends_whole
            && behind.what.end.is_none()
        {
            let sequences = LostSequences::new(next_sequence, Some(end));
            gaps.add(LostRange::new(name, len..len, sequences));
        }
        let known = self.report.from_sources.len();
        gaps.report(from, &self.survey, &mut self.report, &mut self.gaps)?;
        let filled = self.report.from_sources.iter().skip(known);
        let filled = filled.filter_map(|range| range.sequences.end).max();
        Ok(next_sequence.max(filled.unwrap_or(0)))
    }

    /// Reports segments of which there is no file, and an end that is not there.
    fn describe_missing(&mut self, end: Option<&FrontEnd>, ends: &[u64]) {
        let segments = &self.survey.segments;
        let checkpoint = self.survey.checkpoint.map(|of| of.position.next_sequence);
        for (first, last) in self.survey.missing_numbers() {
            let before = segments.iter().rposition(|of| of.header.last_id < first);
            let after = segments.iter().find(|of| of.header.segment.id > last);
            let known = before.map_or(0, |at| self.known_end(at, ends));
            let end = after.map(|of| of.header.first_sequence).or(checkpoint);
            let sequences = LostSequences::new(known, end);
            let missing = MissingSegments::new((first, last), sequences);
            self.report.missing_segments.push(missing);
        }
        let found = self
            .kept
            .last()
            .map_or(0, |last| last.position.next_sequence);
        let found = found.max(end.map_or(0, |end| end.next_sequence));
        let found = found.max(ends.iter().copied().max().unwrap_or(0));
        if let Some(proven) = checkpoint.filter(|proven| *proven > found) {
            self.report.lost_end = Some(LostSequences::new(found, Some(proven)));
        }
    }

    /// Returns the sequence behind the events of a segment that are there.
    fn known_end(&self, at: usize, ends: &[u64]) -> u64 {
        let kept = self.kept.iter().find(|kept| kept.at == at);
        let kept = kept.map_or(0, |kept| kept.position.next_sequence);
        let behind = self.behind.iter().position(|behind| behind.at == at);
        let behind = behind.and_then(|behind| ends.get(behind).copied());
        kept.max(behind.unwrap_or(0))
    }

    /// Chooses sequences above all that anything whole tells of. Where something is missing, those
    /// that it may have used are skipped, as after any loss.
    fn choose_next_sequence(
        &mut self,
        from: &dyn Fs,
        end: Option<&FrontEnd>,
        ends: &[u64],
    ) -> Result<(), StoreError> {
        let kept = self
            .kept
            .last()
            .map_or(0, |last| last.position.next_sequence);
        let checkpoint = self.survey.checkpoint.map(|of| of.position.next_sequence);
        let mut seen = vec![kept, end.map_or(0, |end| end.next_sequence)];
        seen.extend(checkpoint);
        seen.extend(ends);
        for segment in &self.survey.segments {
            let file = segment.open(from)?;
            let trailer = read_trailer(&*file, &segment.header.binding())?;
            seen.push(segment.header.first_sequence);
            seen.extend(trailer.map(|trailer| trailer.next_sequence));
        }
        seen.retain(|sequence| *sequence <= SEQUENCE_MAX);
        let skipped = match self.behind.is_empty() && self.report.is_complete() {
            true => 0,
            false => SEQUENCE_SKIP,
        };
        let next = seen.into_iter().max().unwrap_or(0) + skipped;
        // A front that goes further is its own proof.
        self.next_sequence = next.max(kept);
        Ok(())
    }

    /// A last segment without a sound group is not kept where others are.
    fn drop_empty_end(&mut self) {
        if let [.., _, last] = self.kept.as_slice()
            && let Some(segment) = self.survey.segments.get(last.at)
            && last.position.offset == segment.header.encoded_len()
        {
            self.kept.pop();
        }
        self.report.kept_segments = self.kept.len() as u64;
    }
}

fn store_id(survey: &Survey) -> Result<[u8; 16], StoreError> {
    if let Some(store_id) = survey.store_id {
        return Ok(store_id);
    }
    match survey.left_out.first() {
        Some(file) => {
            let detail = format!("no header of the log can be read ({})", file.file);
            Err(StoreError::corrupt(1, detail))
        }
        None => Err(StoreError::Configuration(
            "there is no log to repair: the directory has no segment".into(),
        )),
    }
}
