//! Commit groups: what one write puts on disk, whole or not at all.

use super::Binding;
use super::fence_record::{FenceRecord, encode_fence};
use super::record::{EventRecord, encode_event, encode_name};
use crate::bytes::{Fields, put_u32};
use crate::coordinate::Coordinate;
use crate::layout::{
    FRAME_HEADER_LEN, GROUP_BODY_MAX, GROUP_CRC_AT, GROUP_CRC_END, GROUP_EVENTS_MAX,
    GROUP_HEADER_LEN, GROUP_KIND_RECORDS,
};

/// The fields of a group's header whose checksum held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupHeader {
    /// Length of the frames that follow, in bytes.
    pub body_len: u32,
    /// How many of them are events.
    pub event_count: u16,
    /// The global sequence of its first event.
    pub first_sequence: u64,
    /// Everything in the segment below this offset was proven durable when it was written.
    pub proven: u64,
    /// Sums up the checksums of the frames: they are those of one attempt to write the group.
    pub frames_crc: u32,
}

impl GroupHeader {
    /// Reads the header at `offset`; `None` when the bytes are no header of this segment.
    pub fn decode(bytes: &[u8], binding: &Binding, offset: u64) -> Option<Self> {
        let mut fields = Fields::new(bytes);
        if fields.array::<8>()? != binding.group_marker() {
            return None;
        }
        let crc = fields.u32()?;
        let covered = bytes.get(GROUP_CRC_END..GROUP_HEADER_LEN)?;
        if binding.crc(offset, covered) != crc {
            return None;
        }
        let body_len = fields.u32()?;
        let kind = fields.u8()?;
        fields.u8()?;
        let header = Self {
            body_len,
            event_count: fields.u16()?,
            first_sequence: fields.u64()?,
            proven: fields.u64()?,
            frames_crc: fields.u32()?,
        };
        (kind == GROUP_KIND_RECORDS && body_len as usize <= GROUP_BODY_MAX).then_some(header)
    }

    fn encode(self, binding: &Binding, offset: u64) -> [u8; GROUP_HEADER_LEN] {
        let mut bytes = [0; GROUP_HEADER_LEN];
        let mut rest = bytes.as_mut_slice();
        let mut put = |field: &[u8]| {
            let (place, after) = std::mem::take(&mut rest).split_at_mut(field.len());
            place.copy_from_slice(field);
            rest = after;
        };
        put(&binding.group_marker());
        put(&[0; 4]);
        put(&self.body_len.to_be_bytes());
        put(&[GROUP_KIND_RECORDS, 0]);
        put(&self.event_count.to_be_bytes());
        put(&self.first_sequence.to_be_bytes());
        put(&self.proven.to_be_bytes());
        put(&self.frames_crc.to_be_bytes());
        debug_assert!(rest.is_empty(), "the fields fill the header");
        let crc = binding.crc(offset, bytes.get(GROUP_CRC_END..).unwrap_or_default());
        put_u32(&mut bytes, GROUP_CRC_AT, crc);
        bytes
    }
}

/// Sums up the checksums of a group's frames, in order.
///
/// A write that failed and was retried at its offset leaves two sets of frames which are bound to
/// the same places. After a power cut, sectors of both may be there; each frame then passes its own
/// checksum, and only this sum tells that they were never one group.
#[derive(Clone, Debug, Default)]
pub(super) struct FramesCrc(crc32fast::Hasher);

impl FramesCrc {
    /// Adds the next frame by its stored checksum.
    pub(super) fn add(&mut self, frame_crc: u32) {
        self.0.update(&frame_crc.to_be_bytes());
    }

    /// Returns the sum over all frames that were added.
    pub(super) fn finish(self) -> u32 {
        self.0.finalize()
    }
}

/// Where an event's frame came to stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlacedEvent {
    /// Offset of the frame in the segment, in bytes.
    pub offset: u64,
    /// Length of the frame with its header, in bytes.
    pub length: u32,
}

/// Builds one group for one place in one segment.
///
/// 1. [`start`](Self::start) at the offset where it will stand;
/// 2. push names before the events that use them;
/// 3. [`finish`](Self::finish) gives the bytes for a single write. A builder that is dropped
///    leaves nothing anywhere.
#[derive(Debug)]
pub struct GroupBuilder {
    binding: Binding,
    base_wall_us: u64,
    offset: u64,
    bytes: Vec<u8>,
    event_count: u16,
    frames_crc: FramesCrc,
}

impl GroupBuilder {
    /// Starts a group at `offset`; `buffer` is taken for its capacity only.
    pub fn start(binding: Binding, base_wall_us: u64, offset: u64, mut buffer: Vec<u8>) -> Self {
        buffer.clear();
        buffer.resize(GROUP_HEADER_LEN, 0);
        Self {
            binding,
            base_wall_us,
            offset,
            bytes: buffer,
            event_count: 0,
            frames_crc: FramesCrc::default(),
        }
    }

    /// Returns the bytes gathered so far, the group's header included.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Returns whether nothing was pushed.
    pub fn is_empty(&self) -> bool {
        self.bytes.len() == GROUP_HEADER_LEN
    }

    /// Returns whether another `events` events fit.
    pub fn has_room_for(&self, events: usize) -> bool {
        usize::from(self.event_count) + events <= GROUP_EVENTS_MAX
    }

    /// Says what the group is to a fence; comes before everything else in it.
    pub fn push_fence(&mut self, fence: FenceRecord) {
        debug_assert!(self.is_empty(), "a fence's record is a group's first");
        self.frame(|body| encode_fence(body, fence));
    }

    /// Defines the segment's next coordinate.
    pub fn push_name(&mut self, coordinate: &Coordinate) {
        self.frame(|body| encode_name(body, coordinate));
    }

    /// Adds an event and returns where it will stand.
    ///
    /// # Panics
    /// When the group is full: a count that wrapped would make the whole group unreadable, which
    /// an opening would take for a torn write.
    pub fn push_event(&mut self, event: &EventRecord<'_>) -> PlacedEvent {
        assert!(self.has_room_for(1), "a group holds at most 65,535 events");
        let base_wall_us = self.base_wall_us;
        self.event_count += 1;
        self.frame(|body| encode_event(body, event, base_wall_us))
    }

    fn frame(&mut self, encode: impl FnOnce(&mut Vec<u8>)) -> PlacedEvent {
        let start = self.bytes.len();
        let offset = self.offset + start as u64;
        self.bytes.extend_from_slice(&[0; FRAME_HEADER_LEN]);
        encode(&mut self.bytes);
        let body = self
            .bytes
            .get(start + FRAME_HEADER_LEN..)
            .unwrap_or_default();
        let body_len = u32::try_from(body.len()).expect("a command is far below 4 GiB");
        let crc = self.binding.crc(offset, body);
        put_u32(&mut self.bytes, start, body_len);
        put_u32(&mut self.bytes, start + 4, crc);
        self.frames_crc.add(crc);
        PlacedEvent {
            offset,
            length: body_len + 8,
        }
    }

    /// Completes the group: its header says that everything below `proven` is durable.
    ///
    /// # Panics
    /// When the group is longer than a reader accepts.
    pub fn finish(mut self, first_sequence: u64, proven: u64) -> Vec<u8> {
        let gathered = self.bytes.len() - GROUP_HEADER_LEN;
        assert!(
            gathered <= GROUP_BODY_MAX,
            "a group is longer than readers accept"
        );
        let body_len = u32::try_from(gathered).expect("a group is far below 4 GiB");
        let header = GroupHeader {
            body_len,
            event_count: self.event_count,
            first_sequence,
            proven,
            frames_crc: self.frames_crc.finish(),
        };
        if let Some(place) = self.bytes.first_chunk_mut::<GROUP_HEADER_LEN>() {
            *place = header.encode(&self.binding, self.offset);
        }
        self.bytes
    }
}
