//! Reads a store's log when it is opened, and mends what a crash left.
//!
//! [`read_log`] only reads, and every opening goes through it: for writing, read-only, and the
//! check that changes nothing. [`mend`] is what an opening for writing does about what was found.
//! A log of version 1 is taken over before it is read: on disk by an opening for writing, in memory
//! by all others.

mod mend;
mod read;
mod take_over;

pub use mend::mend;
pub(crate) use mend::rewrite;
pub use take_over::Version1Report;
pub(crate) use take_over::{take_over, take_over_with};

use crate::error::StoreError;
use crate::indexing::{index_upto, load_runs};
use crate::reader::{Reader, ReaderOptions};
use crate::view::KnownSegment;
use batpak_log::checkpoint::Checkpoint;
use batpak_log::directory::{Directory, read_directory};
use batpak_log::fs::{Fs, MemoryFs};
use batpak_log::index::RunName;
use batpak_log::log_position::LogPosition;
use batpak_log::recover_segment::NewestEnd;
use batpak_log::segment::{SegmentHeader, SegmentName};
use batpak_log::version1::Version1Segment;
use read::Builder;
use std::io;
use std::sync::Arc;

/// What opening found and mended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecoveryReport {
    /// The store was not closed in good order the last time.
    pub unclean: bool,
    /// The machine was restarted since, so that unsynced bytes may be gone.
    pub rebooted: bool,
    /// Bytes of a group or a footer that was not finished: removed from the log.
    pub truncated_bytes: u64,
    /// Where those bytes were set aside, below the data directory; `None` when nothing was
    /// removed or nothing may be written.
    pub set_aside: Option<String>,
    /// Everything that is set aside, also from earlier openings.
    pub kept_aside: Vec<String>,
    /// Segments whose events an interrupted merge had taken over: removed.
    pub removed_segments: Vec<String>,
    /// Sequences that are skipped so that none is given out twice.
    pub skipped_sequences: u64,
    /// What this opening took over from the released batpak; `None` when there was nothing to.
    pub version1: Option<Version1Report>,
}

/// A log as it was read.
#[derive(Debug)]
pub struct ReadLog {
    /// Reads all its events, which are visible.
    pub reader: Arc<Reader>,
    /// Its newest segment; `None` for an empty store.
    pub newest: Option<Arc<SegmentHeader>>,
    /// Its end.
    pub position: LogPosition,
    /// What was found, and what [`mend`] will do about it.
    pub report: RecoveryReport,
    /// Index runs that say nothing of the log: [`mend`] removes them.
    pub useless_runs: Vec<RunName>,
    /// More events lack an index than may be in memory, so the view does not hold them: the log is
    /// to be indexed and read again.
    pub lacks_index: bool,
    /// Where the groups of each segment end.
    ends: Vec<(Arc<KnownSegment>, u64)>,
    /// Segments that a merged one has replaced.
    replaced: Vec<SegmentName>,
    /// How the newest segment ends.
    end: Option<NewestEnd>,
}

impl ReadLog {
    /// Returns the newest segment if events at its end are in memory.
    pub fn not_indexed(&self) -> Option<Arc<SegmentHeader>> {
        let newest = self.newest.as_ref()?;
        let parts = self.reader.view().indexed_parts(newest.segment);
        let indexed = parts
            .last()
            .map_or(newest.events_before, |part| part.run.end().event_count);
        (indexed < self.position.event_count).then(|| Arc::clone(newest))
    }
}

/// How a log is read.
#[derive(Clone, Copy, Debug)]
pub struct ReadOptions {
    /// Whether the checkpoint is believed.
    pub use_checkpoint: bool,
    /// Whether index runs stand for the events that they cover; otherwise every event is read.
    pub use_runs: bool,
    /// So many events without an index may be in memory; any number when none.
    pub in_memory_max: Option<u64>,
    /// What the log's reader may use.
    pub reader: ReaderOptions,
}

/// Reads a log and writes nothing.
///
/// What index runs cover is not read: a damaged event there is found by whoever reads it. A log
/// that is refused with the runs is read again without them, so that the verdict is about events.
///
/// # Errors
/// The typed refusals: `CrcMismatch`, `CorruptSegment`, `MissingSegment`, `ForeignFile`,
/// `Rollback`, `FutureVersion`; `Io` when a file cannot be read.
pub fn read_log(fs: &Arc<dyn Fs>, options: ReadOptions) -> Result<ReadLog, StoreError> {
    match read_found(fs, options)? {
        Found::Log(log) => Ok(*log),
        Found::Version1(segments) => read_version1_in_memory(&**fs, options, &segments),
    }
}

/// As [`read_log`], after a log of version 1 was taken over into a segment of this version.
///
/// # Errors
/// As [`read_log`], and `Io` or `StorageFull` when the segment cannot be written.
pub fn read_log_for_writing(fs: &Arc<dyn Fs>, options: ReadOptions) -> Result<ReadLog, StoreError> {
    let segments = match read_found(fs, options)? {
        Found::Log(log) => {
            check_next_name(&**fs, &log)?;
            return Ok(*log);
        }
        Found::Version1(segments) => segments,
    };
    tracing::info!("a log of the released batpak is taken over");
    let taken = take_over(&**fs, &**fs, &segments)?;
    let mut log = read_log(fs, options)?;
    log.report.version1 = Some(taken);
    Ok(log)
}

/// Refuses a log whose next segment could not be put in its place, because a directory or a link
/// has its name. A listing passes over such things, so this may be the newest segment, which
/// somebody has put elsewhere: an opening would count it as lost, and each append would fail.
fn check_next_name(fs: &dyn Fs, log: &ReadLog) -> Result<(), StoreError> {
    let last_id = log.newest.as_ref().map_or(0, |newest| newest.last_id);
    let name = SegmentName::first_generation(last_id.saturating_add(1)).file_name();
    match fs.exists(&name)? {
        false => Ok(()),
        true => Err(StoreError::ForeignFile {
            detail: "it is no regular file, and the next segment would get its name".into(),
            name,
        }),
    }
}

/// So many bytes of version 1 are read without being written, at the most.
pub(crate) const IN_MEMORY_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Takes a log of version 1 over into memory, where nothing is added to it.
fn read_version1_in_memory(
    fs: &dyn Fs,
    options: ReadOptions,
    segments: &[Version1Segment],
) -> Result<ReadLog, StoreError> {
    let bytes: u64 = segments.iter().map(|segment| segment.len).sum();
    if bytes > IN_MEMORY_BYTES_MAX {
        return Err(StoreError::Configuration(format!(
            "{bytes} bytes of version 1 are too many to be read without writing (at most \
             {IN_MEMORY_BYTES_MAX}): open the store for writing once, which takes them over"
        )));
    }
    let memory = MemoryFs::new();
    let taken = take_over(fs, &memory, segments)?;
    let memory: Arc<dyn Fs> = Arc::new(memory);
    let mut log = read_log(&memory, options)?;
    log.report.version1 = Some(taken);
    Ok(log)
}

/// What a directory holds.
enum Found {
    Log(Box<ReadLog>),
    /// A log that is not taken over yet.
    Version1(Vec<Version1Segment>),
}

fn read_found(fs: &Arc<dyn Fs>, options: ReadOptions) -> Result<Found, StoreError> {
    // The checkpoint comes first: one that a writing process replaces meanwhile is newer than the
    // listing, and would say that the log has lost its end.
    let checkpoint = match options.use_checkpoint {
        true => Checkpoint::read(&**fs)?,
        false => None,
    };
    let directory = read_directory(&**fs)?;
    if !directory.version1.is_empty() {
        return Ok(Found::Version1(directory.version1));
    }
    let use_runs = options.use_runs && !directory.runs.is_empty();
    let log = match read_segments(fs, options, &directory, checkpoint.as_ref()) {
        Err(error) if use_runs && !matches!(error, StoreError::Io(_)) => {
            let options = ReadOptions {
                use_runs: false,
                ..options
            };
            read_segments(fs, options, &directory, checkpoint.as_ref())?
        }
        read => read?,
    };
    Ok(Found::Log(Box::new(log)))
}

fn read_segments(
    fs: &Arc<dyn Fs>,
    options: ReadOptions,
    directory: &Directory,
    checkpoint: Option<&Checkpoint>,
) -> Result<ReadLog, StoreError> {
    let mut builder = Builder::new(Arc::clone(fs), options, directory);
    let mut end = None;
    for (at, header) in directory.segments.iter().enumerate() {
        match directory.segments.get(at + 1) {
            Some(successor) => builder.read_sealed(header, successor)?,
            None => end = Some(builder.read_newest(header, checkpoint)?),
        }
    }
    builder.finish(directory, checkpoint, end)
}

/// As [`read_log`], beside a process that may be writing, merging or sealing: what vanished or
/// became shorter under the reading is looked at again.
///
/// # Errors
/// As [`read_log`].
pub fn read_log_beside_writer(
    fs: &Arc<dyn Fs>,
    options: ReadOptions,
) -> Result<ReadLog, StoreError> {
    const TRIES: usize = 16;
    const LISTING_TRIES: usize = 3;
    let mut tries = 1;
    loop {
        match read_log(fs, options) {
            Err(StoreError::Io(error)) if moved_under_reader(&error) && tries < TRIES => tries += 1,
            // A listing of very many files is not taken at one moment.
            Err(StoreError::MissingSegment { .. } | StoreError::ForeignFile { .. })
                if tries < LISTING_TRIES =>
            {
                tries += 1;
            }
            read => return read,
        }
    }
}

/// Returns whether an error is what a reader sees when a writer renames, removes or trims a file.
pub(crate) fn moved_under_reader(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof
    )
}

/// Returns the position of a log without a segment.
pub fn empty_position() -> LogPosition {
    LogPosition {
        segment: SegmentName::first_generation(0),
        last_id: 0,
        offset: 0,
        event_count: 0,
        next_sequence: 0,
        hlc: batpak_log::position::Hlc::default(),
        log_hash: [0; 32],
    }
}

/// Writes the index runs that a log lacks, of about `events_max` events each; for a segment with
/// fewer than `events_min` that are not indexed, none.
///
/// # Errors
/// When a segment cannot be read or a run cannot be written.
pub fn index_log(
    fs: &Arc<dyn Fs>,
    log: &ReadLog,
    (events_min, events_max): (u64, u64),
) -> Result<(), StoreError> {
    let names = read_directory(&**fs)?.runs;
    for (segment, end) in &log.ends {
        let mut runs = load_runs(&**fs, segment, &names)?;
        index_upto(
            log.reader.access(),
            &mut runs,
            *end,
            (events_min, events_max),
        )?;
    }
    Ok(())
}
