//! Reads groups and events out of segments.

use super::fence::UnfinishedFence;
use super::fence_record::FenceRecord;
use super::frames::{BadFrame, Frames};
use super::names::Names;
use super::{EventRecord, GroupHeader, ReadStart, SegmentHeader};
use crate::coordinate::Coordinate;
use crate::error::LogError;
use crate::fs::{File, read_range};
use crate::layout::GROUP_HEADER_LEN;
use crate::segment::Binding;
use std::ops::Range;
use std::sync::Arc;

/// How much is read at once, so that a scan costs few system calls.
const WINDOW_BYTES: usize = 1024 * 1024;

/// An event of a group, with its name resolved and its sequence known.
#[derive(Clone, Debug)]
pub struct GroupEvent<'a> {
    /// The event's fields.
    pub record: EventRecord<'a>,
    /// Its entity and scope.
    pub coordinate: Coordinate,
    /// Its global sequence.
    pub sequence: u64,
    /// Offset of its frame in the segment, in bytes.
    pub offset: u64,
    /// Length of its frame with its header, in bytes.
    pub length: u32,
}

/// A whole group: every checksum in it held.
#[derive(Clone, Debug)]
pub struct Group<'a> {
    /// Where it starts, in bytes.
    pub offset: u64,
    /// Where the next one starts, in bytes.
    pub end: u64,
    /// Its header.
    pub header: GroupHeader,
    /// What it is to a visibility fence.
    pub fence: Option<FenceRecord>,
    /// Its events, in commit order.
    pub events: Vec<GroupEvent<'a>>,
    /// Offsets of the frames that define names, in the order of the definitions.
    pub names: Vec<u64>,
}

impl Group<'_> {
    /// Returns the sequence that follows its events.
    pub fn next_sequence(&self) -> u64 {
        self.header
            .first_sequence
            .saturating_add(self.events.len() as u64)
    }
}

/// What stands at a reader's position.
#[derive(Debug)]
pub enum Step<'a> {
    /// A whole group; the reader now stands behind it.
    Group(Group<'a>),
    /// The end of what the reader was to read.
    End,
    /// Something that is not a whole group; the reader stays before it.
    NotWhole {
        /// Where it starts, in bytes.
        offset: u64,
        /// Where the first bad byte range starts: the group itself or one of its frames.
        bad: u64,
        /// What is wrong.
        detail: &'static str,
    },
    /// A visibility fence that was not committed; the reader stays before it.
    Unfinished(UnfinishedFence),
}

/// Reads a segment's groups one after the other, through a window.
#[derive(Debug)]
pub struct GroupReader {
    file: Arc<dyn File>,
    binding: Binding,
    base_wall_us: u64,
    names: Names,
    pub(super) position: u64,
    limit: u64,
    window: Vec<u8>,
    window_start: u64,
    /// Where the reading began, in bytes: behind a part of a fence, perhaps.
    pub(super) began: u64,
    /// Up to here no group belongs to a fence that was not committed, in bytes.
    pub(super) committed: u64,
}

impl GroupReader {
    /// Starts behind the header; reads up to `limit`, an offset in bytes.
    pub fn new(file: Arc<dyn File>, header: &SegmentHeader, limit: u64) -> Self {
        Self {
            file,
            binding: header.binding(),
            base_wall_us: header.hlc.wall_us,
            names: Names::default(),
            position: header.encoded_len(),
            limit,
            window: Vec::new(),
            window_start: 0,
            began: header.encoded_len(),
            committed: 0,
        }
    }

    /// Starts behind what was read before.
    pub fn resume(
        file: Arc<dyn File>,
        header: &SegmentHeader,
        start: &ReadStart,
        limit: u64,
    ) -> Self {
        let mut reader = Self::new(file, header, limit);
        reader.position = start.position.offset;
        reader.began = reader.position;
        reader.names.before = start.names_before;
        reader.names.earlier = start.earlier.clone();
        reader
    }

    /// Moves to `offset` to judge what stands there, without the names that were defined before:
    /// its events carry a stand-in, and whether a fence was committed is not asked.
    pub(crate) fn judge_from(&mut self, offset: u64) {
        self.position = offset;
        self.committed = u64::MAX;
        self.names.stand_in = Coordinate::new("?", "?").ok();
    }

    /// Takes every fence that begins below an offset for committed: whoever asks knows it.
    pub fn believe_up_to(&mut self, offset: u64) {
        self.committed = offset;
    }

    /// Returns where the next group starts, in bytes.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Moves back to where it was, with so many names.
    pub(super) fn go_back(&mut self, position: u64, names: u32) {
        self.position = position;
        let since = names.saturating_sub(self.names.before);
        self.names.defined.truncate(since as usize);
    }

    /// Returns the names that the segment has defined since the reading began.
    pub fn names(&self) -> &[Coordinate] {
        &self.names.defined
    }

    /// Returns how many names the segment has defined so far.
    pub fn name_count(&self) -> u32 {
        self.names.count()
    }

    /// Returns what the reader's checksums are bound to.
    pub fn binding(&self) -> &Binding {
        &self.binding
    }

    /// Moves the limit, forgetting what was read ahead: the file may have grown or been mended.
    pub fn set_limit(&mut self, limit: u64) {
        self.limit = limit;
        self.window.clear();
    }

    /// Reads the next group; one of a visibility fence only when the fence was committed.
    ///
    /// # Errors
    /// When the file cannot be read, and `CorruptSegment` for a record whose checksum holds and
    /// which is not understood all the same: no torn write leaves one, so it is never cut off.
    pub fn step(&mut self) -> Result<Step<'_>, LogError> {
        match self.is_fenced()? {
            true => match self.look_for_commit()? {
                None => self.whole_group(),
                Some(step) => Ok(step),
            },
            false => self.whole_group(),
        }
    }

    /// Reads the next group, whatever it is to a fence.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    pub(super) fn whole_group(&mut self) -> Result<Step<'_>, LogError> {
        let offset = self.position;
        if offset >= self.limit {
            return Ok(Step::End);
        }
        let not_whole = |detail| {
            Ok(Step::NotWhole {
                offset,
                bad: offset,
                detail,
            })
        };
        let Some(header_bytes) = self.window(offset, GROUP_HEADER_LEN)? else {
            return not_whole("a group's header is cut off");
        };
        let header_bytes = header_bytes.to_vec();
        let Some(header) = GroupHeader::decode(&header_bytes, &self.binding, offset) else {
            return not_whole("a group's header fails its checksum");
        };
        let body_at = offset + GROUP_HEADER_LEN as u64;
        let body_len = header.body_len as usize;
        let Some(range) = self.fill(body_at, body_len)? else {
            return not_whole("a group is cut off");
        };
        let body = self.window.get(range).unwrap_or_default();
        let frames = Frames {
            binding: &self.binding,
            base_wall_us: self.base_wall_us,
        };
        match frames.read(body, body_at, &header, &mut self.names) {
            Ok(read) => {
                let end = body_at + body_len as u64;
                self.position = end;
                Ok(Step::Group(Group {
                    offset,
                    end,
                    header,
                    fence: read.fence,
                    events: read.events,
                    names: read.names,
                }))
            }
            Err(BadFrame::NotWhole { bad, detail }) => Ok(Step::NotWhole {
                offset,
                bad,
                detail,
            }),
            Err(BadFrame::NotUnderstood { at, detail }) => {
                let detail = format!("{detail}, at byte {at}, although its checksum holds");
                Err(LogError::corrupt(self.binding.segment().id, detail))
            }
            Err(BadFrame::Unreadable(error)) => Err(error),
        }
    }

    pub(super) fn window(&mut self, offset: u64, length: usize) -> Result<Option<&[u8]>, LogError> {
        Ok(self
            .fill(offset, length)?
            .and_then(|range| self.window.get(range)))
    }

    /// Makes `length` bytes at `offset` part of the window; `None` when the limit cuts them off.
    fn fill(&mut self, offset: u64, length: usize) -> Result<Option<Range<usize>>, LogError> {
        let end = offset.saturating_add(length as u64);
        if end > self.limit {
            return Ok(None);
        }
        let window_end = self.window_start + self.window.len() as u64;
        if offset < self.window_start || end > window_end {
            let ahead = usize::try_from(self.limit - offset).unwrap_or(usize::MAX);
            self.window = read_range(&*self.file, offset, length.max(WINDOW_BYTES.min(ahead)))?;
            self.window_start = offset;
        }
        let start = usize::try_from(offset - self.window_start).unwrap_or(usize::MAX);
        Ok((self.window.len() >= start + length).then_some(start..start + length))
    }
}
