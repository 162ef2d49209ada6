//! Reads a store's log when it is opened, and mends what a crash left.
//!
//! [`read_log`] only reads, and every opening goes through it: for writing, read-only, and the
//! check that changes nothing. [`mend`] is what an opening for writing does about what was found.

use crate::error::StoreError;
use crate::indexing::Chains;
use crate::view::{ReadView, ViewWriter};
use batpak_log::checkpoint::Checkpoint;
use batpak_log::directory::{Directory, read_directory};
use batpak_log::error::LogError;
use batpak_log::fs::{Access, File, Fs, read_range, remove_if_there, write_all_at};
use batpak_log::layout::{PREPARED_NAME, RECOVERED_DIRECTORY, RECOVERED_KEPT, SEQUENCE_SKIP};
use batpak_log::log_position::LogPosition;
use batpak_log::planted::{Bug, planted};
use batpak_log::poison_mark::PoisonMark;
use batpak_log::recover_segment::{NewestEnd, check_successor, recover_newest, recover_sealed};
use batpak_log::segment::{Group, ReadStart, SegmentHeader, SegmentName, TailFacts, encode_footer};
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
}

/// A log as it was read.
#[derive(Debug)]
pub struct ReadLog {
    /// All its events, visible.
    pub view: Arc<ReadView>,
    /// Its newest segment; `None` for an empty store.
    pub newest: Option<Arc<SegmentHeader>>,
    /// Its end.
    pub position: LogPosition,
    /// What was found, and what [`mend`] will do about it.
    pub report: RecoveryReport,
    replaced: Vec<SegmentName>,
    end: Option<NewestEnd>,
}

/// Reads a whole log and judges it. Writes nothing.
///
/// # Errors
/// The typed refusals: `CrcMismatch`, `CorruptSegment`, `MissingSegment`, `ForeignFile`,
/// `Rollback`, `FutureVersion`; `Io` when a file cannot be read.
pub fn read_log(fs: &Arc<dyn Fs>, use_checkpoint: bool) -> Result<ReadLog, StoreError> {
    // The checkpoint comes first: one that a writing process replaces meanwhile is newer than the
    // listing, and would say that the log has lost its end.
    let checkpoint = match use_checkpoint {
        true => Checkpoint::read(&**fs)?,
        false => None,
    };
    let directory = read_directory(&**fs)?;
    let mut builder = Builder::new(Arc::clone(fs));
    let mut end = None;
    for (at, header) in directory.segments.iter().enumerate() {
        match directory.segments.get(at + 1) {
            Some(successor) => builder.read_sealed(header, successor)?,
            None => end = Some(builder.read_newest(header, checkpoint.as_ref())?),
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
    use_checkpoint: bool,
) -> Result<ReadLog, StoreError> {
    const TRIES: usize = 16;
    const LISTING_TRIES: usize = 3;
    let mut tries = 1;
    loop {
        match read_log(fs, use_checkpoint) {
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

struct Builder {
    fs: Arc<dyn Fs>,
    writer: ViewWriter,
    chains: Chains,
    position: LogPosition,
    poisoned: bool,
}

impl Builder {
    fn new(fs: Arc<dyn Fs>) -> Self {
        Self {
            fs,
            writer: ViewWriter::resume(Arc::new(ReadView::default())),
            chains: Chains::default(),
            position: empty_position(),
            poisoned: false,
        }
    }

    fn open(&mut self, header: &SegmentHeader) -> Result<Arc<dyn File>, StoreError> {
        self.writer.add_segment(Arc::new(header.clone()));
        Ok(self.fs.open(&header.segment.file_name(), Access::Read)?)
    }

    fn read_sealed(
        &mut self,
        header: &SegmentHeader,
        successor: &SegmentHeader,
    ) -> Result<(), StoreError> {
        let Some(predecessor) = successor.predecessor else {
            return Ok(());
        };
        let file = self.open(header)?;
        let (writer, chains) = (&mut self.writer, &mut self.chains);
        let mut index = |header: &SegmentHeader, group: &Group<'_>| {
            index_group(writer, chains, header, group);
        };
        self.position = recover_sealed(
            &file,
            header,
            &predecessor,
            &ReadStart::of(header),
            &mut index,
        )?;
        check_successor(&self.position, successor)?;
        Ok(())
    }

    fn read_newest(
        &mut self,
        header: &SegmentHeader,
        checkpoint: Option<&Checkpoint>,
    ) -> Result<NewestEnd, StoreError> {
        let file = self.open(header)?;
        let boot_id = self.fs.boot_id();
        self.poisoned = PoisonMark::read(&*self.fs)?.is_some_and(|mark| mark.speaks_of(header));
        let facts = TailFacts {
            same_boot: boot_id.is_some_and(|id| id == header.boot_id),
            poisoned: self.poisoned,
            proven: proven_by(checkpoint, header),
        };
        let (writer, chains) = (&mut self.writer, &mut self.chains);
        let mut index = |header: &SegmentHeader, group: &Group<'_>| {
            index_group(writer, chains, header, group);
        };
        let end = recover_newest(&file, header, facts, &ReadStart::of(header), &mut index)?;
        self.position = end.position;
        self.position.next_sequence = end.next_sequence;
        Ok(end)
    }

    fn finish(
        mut self,
        directory: Directory,
        checkpoint: Option<Checkpoint>,
        end: Option<NewestEnd>,
    ) -> Result<ReadLog, StoreError> {
        let newest = directory.segments.last().cloned().map(Arc::new);
        check_rollback(&self.position, newest.as_deref(), checkpoint.as_ref())?;
        let mut report = RecoveryReport {
            kept_aside: list_aside(&*self.fs)?,
            removed_segments: directory
                .replaced
                .iter()
                .map(|name| name.file_name())
                .collect(),
            ..RecoveryReport::default()
        };
        if let (Some(header), Some(end)) = (&newest, &end)
            && !end.clean
        {
            report.unclean = true;
            report.rebooted = self.fs.boot_id().is_none_or(|id| id != header.boot_id);
            report.truncated_bytes = end
                .tail
                .torn
                .as_ref()
                .map_or(0, |torn| torn.end - torn.start);
            if report.rebooted || self.poisoned || report.truncated_bytes > 0 {
                report.skipped_sequences = match planted(Bug::ReuseSequence) {
                    true => 0,
                    false => SEQUENCE_SKIP,
                };
            }
        }
        self.writer.publish(self.position.next_sequence);
        Ok(ReadLog {
            view: Arc::clone(self.writer.view()),
            newest,
            position: self.position,
            report,
            replaced: directory.replaced,
            end,
        })
    }
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

fn index_group(
    writer: &mut ViewWriter,
    chains: &mut Chains,
    header: &SegmentHeader,
    group: &Group<'_>,
) {
    for event in &group.events {
        writer.insert(chains.entry(header, event, None));
    }
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

/// Leaves the newest segment trimmed, durable and marked clean, and removes what is left over.
///
/// The unproven bytes are written again before they are synced: after a sync that failed in an
/// earlier process, the page cache may hold as clean what the disk never got.
///
/// # Errors
/// `Io` or `StorageFull`; everything can be done again by the next opening.
pub fn mend(fs: &Arc<dyn Fs>, log: &mut ReadLog) -> Result<(), StoreError> {
    let next_sequence = log.position.next_sequence;
    log.position.next_sequence = next_sequence.saturating_add(log.report.skipped_sequences);
    if !log.replaced.is_empty() {
        // The merged segment's name may not be durable yet, and its sources are all there is.
        fs.sync_directory("")?;
    }
    for name in &log.replaced {
        fs.remove(&name.file_name())?;
    }
    if !log.replaced.is_empty() {
        fs.sync_directory("")?;
    }
    remove_if_there(&**fs, PREPARED_NAME)?;
    let (Some(header), Some(end)) = (&log.newest, &log.end) else {
        return Ok(());
    };
    if end.clean {
        // A crash may have kept the mending opening from taking back the mark that it answered.
        return Ok(PoisonMark::remove(&**fs)?);
    }
    let file = fs.open(&header.segment.file_name(), Access::ReadWrite)?;
    if let Some(torn) = &end.tail.torn {
        let bytes = read_range(&*file, torn.start, usize_of(torn.end - torn.start))?;
        if planted(Bug::HideRepair) {
            log.report.truncated_bytes = 0;
        }
        log.report.set_aside = Some(set_aside(&**fs, header.segment, torn.start, &bytes)?);
        log.report.kept_aside = list_aside(&**fs)?;
    }
    let proven = end.proven.max(header.encoded_len());
    if !planted(Bug::TrustPageCache) {
        rewrite(&*file, proven, end.position.offset)?;
    }
    if planted(Bug::LeaveTornTail) {
        return Ok(());
    }
    file.truncate(log.position.offset)?;
    let footer = encode_footer(&header.binding(), &log.position.as_trailer(true));
    file.sync_all()?;
    write_all_at(&*file, &footer, log.position.offset)?;
    file.sync_all()?;
    fs.sync_directory("")?;
    PoisonMark::remove(&**fs)?;
    Ok(())
}

/// Writes bytes again where they stand, so that the next sync really writes them: after a failed
/// sync the page cache may hold as clean what the disk never got.
pub(crate) fn rewrite(file: &dyn File, from: u64, to: u64) -> io::Result<()> {
    const SLICE: u64 = 4 * 1024 * 1024;
    let mut at = from;
    while at < to {
        let length = SLICE.min(to - at);
        let bytes = read_range(file, at, usize_of(length))?;
        write_all_at(file, &bytes, at)?;
        at += length;
    }
    Ok(())
}

/// Keeps dropped bytes as evidence; only the newest few are kept.
fn set_aside(
    fs: &dyn Fs,
    segment: SegmentName,
    offset: u64,
    bytes: &[u8],
) -> Result<String, StoreError> {
    fs.create_directory(RECOVERED_DIRECTORY)?;
    fs.sync_directory("")?;
    let kept = list_aside(fs)?;
    let number = kept.last().and_then(|name| aside_number(name)).unwrap_or(0) + 1;
    let name = format!(
        "{RECOVERED_DIRECTORY}/{number:06}-{:06}-{offset}.torn",
        segment.id
    );
    batpak_log::fs::create_atomically(fs, &name, bytes)?;
    let excess = (kept.len() + 1).saturating_sub(RECOVERED_KEPT);
    for name in kept.iter().take(excess) {
        fs.remove(name)?;
    }
    Ok(name)
}

fn list_aside(fs: &dyn Fs) -> Result<Vec<String>, StoreError> {
    match fs.list(RECOVERED_DIRECTORY) {
        Ok(names) => Ok(names
            .into_iter()
            .filter(|name| name.ends_with(".torn"))
            .map(|name| format!("{RECOVERED_DIRECTORY}/{name}"))
            .collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

fn aside_number(name: &str) -> Option<u64> {
    let (_, file_name) = name.split_once('/')?;
    file_name.split_once('-')?.0.parse().ok()
}

fn usize_of(length: u64) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}
