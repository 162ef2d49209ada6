//! Reads groups and events out of segments.

use super::frame::checked_frame;
use super::group::FramesCrc;
use super::names::Names;
use super::record::Record;
use super::{EventRecord, GroupHeader, ReadStart, SegmentHeader};
use crate::coordinate::Coordinate;
use crate::error::LogError;
use crate::fs::{File, read_range};
use crate::layout::{FRAME_HEADER_LEN, GROUP_HEADER_LEN};
use crate::planted::{Bug, planted};
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
    /// Its events, in commit order.
    pub events: Vec<GroupEvent<'a>>,
    /// Offsets of the frames that define names, in the order of the definitions.
    pub names: Vec<u64>,
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
}

/// Reads a segment's groups one after the other, through a window.
#[derive(Debug)]
pub struct GroupReader {
    file: Arc<dyn File>,
    binding: Binding,
    base_wall_us: u64,
    names: Names,
    position: u64,
    limit: u64,
    window: Vec<u8>,
    window_start: u64,
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
        reader.names.before = start.names_before;
        reader.names.earlier = start.earlier.clone();
        reader
    }

    /// Moves to `offset` to judge what stands there, without the names that were defined before:
    /// its events carry a stand-in.
    pub(crate) fn judge_from(&mut self, offset: u64) {
        self.position = offset;
        self.names.stand_in = Coordinate::new("?", "?").ok();
    }

    /// Returns where the next group starts, in bytes.
    pub fn position(&self) -> u64 {
        self.position
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

    /// Reads the next group.
    ///
    /// # Errors
    /// When the file cannot be read, and `CorruptSegment` for a record whose checksum holds and
    /// which is not understood all the same: no torn write leaves one, so it is never cut off.
    pub fn step(&mut self) -> Result<Step<'_>, LogError> {
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

    fn window(&mut self, offset: u64, length: usize) -> Result<Option<&[u8]>, LogError> {
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

/// Why a group's body is not taken.
enum BadFrame {
    /// A checksum or a length does not hold, as after a torn write.
    NotWhole { bad: u64, detail: &'static str },
    /// The checksum holds, and what it covers is no record that is known here.
    NotUnderstood { at: u64, detail: &'static str },
    /// What it refers to cannot be read.
    Unreadable(LogError),
}

/// What the frames of a group hold.
struct Contents<'a> {
    events: Vec<GroupEvent<'a>>,
    /// Offsets of the frames that define names.
    names: Vec<u64>,
}

/// Cuts a group's body into frames and checks each of them.
struct Frames<'b> {
    binding: &'b Binding,
    base_wall_us: u64,
}

impl Frames<'_> {
    /// Decodes all frames. `names` grows by the group's definitions only when every frame is good.
    fn read<'a>(
        &self,
        body: &'a [u8],
        body_at: u64,
        header: &GroupHeader,
        names: &mut Names,
    ) -> Result<Contents<'a>, BadFrame> {
        let known_names = names.defined.len();
        let result = self.read_frames(body, body_at, header, names);
        if result.is_err() {
            names.defined.truncate(known_names);
        }
        result
    }

    fn read_frames<'a>(
        &self,
        body: &'a [u8],
        body_at: u64,
        header: &GroupHeader,
        names: &mut Names,
    ) -> Result<Contents<'a>, BadFrame> {
        // The count is not believed further than the body could hold so many frames.
        let frames_max = body.len() / FRAME_HEADER_LEN;
        let mut events = Vec::with_capacity(frames_max.min(usize::from(header.event_count)));
        let mut defined = Vec::new();
        let mut frames_crc = FramesCrc::default();
        let mut rest = body;
        while !rest.is_empty() {
            let offset = body_at + (body.len() - rest.len()) as u64;
            let bad = |detail| BadFrame::NotWhole {
                bad: offset,
                detail,
            };
            let unknown = |detail| BadFrame::NotUnderstood { at: offset, detail };
            let frame = match checked_frame(self.binding, rest, offset) {
                Err(_) if planted(Bug::KeepHalfGroup) => {
                    let names = defined;
                    return Ok(Contents { events, names });
                }
                frame => frame.map_err(bad)?,
            };
            frames_crc.add(frame.crc);
            match Record::decode(frame.body, self.base_wall_us).map_err(unknown)? {
                Record::Name(coordinate) => {
                    names.defined.push(coordinate);
                    defined.push(offset);
                }
                Record::Event(record) => {
                    let coordinate = names
                        .get(record.name)
                        .map_err(BadFrame::Unreadable)?
                        .ok_or_else(|| bad("an event's name is not defined"))?;
                    let sequence = header.first_sequence.checked_add(events.len() as u64);
                    events.push(GroupEvent {
                        record,
                        coordinate,
                        sequence: sequence.ok_or_else(|| bad("a sequence is out of range"))?,
                        offset,
                        length: u32::try_from(frame.body.len() + FRAME_HEADER_LEN)
                            .map_err(|_| bad("a frame is too long"))?,
                    });
                }
            }
            rest = frame.rest;
        }
        let not_whole = |detail| BadFrame::NotWhole {
            bad: body_at,
            detail,
        };
        if events.len() != usize::from(header.event_count) {
            return Err(not_whole(
                "a group holds another number of events than its header says",
            ));
        }
        if frames_crc.finish() != header.frames_crc {
            return Err(not_whole(
                "a group's frames are not those that its header sums up",
            ));
        }
        let names = defined;
        Ok(Contents { events, names })
    }
}
