//! Reads a log further, group by group, while somebody may be writing it.

use crate::error::StoreError;
use crate::indexing::{Chains, RunsOfSegment};
use crate::reader::Reader;
use crate::recovery::{ReadLog, ReadOptions, moved_under_reader, read_log_beside_writer};
use crate::view::ViewWriter;
use batpak_log::directory::read_directory;
use batpak_log::fs::{Access, File, Fs, read_range};
use batpak_log::log_position::LogPosition;
use batpak_log::poison_mark::PoisonMark;
use batpak_log::segment::{
    GroupReader, Predecessor, SegmentHeader, Step, Stop, TailFacts, judge_tail,
};
use std::io;
use std::sync::Arc;

/// So many bytes, at most, say whether a group was begun.
const BEGUN_BYTES: usize = 8;
/// So many of the latest events say whether a log is still the same.
const LATEST_COMPARED: usize = 64;

/// Knows how far a log has been read.
///
/// 1. It starts at a position that is in the view already.
/// 2. [`skip_to`](Self::skip_to) moves it when groups arrive by message instead.
/// 3. [`catch_up`](Self::catch_up) reads every whole group behind the position, in the segment
///    that holds it and in those that follow.
#[derive(Debug)]
pub struct Follower {
    reader: Arc<Reader>,
    position: LogPosition,
    store_id: Option<[u8; 16]>,
    open: Option<OpenSegment>,
}

#[derive(Debug)]
struct OpenSegment {
    header: Arc<SegmentHeader>,
    file: Arc<dyn File>,
    reader: GroupReader,
}

/// Where what is read goes.
struct Into<'w> {
    writer: &'w mut ViewWriter,
    chains: Chains,
}

/// What the end of the open segment says.
enum End {
    /// There is nothing more yet.
    Here,
    /// The next segment was opened.
    Moved,
    /// The segments were rewritten: the directory must be read again.
    Rewritten,
}

impl Follower {
    /// Starts at a position.
    pub fn new(reader: Arc<Reader>, position: LogPosition, store_id: Option<[u8; 16]>) -> Self {
        Self {
            reader,
            position,
            store_id,
            open: None,
        }
    }

    /// Returns how far the log has been read.
    pub fn position(&self) -> &LogPosition {
        &self.position
    }

    /// Returns the store's id, once a segment was seen.
    pub fn store_id(&self) -> Option<[u8; 16]> {
        self.store_id
    }

    /// Moves to where a group that arrived by message ends.
    pub fn skip_to(&mut self, position: LogPosition) {
        self.position = position;
        self.open = None;
    }

    /// Reads on and inserts what it finds, without making it visible.
    ///
    /// # Errors
    /// What reading a damaged or foreign segment returns; what was read before stays inserted.
    pub fn catch_up(&mut self, writer: &mut ViewWriter) -> Result<(), StoreError> {
        const TRIES: usize = 16;
        let mut tries = 1;
        loop {
            match self.read_on(writer) {
                // Somebody renames, removes or trims a file just now: it is looked at again.
                Err(StoreError::Io(error)) if moved_under_reader(&error) && tries < TRIES => {
                    tries += 1;
                    self.open = None;
                }
                read => return read,
            }
        }
    }

    fn read_on(&mut self, writer: &mut ViewWriter) -> Result<(), StoreError> {
        let mut into = Into {
            chains: Chains::default(),
            writer,
        };
        loop {
            if self.open.is_none() && !self.open_current(&mut into)? {
                return Ok(());
            }
            let bad = self.read_open(None, &mut into)?;
            match self.next_segment(&mut into)? {
                End::Here => return self.judge_end(bad, &mut into),
                End::Moved => {}
                End::Rewritten => return self.read_again(into.writer),
            }
        }
    }

    /// Says whether the place where the log stops being whole is its end for now, or damage.
    ///
    /// Only a place where something was begun is looked at, so that following an idle store costs
    /// next to nothing.
    fn judge_end(&mut self, bad: Option<u64>, into: &mut Into<'_>) -> Result<(), StoreError> {
        let (Some(open), Some(bad)) = (&self.open, bad) else {
            return Ok(());
        };
        // Of the space that is reserved ahead, fewer bytes may be left.
        let left = open.file.len()?.saturating_sub(self.position.offset);
        let looked_at = usize::try_from(left).map_or(BEGUN_BYTES, |left| left.min(BEGUN_BYTES));
        let begun = read_range(&*open.file, self.position.offset, looked_at)?;
        if begun.iter().all(|byte| *byte == 0) {
            return Ok(());
        }
        let fs = self.fs();
        let boot_id = fs.boot_id();
        let facts = TailFacts {
            same_boot: boot_id.is_some_and(|id| id == open.header.boot_id),
            poisoned: PoisonMark::read(fs)?.is_some_and(|mark| mark.speaks_of(&open.header)),
            proven: 0,
        };
        let end = self.position.offset;
        let verdict = judge_tail(&open.file, &open.header, Stop::at(end, bad), facts);
        // What was being written when it was read may be whole by the time that it is judged.
        self.read_open(None, into)?;
        match verdict {
            Err(error) if self.position.offset == end => Err(error.into()),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Reads the open segment up to `limit`, or to its end; returns where a group is not whole.
    fn read_open(
        &mut self,
        limit: Option<u64>,
        into: &mut Into<'_>,
    ) -> Result<Option<u64>, StoreError> {
        let Some(open) = &mut self.open else {
            return Ok(None);
        };
        open.reader.set_limit(match limit {
            Some(limit) => limit,
            None => open.file.len()?,
        });
        loop {
            match open.reader.step()? {
                Step::Group(group) if group.end <= self.position.offset => {}
                Step::Group(group) => {
                    let reader = &self.reader;
                    let entry = |event| into.chains.entry(&open.header, event, reader);
                    let entries = group.events.iter().map(entry);
                    // A group is inserted whole or not at all.
                    for entry in entries.collect::<Result<Vec<_>, _>>()? {
                        into.writer.insert(entry);
                    }
                    self.position.advance(&group);
                }
                // A fence that is open yet is shown once it is committed.
                Step::End | Step::Unfinished(_) => return Ok(None),
                Step::NotWhole { bad, .. } => return Ok(Some(bad)),
            }
        }
    }

    /// Opens the segment that holds the position, or the first one; `false` when there is none.
    fn open_current(&mut self, into: &mut Into<'_>) -> Result<bool, StoreError> {
        if self.position.last_id == 0 {
            return Ok(matches!(self.next_segment(into)?, End::Moved));
        }
        let mut known = self.reader.view().segments().into_iter();
        let opened = match known.find(|header| header.segment == self.position.segment) {
            Some(header) => self.open_file(header, into),
            None => Err(io::Error::from(io::ErrorKind::NotFound).into()),
        };
        match opened {
            Ok(()) => Ok(true),
            Err(StoreError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
                self.read_again(into.writer)?;
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    fn open_file(
        &mut self,
        header: Arc<SegmentHeader>,
        into: &mut Into<'_>,
    ) -> Result<(), StoreError> {
        let file = self.fs().open(&header.segment.file_name(), Access::Read)?;
        let segment = into.writer.add_segment(Arc::clone(&header));
        let runs = RunsOfSegment {
            parts: self.reader.view().indexed_parts(header.segment),
            segment,
        };
        let start = runs.read_start(self.reader.access());
        let reader = GroupReader::resume(Arc::clone(&file), &header, &start, file.len()?);
        self.store_id = Some(header.store_id);
        self.open = Some(OpenSegment {
            header,
            file,
            reader,
        });
        Ok(())
    }

    /// Looks for the segment that follows the position.
    fn next_segment(&mut self, into: &mut Into<'_>) -> Result<End, StoreError> {
        let directory = read_directory(self.fs())?;
        let known = self.reader.view().segments();
        let found = directory.segments.iter().take(known.len());
        if !found.eq(known.iter().map(|header| &**header)) {
            return Ok(End::Rewritten);
        }
        // The view may know a later segment already, from a message whose group was lost.
        let last_id = self.position.last_id;
        let Some(next) = directory
            .segments
            .iter()
            .find(|header| header.segment.id > last_id)
        else {
            return Ok(End::Here);
        };
        if let Some(predecessor) = next.predecessor.filter(|_| last_id > 0) {
            if predecessor.last_id != last_id {
                return Ok(End::Rewritten);
            }
            self.finish_open(&predecessor, into)?;
        }
        let header = Arc::new(next.clone());
        self.open_file(Arc::clone(&header), into)?;
        self.position = LogPosition::at_start_of(&header);
        Ok(End::Moved)
    }

    /// Reads what was written to the open segment between its last reading and its sealing.
    fn finish_open(&mut self, sealed: &Predecessor, into: &mut Into<'_>) -> Result<(), StoreError> {
        if self.position.log_hash == sealed.log_hash {
            return Ok(());
        }
        let bad = self.read_open(Some(sealed.end_offset), into)?;
        if self.position.log_hash == sealed.log_hash {
            return Ok(());
        }
        let segment_id = self.position.segment.id;
        let offset = bad.unwrap_or(self.position.offset);
        Err(StoreError::CrcMismatch { segment_id, offset })
    }

    /// Reads the whole directory again and replaces the view's contents, which must all be there
    /// still.
    fn read_again(&mut self, writer: &mut ViewWriter) -> Result<(), StoreError> {
        let options = ReadOptions {
            use_checkpoint: false,
            use_runs: true,
            in_memory_max: None,
            reader: *self.reader.options(),
        };
        let log = read_log_beside_writer(self.reader.access().fs(), options)?;
        let (shown, found) = (self.position.event_count, log.position.event_count);
        if found < shown {
            let detail = format!("{shown} events were shown, {found} are there");
            return Err(StoreError::Rollback { detail });
        }
        if !self.goes_on_in(&log)? {
            return Err(StoreError::ForeignFile {
                name: log.position.segment.file_name(),
                detail: "it holds another history than the one that was shown".into(),
            });
        }
        writer.replace_with(log.reader.view());
        self.position = log.position;
        self.open = None;
        Ok(())
    }

    /// Returns whether a log goes on where this one stands, as far as what is in memory can tell.
    fn goes_on_in(&self, log: &ReadLog) -> Result<bool, StoreError> {
        if log.position.event_count == self.position.event_count {
            return Ok(log.position.log_hash == self.position.log_hash);
        }
        // Every hash covers what came before it, so the latest of some entities stand for all.
        let view = log.reader.view().snapshot();
        for shown in self.reader.view().latest_in_memory(LATEST_COMPARED) {
            // Also one that was removed since has its place and its hash.
            let found = log.reader.find_stored(&view, shown.event_id)?;
            let same = found.is_some_and(|found| {
                (found.global_sequence, found.hash_chain)
                    == (shown.global_sequence, shown.hash_chain)
            });
            if !same {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn fs(&self) -> &dyn Fs {
        &**self.reader.access().fs()
    }
}
