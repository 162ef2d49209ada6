//! Reads all segments of a log, in order, into a view.

use super::mend::{aside_suffix, list_aside};
use super::{ReadLog, ReadOptions, RecoveryReport, empty_position};
use crate::error::StoreError;
use crate::indexing::{Chains, RunsOfSegment, load_runs};
use crate::reader::Reader;
use crate::view::{KnownSegment, ReadView, ViewWriter};
use batpak_log::checkpoint::Checkpoint;
use batpak_log::directory::Directory;
use batpak_log::error::LogError;
use batpak_log::fs::{Access, File, Fs};
use batpak_log::index::RunName;
use batpak_log::layout::SEQUENCE_SKIP;
use batpak_log::log_position::LogPosition;
use batpak_log::planted::{Bug, planted};
use batpak_log::poison_mark::PoisonMark;
use batpak_log::recover_segment::{NewestEnd, check_successor, recover_newest, recover_sealed};
use batpak_log::segment::{Group, SegmentHeader, TailFacts, read_footer, read_trailer};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Puts a log together from its segments.
pub(super) struct Builder<'d> {
    fs: Arc<dyn Fs>,
    options: ReadOptions,
    directory: &'d Directory,
    reader: Arc<Reader>,
    writer: ViewWriter,
    chains: Chains,
    position: LogPosition,
    poisoned: bool,
    used_runs: BTreeSet<RunName>,
    in_memory: u64,
    ends: Vec<(Arc<KnownSegment>, u64)>,
}

impl<'d> Builder<'d> {
    pub(super) fn new(fs: Arc<dyn Fs>, options: ReadOptions, directory: &'d Directory) -> Self {
        let view = Arc::new(ReadView::default());
        let reader = Reader::new(Arc::clone(&fs), Arc::clone(&view), options.reader);
        Self {
            fs,
            options,
            directory,
            reader: Arc::new(reader),
            writer: ViewWriter::resume(view),
            chains: Chains::default(),
            position: empty_position(),
            poisoned: false,
            used_runs: BTreeSet::new(),
            in_memory: 0,
            ends: Vec::new(),
        }
    }

    /// Opens a segment, with the runs that cover its front.
    fn open(&mut self, header: &SegmentHeader) -> Result<Opened, StoreError> {
        let file = self.fs.open(&header.segment.file_name(), Access::Read)?;
        let segment = self.writer.add_segment(Arc::new(header.clone()));
        let names = match self.options.use_runs {
            true => self.directory.runs.as_slice(),
            false => &[],
        };
        let runs = load_runs(&*self.fs, &segment, names)?;
        Ok(Opened { file, runs })
    }

    /// Lets runs stand for what they cover.
    fn use_runs(&mut self, runs: &RunsOfSegment) {
        for part in &runs.parts {
            self.used_runs.insert(*part.run.name());
            self.writer.add_indexed(Arc::clone(part));
        }
    }

    pub(super) fn read_sealed(
        &mut self,
        header: &SegmentHeader,
        successor: &SegmentHeader,
    ) -> Result<(), StoreError> {
        let Some(predecessor) = successor.predecessor else {
            return Ok(());
        };
        let Opened { file, mut runs } = self.open(header)?;
        // The footer is the segment's own word on what its frames are: without it, they are read.
        let trailer = read_trailer(&*file, &runs.segment.binding)?;
        let is_told = trailer.is_some_and(|trailer| trailer.log_hash == predecessor.log_hash);
        if !is_told && !planted(Bug::TrustAnyIndex) {
            runs.parts.clear();
        }
        self.use_runs(&runs);
        let start = runs.read_start(self.reader.access());
        self.position =
            self.index(|index| recover_sealed(&file, header, &predecessor, &start, index))?;
        self.ends.push((runs.segment, self.position.offset));
        check_successor(&self.position, successor)?;
        Ok(())
    }

    pub(super) fn read_newest(
        &mut self,
        header: &SegmentHeader,
        checkpoint: Option<&Checkpoint>,
    ) -> Result<NewestEnd, StoreError> {
        let Opened { file, mut runs } = self.open(header)?;
        let boot_id = self.fs.boot_id();
        let footer = read_footer(&*file, &runs.segment.binding)?;
        let clean = footer.is_some_and(|footer| footer.trailer.clean);
        let rebooted = boot_id.is_none_or(|id| id != header.boot_id);
        self.poisoned = PoisonMark::read(&*self.fs)?.is_some_and(|mark| mark.speaks_of(header));
        if !clean && (rebooted || self.poisoned) {
            // After a power cut or a failed sync every frame is looked at, whatever was proven.
            runs.parts.clear();
        }
        runs.drop_what_is_not_there(&file)?;
        self.use_runs(&runs);
        let facts = TailFacts {
            same_boot: !rebooted,
            poisoned: self.poisoned,
            // A run is about what was durable when it was written.
            proven: proven_by(checkpoint, header).max(runs.proven()),
        };
        let start = runs.read_start(self.reader.access());
        let end = self.index(|index| recover_newest(&file, header, facts, &start, index))?;
        self.position = end.position;
        self.position.next_sequence = end.next_sequence;
        self.ends.push((runs.segment, self.position.offset));
        Ok(end)
    }

    /// Reads groups and puts their events into the view.
    fn index<T>(
        &mut self,
        read: impl FnOnce(&mut dyn FnMut(&SegmentHeader, &Group<'_>)) -> Result<T, LogError>,
    ) -> Result<T, StoreError> {
        let (writer, chains, reader) = (&mut self.writer, &mut self.chains, &*self.reader);
        let in_memory_max = self.options.in_memory_max.unwrap_or(u64::MAX);
        let in_memory = &mut self.in_memory;
        let mut failure = None;
        let read = read(&mut |header, group| {
            *in_memory += group.events.len() as u64;
            if *in_memory > in_memory_max {
                return;
            }
            for event in &group.events {
                match chains.entry(header, event, reader) {
                    Ok(entry) => writer.insert(entry),
                    Err(error) => failure = failure.take().or(Some(error)),
                }
            }
        })?;
        match failure {
            Some(error) => Err(error.into()),
            None => Ok(read),
        }
    }

    pub(super) fn finish(
        mut self,
        directory: &Directory,
        checkpoint: Option<&Checkpoint>,
        end: Option<NewestEnd>,
    ) -> Result<ReadLog, StoreError> {
        let newest = directory.segments.last().cloned().map(Arc::new);
        check_rollback(&self.position, newest.as_deref(), checkpoint)?;
        let report = self.report(newest.as_deref(), end.as_ref())?;
        self.writer.publish(self.position.next_sequence);
        let used = |name: &&RunName| !self.used_runs.contains(name);
        let useless = directory.runs.iter().filter(used).copied();
        Ok(ReadLog {
            useless_runs: useless.collect(),
            lacks_index: self
                .options
                .in_memory_max
                .is_some_and(|max| self.in_memory > max),
            ends: self.ends,
            reader: self.reader,
            newest,
            position: self.position,
            report,
            replaced: directory.replaced.clone(),
            end,
        })
    }

    fn report(
        &self,
        newest: Option<&SegmentHeader>,
        end: Option<&NewestEnd>,
    ) -> Result<RecoveryReport, StoreError> {
        let replaced = self.directory.replaced.iter();
        let mut report = RecoveryReport {
            kept_aside: list_aside(&*self.fs)?,
            removed_segments: replaced.map(|name| name.file_name()).collect(),
            ..RecoveryReport::default()
        };
        if let (Some(header), Some(end)) = (newest, end)
            && !end.clean
        {
            report.unclean = true;
            report.rebooted = self.fs.boot_id().is_none_or(|id| id != header.boot_id);
            let torn = end.tail.torn.as_ref();
            report.truncated_bytes = torn.map_or(0, |torn| torn.end - torn.start);
            // An earlier opening may have cut the tail off and not come to its end: what it cut off
            // may have used sequences.
            let aside = aside_suffix(header.segment, end.position.offset);
            let was_cut = report.kept_aside.iter().any(|name| name.ends_with(&aside));
            if report.rebooted || self.poisoned || report.truncated_bytes > 0 || was_cut {
                report.skipped_sequences = match planted(Bug::ReuseSequence) {
                    true => 0,
                    false => SEQUENCE_SKIP,
                };
            }
        }
        Ok(report)
    }
}

/// A segment that is about to be read.
struct Opened {
    file: Arc<dyn File>,
    runs: RunsOfSegment,
}

/// Returns the offset of `header`'s segment that the checkpoint proves durable.
fn proven_by(checkpoint: Option<&Checkpoint>, header: &SegmentHeader) -> u64 {
    checkpoint
        .filter(|checkpoint| {
            checkpoint.store_id == header.store_id && checkpoint.position.segment == header.segment
        })
        .map_or(0, |checkpoint| checkpoint.position.offset)
}

fn check_rollback(
    position: &LogPosition,
    newest: Option<&SegmentHeader>,
    checkpoint: Option<&Checkpoint>,
) -> Result<(), LogError> {
    let Some(checkpoint) = checkpoint else {
        return Ok(());
    };
    let foreign = newest.is_some_and(|header| header.store_id != checkpoint.store_id);
    if planted(Bug::IgnoreCheckpoint) || foreign && !planted(Bug::TrustForeignCheckpoint) {
        return Ok(());
    }
    let proven = checkpoint.position.event_count;
    if proven > position.event_count {
        let found = position.event_count;
        let detail = format!("{proven} events were proven durable, {found} are there");
        return Err(LogError::Rollback { detail });
    }
    Ok(())
}
