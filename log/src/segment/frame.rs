//! Single frames: a length, a checksum that is bound to their place, and a record.

use super::{Binding, EventRecord, Record};
use crate::coordinate::Coordinate;
use crate::error::LogError;
use crate::layout::FRAME_HEADER_LEN;
use crate::planted::{Bug, planted};

/// A frame whose checksum held.
pub(super) struct CheckedFrame<'a> {
    pub(super) body: &'a [u8],
    pub(super) crc: u32,
    /// The bytes behind it.
    pub(super) rest: &'a [u8],
}

/// Takes the frame at the front of `bytes`, which stand at `offset`.
pub(super) fn checked_frame<'a>(
    binding: &Binding,
    bytes: &'a [u8],
    offset: u64,
) -> Result<CheckedFrame<'a>, &'static str> {
    let mut fields = crate::bytes::Fields::new(bytes);
    let length = fields.u32().ok_or("a frame's header is cut off")?;
    let crc = fields.u32().ok_or("a frame's header is cut off")?;
    let (body, rest) = bytes
        .get(FRAME_HEADER_LEN..)
        .and_then(|after| after.split_at_checked(length as usize))
        .ok_or("a frame is longer than its group")?;
    if binding.crc(offset, body) != crc && !planted(Bug::IgnoreFrameChecksum) {
        return Err("a frame fails its checksum");
    }
    Ok(CheckedFrame { body, crc, rest })
}

/// Returns the event whose frame stands at the front of `bytes`, which stand at `offset`, and the
/// length of the frame with its header, in bytes. What is behind the frame is not looked at.
///
/// # Errors
/// `CrcMismatch` when the frame is damaged, cut off, or no event.
pub fn event_at<'a>(
    binding: &Binding,
    base_wall_us: u64,
    bytes: &'a [u8],
    offset: u64,
) -> Result<(EventRecord<'a>, u32), LogError> {
    match record_at(binding, base_wall_us, bytes, offset)? {
        (Record::Event(record), length) => Ok((record, length)),
        (Record::Name(_) | Record::Fence(_), _) => Err(damaged(binding, offset)),
    }
}

/// Returns the coordinate that the frame at the front of `bytes`, which stand at `offset`, defines.
///
/// # Errors
/// `CrcMismatch` when the frame is damaged, cut off, or no definition.
pub fn name_at(binding: &Binding, bytes: &[u8], offset: u64) -> Result<Coordinate, LogError> {
    match record_at(binding, 0, bytes, offset)? {
        (Record::Name(coordinate), _) => Ok(coordinate),
        (Record::Event(_) | Record::Fence(_), _) => Err(damaged(binding, offset)),
    }
}

fn record_at<'a>(
    binding: &Binding,
    base_wall_us: u64,
    bytes: &'a [u8],
    offset: u64,
) -> Result<(Record<'a>, u32), LogError> {
    let frame = checked_frame(binding, bytes, offset).map_err(|_| damaged(binding, offset))?;
    let record = Record::decode(frame.body, base_wall_us).map_err(|_| damaged(binding, offset))?;
    let length = u32::try_from(frame.body.len() + FRAME_HEADER_LEN);
    Ok((record, length.map_err(|_| damaged(binding, offset))?))
}

fn damaged(binding: &Binding, offset: u64) -> LogError {
    LogError::CrcMismatch {
        segment_id: binding.segment().id,
        offset,
    }
}
