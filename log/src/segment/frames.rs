//! Cuts the body of a group into frames.

use super::fence_record::FenceRecord;
use super::frame::checked_frame;
use super::group::FramesCrc;
use super::names::Names;
use super::record::Record;
use super::{Binding, GroupEvent, GroupHeader};
use crate::error::LogError;
use crate::layout::FRAME_HEADER_LEN;
use crate::planted::{Bug, planted};

/// Why a group's body is not taken.
pub(super) enum BadFrame {
    /// A checksum or a length does not hold, as after a torn write.
    NotWhole { bad: u64, detail: &'static str },
    /// The checksum holds, and what it covers is no record that is known here.
    NotUnderstood { at: u64, detail: &'static str },
    /// What it refers to cannot be read.
    Unreadable(LogError),
}

/// What the frames of a group hold.
pub(super) struct Contents<'a> {
    pub(super) fence: Option<FenceRecord>,
    pub(super) events: Vec<GroupEvent<'a>>,
    /// Offsets of the frames that define names.
    pub(super) names: Vec<u64>,
}

/// Cuts a group's body into frames and checks each of them.
pub(super) struct Frames<'b> {
    pub(super) binding: &'b Binding,
    pub(super) base_wall_us: u64,
}

impl Frames<'_> {
    /// Decodes all frames. `names` grows by the group's definitions only when every frame is good.
    pub(super) fn read<'a>(
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
        let mut fence = None;
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
                    return Ok(contents(fence, events, defined));
                }
                frame => frame.map_err(bad)?,
            };
            frames_crc.add(frame.crc);
            match Record::decode(frame.body, self.base_wall_us).map_err(unknown)? {
                Record::Name(coordinate) => {
                    names.defined.push(coordinate);
                    defined.push(offset);
                }
                Record::Fence(_) if offset != body_at => {
                    return Err(unknown("a fence's record is not its group's first"));
                }
                Record::Fence(record) => fence = Some(record),
                Record::Event(record) => {
                    let coordinate = names.get(record.name).map_err(BadFrame::Unreadable)?;
                    let sequence = header.first_sequence.checked_add(events.len() as u64);
                    let length = u32::try_from(frame.body.len() + FRAME_HEADER_LEN);
                    events.push(GroupEvent {
                        record,
                        coordinate: coordinate
                            .ok_or_else(|| bad("an event's name is not defined"))?,
                        sequence: sequence.ok_or_else(|| bad("a sequence is out of range"))?,
                        offset,
                        length: length.map_err(|_| bad("a frame is too long"))?,
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
        Ok(contents(fence, events, defined))
    }
}

fn contents(
    fence: Option<FenceRecord>,
    events: Vec<GroupEvent<'_>>,
    names: Vec<u64>,
) -> Contents<'_> {
    Contents {
        fence,
        events,
        names,
    }
}
