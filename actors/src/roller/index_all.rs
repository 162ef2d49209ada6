//! Writes the index of a whole segment that nobody looks into yet, in short steps.

use crate::indexing::{IndexPolicy, Indexing, Progress, RunsOfSegment, WrittenRun};
use crate::protocol::indexer::Replacement;
use crate::reader::{PagesOfAll, Reader};
use crate::view::{IndexedPart, KnownSegment};
use batpak_log::error::LogError;
use batpak_log::fs::Fs;
use batpak_log::index::{MergeStep, RunMerge};
use batpak_log::log_position::LogPosition;
use batpak_log::segment::{SegmentHeader, SegmentName};
use std::sync::Arc;

/// The index of the new segment on its way.
#[derive(Debug)]
pub(super) struct IndexingAll {
    runs: RunsOfSegment,
    end: LogPosition,
    indexing: Option<Indexing>,
    merging: Option<(RunMerge, Vec<Arc<IndexedPart>>)>,
}

impl IndexingAll {
    /// Begins for a segment that has its name.
    pub(super) fn new(header: &Arc<SegmentHeader>, end: LogPosition) -> Self {
        let segment = Arc::new(KnownSegment::new(Arc::clone(header)));
        Self {
            runs: RunsOfSegment {
                segment,
                parts: Vec::new(),
            },
            end,
            indexing: None,
            merging: None,
        }
    }

    /// Returns what readers are to be shown once all events are in the index.
    pub(super) fn replacement(&mut self, sources: Vec<SegmentName>) -> Replacement {
        Replacement {
            sources,
            segment: Arc::clone(&self.runs.segment),
            parts: std::mem::take(&mut self.runs.parts),
            end: self.end,
        }
    }

    /// Writes a piece of the index; `true` once all events are in it.
    pub(super) fn step(
        &mut self,
        reader: &Arc<Reader>,
        policy: IndexPolicy,
    ) -> Result<bool, LogError> {
        let access = reader.access();
        if let Some((mut merge, sources)) = self.merging.take() {
            let pages = PagesOfAll {
                access,
                parts: &sources,
            };
            match merge.step(&pages)? {
                MergeStep::More => self.merging = Some((merge, sources)),
                MergeStep::Done(name, bytes) => {
                    self.place(&**access.fs(), WrittenRun { name, bytes }, sources.len())?;
                    drop_files(&**access.fs(), &sources);
                }
            }
            return Ok(false);
        }
        if let Some(mut indexing) = self.indexing.take() {
            match indexing.step()? {
                Progress::More => self.indexing = Some(indexing),
                Progress::Read(None) => return Ok(true),
                Progress::Read(Some(run)) => {
                    self.place(&**access.fs(), run, 0)?;
                    self.merge_if_many(policy);
                }
            }
            return Ok(false);
        }
        let events_max = policy.every_events.saturating_mul(2).max(1);
        let indexing = Indexing::begin(access, &self.runs, self.end.offset, events_max)?;
        self.indexing = Some(indexing);
        Ok(false)
    }

    /// Puts a run beside the segment, in the place of so many of the last ones.
    fn place(&mut self, fs: &dyn Fs, run: WrittenRun, replaced: usize) -> Result<(), LogError> {
        let part = run.place(fs, &self.runs.segment)?;
        let kept = self.runs.parts.len().saturating_sub(replaced);
        self.runs.parts.truncate(kept);
        self.runs.parts.push(part);
        Ok(())
    }

    fn merge_if_many(&mut self, policy: IndexPolicy) {
        let small_max = policy.every_events.saturating_mul(2);
        let small = |part: &&Arc<IndexedPart>| u64::from(part.run.event_count()) <= small_max;
        let mut sources: Vec<_> = self.runs.parts.iter().rev().take_while(small).collect();
        sources.reverse();
        let sources: Vec<_> = sources.into_iter().cloned().collect();
        if sources.len() >= policy.merged_runs.max(2) {
            let runs = sources.iter().map(|part| Arc::clone(&part.run));
            self.merging = RunMerge::new(runs.collect()).map(|merge| (merge, sources));
        }
    }
}

/// Removes runs that nobody was shown; one that stays is removed by the next opening.
fn drop_files(fs: &dyn Fs, parts: &[Arc<IndexedPart>]) {
    for part in parts {
        let _ = fs.remove(&part.run.name().file_name());
    }
}
