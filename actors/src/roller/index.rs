//! The roller's long work: it writes index runs and merges them, in short steps.

use crate::error::StoreError;
use crate::indexing::{IndexPolicy, Indexing, Progress, RunsOfSegment, WrittenRun, index_upto};
use crate::reader::{PagesOfAll, Reader};
use crate::runtime::ReplyTo;
use crate::view::{IndexedPart, KnownSegment};
use batpak_log::directory::{Directory, read_directory};
use batpak_log::error::LogError;
use batpak_log::fs::{Access, Fs, remove_if_there};
use batpak_log::index::{MergeStep, RunMerge};
use batpak_log::log_position::LogPosition;
use batpak_log::recover_segment::sealed_end;
use batpak_log::segment::SegmentHeader;
use std::collections::VecDeque;
use std::sync::Arc;

type Reply = ReplyTo<Result<LogPosition, StoreError>>;

/// What is being indexed, and what waits for it.
#[derive(Debug)]
pub(super) struct IndexWork {
    reader: Arc<Reader>,
    policy: IndexPolicy,
    asked: VecDeque<Asked>,
    doing: Doing,
    /// The latest runs of the segment that was indexed last, whether or not readers use them yet.
    latest: Option<RunsOfSegment>,
    /// Runs that a merged one has replaced; their files go when no reader holds them any more.
    replaced: Vec<Arc<IndexedPart>>,
}

#[derive(Debug)]
struct Asked {
    segment: Arc<SegmentHeader>,
    upto: LogPosition,
    reply: Reply,
}

/// One piece of work, step by step.
#[derive(Debug)]
enum Doing {
    Nothing,
    Indexing(Box<Indexing>, Asked),
    Placing(WrittenRun, Asked),
    Merging(Box<RunMerge>, Vec<Arc<IndexedPart>>),
}

impl IndexWork {
    pub(super) fn new(reader: Arc<Reader>, policy: IndexPolicy) -> Self {
        Self {
            reader,
            policy,
            asked: VecDeque::new(),
            doing: Doing::Nothing,
            latest: None,
            replaced: Vec::new(),
        }
    }

    pub(super) fn ask(&mut self, segment: &Arc<SegmentHeader>, upto: LogPosition, reply: Reply) {
        self.asked.push_back(Asked {
            segment: Arc::clone(segment),
            upto,
            reply,
        });
    }

    pub(super) fn has_more(&self) -> bool {
        !matches!(self.doing, Doing::Nothing) || !self.asked.is_empty()
    }

    /// Works for a short while; returns a part that readers can use from now on.
    pub(super) fn step(&mut self) -> Option<Arc<IndexedPart>> {
        match std::mem::replace(&mut self.doing, Doing::Nothing) {
            Doing::Nothing => {
                self.remove_replaced();
                let asked = self.asked.pop_front()?;
                self.begin(asked);
                None
            }
            Doing::Indexing(mut indexing, asked) => {
                match indexing.step() {
                    Ok(Progress::More) => self.doing = Doing::Indexing(indexing, asked),
                    Ok(Progress::Read(Some(run))) => self.doing = Doing::Placing(run, asked),
                    Ok(Progress::Read(None)) => asked.reply.answer(Ok(asked.upto)),
                    Err(error) => asked.reply.answer(Err(error.into())),
                }
                None
            }
            Doing::Placing(run, asked) => self.place(run, asked),
            Doing::Merging(mut merge, sources) => {
                let access = self.reader.access();
                let pages = PagesOfAll {
                    access,
                    parts: &sources,
                };
                match merge.step(&pages) {
                    Ok(MergeStep::More) => {
                        self.doing = Doing::Merging(merge, sources);
                        None
                    }
                    Ok(MergeStep::Done(name, bytes)) => {
                        self.place_merged(WrittenRun { name, bytes }, sources)
                    }
                    Err(error) => {
                        tracing::warn!(%error, "index runs were not merged");
                        None
                    }
                }
            }
        }
    }

    /// Forgets segments that another one has taken the place of.
    pub(super) fn forget(&mut self, gone: &[Arc<KnownSegment>]) {
        let is_gone = |runs: &RunsOfSegment| {
            let name = runs.segment.header.segment;
            gone.iter().any(|segment| segment.header.segment == name)
        };
        self.latest = self.latest.take().filter(|runs| !is_gone(runs));
        self.remove_replaced();
    }

    /// Returns whether another segment has taken the place of this one, with an index of its own.
    fn is_replaced(&self, header: &SegmentHeader) -> bool {
        let segments = self.reader.view().segments();
        let covers = |other: &Arc<SegmentHeader>| {
            (other.segment.id..=other.last_id).contains(&header.segment.id)
        };
        let other = segments.iter().rev().find(|other| covers(other));
        other.is_some_and(|other| other.segment != header.segment)
    }

    fn begin(&mut self, asked: Asked) {
        if self.is_replaced(&asked.segment) {
            asked.reply.answer(Ok(asked.upto));
            return;
        }
        let runs = self.runs_of(&asked.segment);
        let max = self.policy.every_events.saturating_mul(2);
        let begun = Indexing::begin(self.reader.access(), &runs, asked.upto.offset, max);
        match begun {
            Ok(indexing) => self.doing = Doing::Indexing(Box::new(indexing), asked),
            Err(error) => asked.reply.answer(Err(error.into())),
        }
    }

    /// Returns the runs that a segment has: readers may not use the latest yet.
    fn runs_of(&self, header: &SegmentHeader) -> RunsOfSegment {
        let latest = self.latest.as_ref();
        if let Some(runs) = latest.filter(|runs| runs.segment.header.segment == header.segment) {
            return runs.clone();
        }
        self.reader.view().runs_of(header)
    }

    fn place(&mut self, run: WrittenRun, asked: Asked) -> Option<Arc<IndexedPart>> {
        let mut runs = self.runs_of(&asked.segment);
        let placed = run.place(&**self.reader.access().fs(), &runs.segment);
        match placed {
            Ok(part) => {
                asked.reply.answer(Ok(*part.run.end()));
                runs.parts.push(Arc::clone(&part));
                self.merge_if_many(&runs);
                self.latest = Some(runs);
                Some(part)
            }
            Err(error) => {
                asked.reply.answer(Err(error.into()));
                None
            }
        }
    }

    /// Begins to merge the latest runs of a segment when there are many small ones.
    fn merge_if_many(&mut self, runs: &RunsOfSegment) {
        let small_max = self.policy.every_events.saturating_mul(2);
        let small = |part: &&Arc<IndexedPart>| u64::from(part.run.event_count()) <= small_max;
        let mut sources: Vec<_> = runs.parts.iter().rev().take_while(small).cloned().collect();
        sources.reverse();
        if sources.len() < self.policy.merged_runs.max(2) {
            return;
        }
        let merge = RunMerge::new(sources.iter().map(|part| Arc::clone(&part.run)).collect());
        if let Some(merge) = merge {
            self.doing = Doing::Merging(Box::new(merge), sources);
        }
    }

    fn place_merged(
        &mut self,
        run: WrittenRun,
        sources: Vec<Arc<IndexedPart>>,
    ) -> Option<Arc<IndexedPart>> {
        let runs = self.latest.as_mut()?;
        match run.place(&**self.reader.access().fs(), &runs.segment) {
            Ok(part) => {
                let first = part.run.first_event();
                let end = first + u64::from(part.run.event_count());
                let inside = |part: &Arc<IndexedPart>| {
                    part.run.first_event() >= first && part.run.first_event() < end
                };
                runs.parts.retain(|part| !inside(part));
                let at = runs
                    .parts
                    .partition_point(|part| part.run.first_event() < first);
                runs.parts.insert(at, Arc::clone(&part));
                self.replaced.extend(sources);
                Some(part)
            }
            Err(error) => {
                tracing::warn!(%error, "a merged index run was not written");
                None
            }
        }
    }

    /// Removes the files of runs that nobody looks into any more.
    fn remove_replaced(&mut self) {
        let fs = Arc::clone(self.reader.access().fs());
        self.replaced.retain(|part| {
            let unused = Arc::strong_count(part) == 1;
            // One that stays is removed by the next opening.
            unused.then(|| remove_if_there(&*fs, &part.run.name().file_name()));
            !unused
        });
    }

    /// Drops what is under way; those who wait for it are told by their replies.
    pub(super) fn end(&mut self) {
        self.doing = Doing::Nothing;
        self.asked.clear();
        self.remove_replaced();
    }

    /// Indexes what is left of every segment, once nobody writes any more.
    pub(super) fn index_at_close(&mut self, closed: &LogPosition) -> Result<(), StoreError> {
        let access = self.reader.access();
        let directory = read_directory(&**access.fs())?;
        let events_min = self.policy.at_close_events.max(1);
        let bounds = (
            events_min,
            self.policy.every_events.saturating_mul(2).max(1),
        );
        for (at, header) in directory.segments.iter().enumerate() {
            let events_end = match directory.segments.get(at + 1) {
                Some(successor) => successor.events_before,
                None => closed.event_count,
            };
            let mut runs = self.runs_of(header);
            if events_end.saturating_sub(runs.end().event_count) < events_min {
                continue;
            }
            if let Some(end) = end_of(&**access.fs(), &directory, at, closed)? {
                index_upto(access, &mut runs, end, bounds)?;
            }
        }
        Ok(())
    }
}

/// Returns where the groups of a segment end; `None` when nothing that is whole says so.
fn end_of(
    fs: &dyn Fs,
    directory: &Directory,
    at: usize,
    closed: &LogPosition,
) -> Result<Option<u64>, LogError> {
    let Some(header) = directory.segments.get(at) else {
        return Ok(None);
    };
    let successor = directory.segments.get(at + 1);
    match successor.and_then(|successor| successor.predecessor) {
        Some(predecessor) => {
            let file = fs.open(&header.segment.file_name(), Access::Read)?;
            sealed_end(&file, header, &predecessor)
        }
        None => Ok((closed.segment == header.segment).then_some(closed.offset)),
    }
}
