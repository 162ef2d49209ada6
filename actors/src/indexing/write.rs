//! Writes index runs from the frames that stand in a segment.

use super::RunsOfSegment;
use crate::reader::Access;
use crate::view::{IndexedPart, KnownSegment};
use batpak_log::error::LogError;
use batpak_log::fs::{Access as OpenFor, Fs, remove_if_there, write_all_at};
use batpak_log::index::{IndexRun, RunBuilder, RunName};
use batpak_log::layout::RUN_TEMPORARY_NAME;
use batpak_log::log_position::LogPosition;
use batpak_log::segment::{GroupReader, Step, UnfinishedFence};
use std::sync::Arc;

/// One step of an indexing reads about so many bytes.
const STEP_BYTES: u64 = 512 * 1024;

/// The bytes of a run that is complete.
#[derive(Debug)]
pub(crate) struct WrittenRun {
    pub(crate) name: RunName,
    pub(crate) bytes: Vec<u8>,
}

/// What a step of an indexing came to.
#[derive(Debug)]
pub(crate) enum Progress {
    /// There is more to read.
    More,
    /// All is read; nothing was there when none.
    Read(Option<WrittenRun>),
}

/// Builds one run in steps, behind the runs that a segment has.
#[derive(Debug)]
pub(crate) struct Indexing {
    reader: GroupReader,
    /// None once the run is complete.
    builder: Option<RunBuilder>,
    position: LogPosition,
    events_max: u64,
}

impl Indexing {
    /// Begins behind `runs`; reads whole groups up to `upto`, an offset in bytes, and at least
    /// `events_max` events if there are so many.
    pub(crate) fn begin(
        access: &Arc<Access>,
        runs: &RunsOfSegment,
        upto: u64,
        events_max: u64,
    ) -> Result<Self, LogError> {
        let start = runs.read_start(access);
        let header = &runs.segment.header;
        let name = header.segment.file_name();
        let file = access.fs().open(&name, OpenFor::Read)?;
        Ok(Self {
            builder: Some(RunBuilder::new(header, start.position, start.names_before)),
            position: start.position,
            reader: GroupReader::resume(file, header, &start, upto),
            events_max,
        })
    }

    /// Goes on for a short while.
    ///
    /// # Errors
    /// `CrcMismatch` for a group that is not whole, and what reading returns.
    pub(crate) fn step(&mut self) -> Result<Progress, LogError> {
        let begun = self.position.offset;
        while let Some(builder) = &mut self.builder {
            if u64::from(builder.event_count()) >= self.events_max {
                return Ok(self.finish());
            }
            match self.reader.step()? {
                Step::Group(group) if !builder.has_room_for(&group) => return Ok(self.finish()),
                Step::Group(group) => {
                    builder.add(&group);
                    self.position.offset = group.end;
                }
                Step::End => return Ok(self.finish()),
                Step::NotWhole { bad, .. } | Step::Unfinished(UnfinishedFence { end: bad, .. }) => {
                    return Err(LogError::CrcMismatch {
                        segment_id: self.position.segment.id,
                        offset: bad,
                    });
                }
            }
            if self.position.offset - begun >= STEP_BYTES {
                return Ok(Progress::More);
            }
        }
        Ok(Progress::Read(None))
    }

    fn finish(&mut self) -> Progress {
        let builder = self.builder.take();
        let builder = builder.filter(|builder| builder.event_count() > 0);
        Progress::Read(builder.map(|builder| {
            let (name, bytes) = builder.finish();
            WrittenRun { name, bytes }
        }))
    }
}

impl WrittenRun {
    /// Puts the run beside its segment, durably, so that a power cut leaves all of it or nothing.
    pub(crate) fn place(
        self,
        fs: &dyn Fs,
        segment: &Arc<KnownSegment>,
    ) -> Result<Arc<IndexedPart>, LogError> {
        remove_if_there(fs, RUN_TEMPORARY_NAME)?;
        let file = fs.create_new(RUN_TEMPORARY_NAME)?;
        let written = write_all_at(&*file, &self.bytes, 0).and_then(|()| file.sync_data());
        if let Err(error) = written {
            // The first error tells more than one of the cleaning.
            let _ = fs.remove(RUN_TEMPORARY_NAME);
            return Err(error.into());
        }
        fs.rename(RUN_TEMPORARY_NAME, &self.name.file_name())?;
        let run = IndexRun::open(&self.name, &*file, segment.header.store_id)?;
        let run = run.ok_or_else(|| LogError::DamagedIndex {
            name: self.name.file_name(),
            page: 0,
        })?;
        Ok(Arc::new(IndexedPart::new(run, Arc::clone(segment))))
    }
}

/// Writes the runs that are missing up to an offset, each of about `events_max` events; what is
/// left is less than `events_min`.
///
/// # Errors
/// As [`Indexing::step`], and what writing returns.
pub(crate) fn index_upto(
    access: &Arc<Access>,
    runs: &mut RunsOfSegment,
    upto: u64,
    (events_min, events_max): (u64, u64),
) -> Result<(), LogError> {
    loop {
        let mut indexing = Indexing::begin(access, runs, upto, events_max)?;
        let run = loop {
            if let Progress::Read(run) = indexing.step()? {
                break run;
            }
        };
        let enough = |run: &WrittenRun| run.name.end - run.name.first >= events_min;
        let Some(run) = run.filter(enough) else {
            return Ok(());
        };
        let part = run.place(&**access.fs(), &runs.segment)?;
        runs.parts.push(part);
    }
}
