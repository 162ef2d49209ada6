//! The segment that the writer has open.

use super::known::{Head, Recent, Stored};
use crate::error::StoreError;
use crate::hashing::HashMap;
use crate::protocol::AppendReceipt;
use crate::protocol::roller::PreparedFile;
use crate::recovery::rewrite;
use crate::view::DiskPos;
use batpak_log::coordinate::Coordinate;
use batpak_log::directory::read_directory;
use batpak_log::event::hash::payload_hash;
use batpak_log::fs::{Access, File, Fs, write_all_at};
use batpak_log::layout::PREPARED_NAME;
use batpak_log::log_position::LogPosition;
use batpak_log::planted::{Bug, planted};
use batpak_log::recover_segment::{recover_newest, recover_sealed};
use batpak_log::segment::{
    Binding, GroupEvent, Predecessor, ReadStart, SegmentHeader, SegmentName, TailFacts,
};
use std::io;
use std::sync::Arc;

/// Space is reserved in steps that double up to this.
const RESERVE_STEP_MAX: u64 = 16 * 1024 * 1024;

/// A segment that takes groups.
#[derive(Debug)]
pub(super) struct OpenSegment {
    header: Arc<SegmentHeader>,
    binding: Binding,
    file: Arc<dyn File>,
    names: HashMap<Coordinate, u32>,
    /// The file is at least so long, in bytes.
    reserved: u64,
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
            names: HashMap::default(),
            reserved,
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
        self.names.get(coordinate).copied()
    }

    pub(super) fn name_count(&self) -> usize {
        self.names.len()
    }

    /// Remembers the names that a written group has defined.
    pub(super) fn define(&mut self, names: &mut HashMap<Coordinate, u32>) {
        self.names.extend(names.drain());
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
                self.file.truncate(offset)?;
                self.reserved = offset;
                Ok(Err(error))
            }
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
}

/// Reads where the log ends after a crash of the writer. `start` is where it ended when the store
/// was opened; readers see everything below `visible`.
///
/// # Errors
/// `Io` when something cannot be read or written now, `CrcMismatch` or `CorruptSegment` when what
/// was written is damaged or gone: then nothing was touched.
pub(super) fn reopen(
    fs: &Arc<dyn Fs>,
    start: &LogPosition,
    visible: u64,
) -> Result<Reopened, StoreError> {
    // A name that the crash kept from being made durable is made so before anything rests on it.
    fs.sync_directory("")?;
    let segments = read_directory(&**fs)?.segments;
    let mut found = Reopened::untouched(start);
    for (at, header) in segments.iter().enumerate() {
        let successor = segments.get(at + 1);
        let seen = successor.is_some_and(|successor| successor.first_sequence <= visible);
        if header.segment.id > start.last_id && !seen {
            match successor.and_then(|successor| successor.predecessor) {
                Some(sealed) => found.read_sealed(fs, header, &sealed)?,
                None => found.read_newest(fs, header, visible)?,
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
        }
    }

    fn read_sealed(
        &mut self,
        fs: &Arc<dyn Fs>,
        header: &SegmentHeader,
        sealed: &Predecessor,
    ) -> Result<(), StoreError> {
        let file = fs.open(&header.segment.file_name(), Access::Read)?;
        self.position = recover_sealed(
            &file,
            header,
            sealed,
            &ReadStart::of(header),
            &mut |header, group| {
                for event in &group.events {
                    self.recent.remember(header, event);
                }
            },
        )?;
        Ok(())
    }

    /// Reads the open segment, cuts an unfinished group away and makes the rest durable.
    fn read_newest(
        &mut self,
        fs: &Arc<dyn Fs>,
        header: &SegmentHeader,
        visible: u64,
    ) -> Result<(), StoreError> {
        let file = fs.open(&header.segment.file_name(), Access::ReadWrite)?;
        let mut names = HashMap::default();
        // The machine has not been restarted under a running process, so a broken group before a
        // whole one is damage.
        let facts = TailFacts {
            same_boot: true,
            ..TailFacts::default()
        };
        let end = recover_newest(
            &file,
            header,
            facts,
            &ReadStart::of(header),
            &mut |header, group| {
                for event in &group.events {
                    names.insert(event.coordinate.clone(), event.record.name);
                    self.recent.remember(header, event);
                }
            },
        )?;
        self.position = end.position;
        if self.position.next_sequence < visible {
            let detail = "it is shorter than what readers saw";
            return Err(StoreError::corrupt(header.segment.id, detail));
        }
        file.truncate(self.position.offset)?;
        if !planted(Bug::TrustPageCacheAtRestart) {
            let proven = end.proven.max(header.encoded_len());
            rewrite(&*file, proven, self.position.offset)?;
        }
        file.sync_all()?;
        let header = Arc::new(header.clone());
        let mut segment = OpenSegment::new(header, file, self.position.offset);
        segment.names = names;
        self.segment = Some(segment);
        Ok(())
    }
}

impl Recent {
    /// Takes up an event that readers may not see yet.
    fn remember(&mut self, header: &SegmentHeader, event: &GroupEvent<'_>) {
        if planted(Bug::RestartForgets) {
            return;
        }
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
                payload_hash: payload_hash(record.payload),
            };
            self.keys.insert(record.event_id, stored);
        }
    }
}
