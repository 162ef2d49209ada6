//! Finds the index runs that cover the front of a segment.

use crate::reader::{Access, NamesOfRuns};
use crate::view::{IndexedPart, KnownSegment};
use batpak_log::error::LogError;
use batpak_log::fs::{Access as OpenFor, File, Fs};
use batpak_log::index::{IndexRun, RunName};
use batpak_log::log_position::LogPosition;
use batpak_log::recover_segment::is_group;
use batpak_log::segment::ReadStart;
use std::io;
use std::sync::Arc;

/// The runs of one segment, each beginning where the one before ends.
#[derive(Clone, Debug)]
pub(crate) struct RunsOfSegment {
    pub(crate) segment: Arc<KnownSegment>,
    pub(crate) parts: Vec<Arc<IndexedPart>>,
}

impl RunsOfSegment {
    /// Returns where the indexed front of the segment ends.
    pub(crate) fn end(&self) -> LogPosition {
        match self.parts.last() {
            Some(part) => *part.run.end(),
            None => LogPosition::at_start_of(&self.segment.header),
        }
    }

    /// Returns how many names the indexed front defines.
    pub(crate) fn name_count(&self) -> u32 {
        let last = self.parts.last();
        last.map_or(0, |part| {
            part.run.first_name().saturating_add(part.run.name_count())
        })
    }

    /// Returns the offset below which the runs prove everything durable.
    pub(crate) fn proven(&self) -> u64 {
        self.parts.last().map_or(0, |part| part.run.end().offset)
    }

    /// Returns where a reading begins that goes on behind the runs.
    pub(crate) fn read_start(&self, access: &Arc<Access>) -> ReadStart {
        let names = NamesOfRuns {
            access: Arc::clone(access),
            segment: Arc::clone(&self.segment),
            runs: self.parts.clone(),
        };
        ReadStart {
            position: self.end(),
            names_before: self.name_count(),
            earlier: Some(Arc::new(names)),
        }
    }

    /// Takes a run that goes on where these end; `false` when it does not.
    fn take(&mut self, run: IndexRun) -> bool {
        let (end, header) = (self.end(), &self.segment.header);
        let first_event = end.event_count.saturating_sub(header.events_before);
        let run_end = run.end();
        let goes_on = run.segment() == header.segment
            && run_end.segment == header.segment
            && run_end.last_id == header.last_id
            && run.first_event() == first_event
            && run.start_offset() == end.offset
            && run.first_name() == self.name_count()
            && run.first_sequence() >= end.next_sequence
            && run_end.event_count == end.event_count + u64::from(run.event_count());
        if goes_on {
            let part = IndexedPart::new(run, Arc::clone(&self.segment));
            self.parts.push(Arc::new(part));
        }
        goes_on
    }

    /// Drops the last runs until one ends with a group that is whole in the file.
    pub(crate) fn drop_what_is_not_there(&mut self, file: &Arc<dyn File>) -> Result<(), LogError> {
        while let Some(part) = self.parts.last() {
            let group = (part.run.last_group_offset(), part.run.end().offset);
            if is_group(file, &self.segment.header, group)? {
                break;
            }
            self.parts.pop();
        }
        Ok(())
    }
}

/// Opens the runs that cover the front of a segment: of several that begin at one place, the
/// longest that is whole.
///
/// # Errors
/// When a file cannot be read; one that is damaged, foreign or gone is as if it had never been.
pub(crate) fn load_runs(
    fs: &dyn Fs,
    segment: &Arc<KnownSegment>,
    names: &[RunName],
) -> Result<RunsOfSegment, LogError> {
    let header = &segment.header;
    let of_segment = |name: &&RunName| name.segment == header.segment;
    let names: Vec<&RunName> = names.iter().filter(of_segment).collect();
    let mut runs = RunsOfSegment {
        segment: Arc::clone(segment),
        parts: Vec::new(),
    };
    loop {
        let next = runs.end().event_count.saturating_sub(header.events_before);
        // Sorted by their ends, the longest comes last.
        let mut candidates = names.iter().rev().filter(|name| name.first == next);
        let found = candidates.try_fold(false, |found, name| {
            if found {
                return Ok(true);
            }
            let opened = open_run(fs, name, header.store_id)?;
            Ok::<_, LogError>(opened.is_some_and(|run| runs.take(run)))
        })?;
        if !found {
            return Ok(runs);
        }
    }
}

fn open_run(fs: &dyn Fs, name: &RunName, store_id: [u8; 16]) -> Result<Option<IndexRun>, LogError> {
    let file = match fs.open(&name.file_name(), OpenFor::Read) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    match IndexRun::open(name, &*file, store_id) {
        // It was cut while it was looked at.
        Err(LogError::Io(error)) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        opened => opened,
    }
}
