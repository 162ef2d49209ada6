//! The segment that the writer has open.

use super::known::{Head, Recent, Stored};
use super::names::DefinedNames;
use crate::error::StoreError;
use crate::hashing::HashMap;
use crate::indexing::RunsOfSegment;
use crate::protocol::AppendReceipt;
use crate::protocol::roller::PreparedFile;
use crate::reader::Reader;
use crate::recovery::rewrite;
use crate::view::DiskPos;
use batpak_log::coordinate::Coordinate;
use batpak_log::directory::read_directory;
use batpak_log::fs::{Access, File, Fs, write_all_at};
use batpak_log::layout::{FEATURE_FENCES, PREPARED_NAME};
use batpak_log::log_position::LogPosition;
use batpak_log::planted::{Bug, planted};
use batpak_log::recover_segment::{recover_newest, recover_sealed};
use batpak_log::segment::{
    Binding, FenceRecord, Group, GroupBuilder, GroupEvent, Predecessor, Removals, SegmentHeader,
    SegmentName, TailFacts,
};
use std::io;
use std::sync::Arc;

/// Space is reserved in steps that double up to this.
const RESERVE_STEP_MAX: u64 = 16 * 1024 * 1024;

/// So many bytes behind the last group are filled with zeros at once, where that pays.
const FILL_BYTES: u64 = 128 * 1024;

/// A segment that takes groups.
#[derive(Debug)]
pub(super) struct OpenSegment {
    header: Arc<SegmentHeader>,
    binding: Binding,
    file: Arc<dyn File>,
    names: DefinedNames,
    /// The file is at least so long, in bytes.
    reserved: u64,
    /// Everything before this offset was written, be it with zeros.
    filled: u64,
}

/// Why a switch to a new segment came to nothing.
pub(super) enum SwitchFailed {
    /// The prepared file could not be completed; the log is as it was.
    NotBegun(StoreError),
    /// The directory may or may not name the new segment.
    InDoubt(io::Error),
}

impl OpenSegment {
    /// Turns a prepared file into the segment that follows `position`.
    ///
    /// The header is durable before the file gets its name, and the name before any group is
    /// written, so a crash leaves either no new segment or a whole empty one.
    pub(super) fn switch(
        fs: &dyn Fs,
        prepared: &PreparedFile,
        store_id: [u8; 16],
        position: &LogPosition,
    ) -> Result<Self, SwitchFailed> {
        let follows = position.last_id > 0;
        let segment = SegmentName::first_generation(position.last_id + 1);
        let header = SegmentHeader {
            store_id,
            segment,
            last_id: segment.id,
            first_sequence: position.next_sequence,
            boot_id: fs.boot_id().unwrap_or_default(),
            hlc: position.hlc,
            events_before: position.event_count,
            predecessor: follows.then(|| position.as_predecessor()),
            replaced: Vec::new(),
            removals: Removals::default(),
            required_features: FEATURE_FENCES,
            optional_features: 0,
        };
        let begin = || -> io::Result<()> {
            write_all_at(&*prepared.file, &header.encode(), 0)?;
            if planted(Bug::SkipHeaderSync) {
                return Ok(());
            }
            prepared.file.sync_all()
        };
        begin().map_err(|error| SwitchFailed::NotBegun(error.into()))?;
        fs.rename(PREPARED_NAME, &segment.file_name())
            .and_then(|()| match planted(Bug::SkipDirectorySync) {
                true => Ok(()),
                false => fs.sync_directory(""),
            })
            .map_err(SwitchFailed::InDoubt)?;
        Ok(Self::new(
            Arc::new(header),
            Arc::clone(&prepared.file),
            prepared.reserved,
        ))
    }

    fn new(header: Arc<SegmentHeader>, file: Arc<dyn File>, reserved: u64) -> Self {
        let binding = header.binding();
        Self {
            header,
            binding,
            file,
            names: DefinedNames::default(),
            reserved,
            filled: 0,
        }
    }

    pub(super) fn header(&self) -> &Arc<SegmentHeader> {
        &self.header
    }

    pub(super) fn binding(&self) -> &Binding {
        &self.binding
    }

    pub(super) fn file(&self) -> &Arc<dyn File> {
        &self.file
    }

    pub(super) fn name(&self, coordinate: &Coordinate) -> Option<u32> {
        self.names.get(coordinate)
    }

    pub(super) fn name_count(&self) -> usize {
        self.names.count()
    }

    /// Remembers the names that a written group has defined.
    pub(super) fn define(&mut self, names: &mut HashMap<Coordinate, u32>) {
        self.names.define(names);
    }

    /// Writes a group at `offset` with one call, or cuts the file back to where it was.
    ///
    /// # Errors
    /// The outer error when the file could not be cut back, the inner one when nothing was
    /// written.
    pub(super) fn write(
        &mut self,
        bytes: &[u8],
        offset: u64,
        limit: u64,
    ) -> io::Result<Result<(), io::Error>> {
        self.reserve(offset + bytes.len() as u64, limit);
        match write_all_at(&*self.file, bytes, offset) {
            Ok(()) => Ok(Ok(())),
            Err(error) if planted(Bug::LeaveFailedWrite) => Ok(Err(error)),
            Err(error) => {
                self.truncate(offset)?;
                Ok(Err(error))
            }
        }
    }

    /// Cuts the file at `offset`, where it had defined so many names.
    ///
    /// # Errors
    /// When the file could not be cut.
    pub(super) fn cut_to(&mut self, offset: u64, names: usize) -> io::Result<()> {
        self.truncate(offset)?;
        self.names.go_back(names);
        Ok(())
    }

    fn truncate(&mut self, offset: u64) -> io::Result<()> {
        self.file.truncate(offset)?;
        self.reserved = offset;
        self.filled = self.filled.min(offset);
        Ok(())
    }

    /// Writes zeros behind the last group, which ends at `end`, before a sync that someone waits
    /// for: space that is only reserved costs a change of the file system's own records in the sync
    /// after its first write, and that takes as long as the data. Only a hint, as reserving is.
    pub(super) fn fill_ahead(&mut self, end: u64) {
        if end <= self.filled {
            return;
        }
        let from = end - u64::from(planted(Bug::FillOverGroup));
        let target = end.saturating_add(FILL_BYTES).min(self.reserved);
        let zeros = vec![0; usize::try_from(target.saturating_sub(from)).unwrap_or(0)];
        if write_all_at(&*self.file, &zeros, from).is_ok() {
            self.filled = target;
        }
    }

    /// Reserves space ahead, because syncing bytes in reserved space costs half of one that makes
    /// the file grow. Only a hint: the write that follows says whether there is space.
    fn reserve(&mut self, end: u64, limit: u64) {
        if end <= self.reserved {
            return;
        }
        let step = self
            .reserved
            .clamp(1, RESERVE_STEP_MAX)
            .min(limit.saturating_sub(self.reserved));
        let target = end.max(self.reserved + step);
        if self
            .file
            .allocate(self.reserved, target - self.reserved)
            .is_ok()
        {
            self.reserved = target;
        }
    }
}

/// What a restarted writer finds on disk.
#[derive(Debug)]
pub(super) struct Reopened {
    /// The segment that was open, cut back to its last whole group; `None` when nothing was
    /// written since the store was opened.
    pub(super) segment: Option<OpenSegment>,
    pub(super) position: LogPosition,
    /// What the log holds and readers may not see yet.
    pub(super) recent: Recent,
    /// Readers see everything below this sequence.
    visible: u64,
}

/// Reads where the log ends after a crash of the writer. `start` is where it ended when the store
/// was opened; readers see everything below `visible`.
///
/// # Errors
/// `Io` when something cannot be read or written now, `CrcMismatch` or `CorruptSegment` when what
/// was written is damaged or gone: then nothing was touched.
pub(super) fn reopen(
    reader: &Reader,
    start: &LogPosition,
    visible: u64,
) -> Result<Reopened, StoreError> {
    let fs = reader.access().fs();
    // A name that the crash kept from being made durable is made so before anything rests on it.
    fs.sync_directory("")?;
    let segments = read_directory(&**fs)?.segments;
    let mut found = Reopened {
        visible,
        ..Reopened::untouched(start)
    };
    for (at, header) in segments.iter().enumerate() {
        let successor = segments.get(at + 1);
        let seen = successor.is_some_and(|successor| successor.first_sequence <= visible);
        if header.segment.id > start.last_id && !seen {
            let runs = reader.view().runs_of(header);
            match successor.and_then(|successor| successor.predecessor) {
                Some(sealed) => found.read_sealed(reader, &runs, &sealed)?,
                None => found.read_newest(reader, runs)?,
            }
        }
    }
    Ok(found)
}

impl Reopened {
    /// Returns a log to which nothing was written yet.
    pub(super) fn untouched(start: &LogPosition) -> Self {
        Self {
            segment: None,
            position: *start,
            recent: Recent::default(),
            visible: 0,
        }
    }

    fn read_sealed(
        &mut self,
        reader: &Reader,
        runs: &RunsOfSegment,
        sealed: &Predecessor,
    ) -> Result<(), StoreError> {
        let header = &runs.segment.header;
        let fs = reader.access().fs();
        let file = fs.open(&header.segment.file_name(), Access::Read)?;
        let start = runs.read_start(reader.access());
        self.position = recover_sealed(&file, header, sealed, &start, &mut |header, group| {
            self.recent.remember(header, group, self.visible);
        })?;
        Ok(())
    }

    /// Reads the open segment, cuts an unfinished group away and makes the rest durable.
    fn read_newest(&mut self, reader: &Reader, mut runs: RunsOfSegment) -> Result<(), StoreError> {
        let header = Arc::clone(&runs.segment.header);
        let fs = reader.access().fs();
        let file = fs.open(&header.segment.file_name(), Access::ReadWrite)?;
        runs.drop_what_is_not_there(&file)?;
        // The machine has not been restarted under a running process, so a broken group before a
        // whole one is damage.
        let facts = TailFacts {
            same_boot: true,
            proven: runs.proven(),
            ..TailFacts::default()
        };
        let start = runs.read_start(reader.access());
        let mut name_count = runs.name_count() as usize;
        let end = recover_newest(&file, &header, facts, &start, &mut |header, group| {
            name_count += group.names.len();
            self.recent.remember(header, group, self.visible);
        })?;
        self.position = end.position;
        // Readers may know of sequences that a cancelled fence has used; those are not looked for.
        let seen = reader.view().snapshot().lists.end_sequence(self.visible);
        if end.position.next_sequence < seen {
            let detail = "it is shorter than what readers saw";
            return Err(StoreError::corrupt(header.segment.id, detail));
        }
        let fence = end.unfinished;
        let whole = fence.map_or(self.position.offset, |fence| fence.end);
        file.truncate(whole)?;
        let proven = end.proven.max(header.encoded_len());
        if !planted(Bug::TrustPageCacheAtRestart) {
            rewrite(&*file, proven, whole)?;
        }
        self.position.next_sequence = end.next_sequence.max(self.visible);
        if let Some(fence) = fence {
            name_count += fence.names as usize;
            self.position.offset = whole;
            let record = FenceRecord::Cancel(fence.number);
            let record = record_group(&header, record, &self.position, (proven, Vec::new()));
            write_all_at(&*file, &record, whole)?;
            self.position.offset += record.len() as u64;
        }
        file.sync_all()?;
        let mut segment = OpenSegment::new(header, file, self.position.offset);
        segment.names = DefinedNames::behind(name_count);
        self.segment = Some(segment);
        Ok(())
    }
}

/// Returns a group of nothing but a fence's record, to stand at `position`; `buffer` is taken for
/// its room.
pub(super) fn record_group(
    header: &SegmentHeader,
    record: FenceRecord,
    position: &LogPosition,
    (proven, buffer): (u64, Vec<u8>),
) -> Vec<u8> {
    let wall_us = header.hlc.wall_us;
    let mut group = GroupBuilder::start(header.binding(), wall_us, position.offset, buffer);
    group.push_fence(record);
    group.finish(position.next_sequence, proven)
}

impl Recent {
    /// Takes up the events of a group that readers do not see yet.
    fn remember(&mut self, header: &SegmentHeader, group: &Group<'_>, visible: u64) {
        let events = group.events.iter();
        for event in events.filter(|event| event.sequence >= visible) {
            if !planted(Bug::RestartForgets) {
                self.remember_event(header, event);
            }
        }
    }

    fn remember_event(&mut self, header: &SegmentHeader, event: &GroupEvent<'_>) {
        let record = &event.record;
        let head = Head {
            clock: record.clock,
            event_hash: record.event_hash,
        };
        self.heads.insert(event.coordinate.entity_arc(), head);
        if record.keyed {
            let disk_pos = DiskPos {
                segment_id: header.segment.id,
                offset: event.offset,
                length: event.length,
            };
            let receipt = AppendReceipt {
                event_id: record.event_id,
                sequence: event.sequence,
                disk_pos,
                clock: record.clock,
                replay: None,
            };
            let stored = Stored {
                receipt,
                coordinate: event.coordinate.clone(),
                kind: record.kind,
                payload_hash: record.payload_hash(),
            };
            self.keys.insert(record.event_id, stored);
        }
    }
}
