//! The part of a walk that goes over events in memory.

use super::End;
use crate::raw_event::{Placed, RawEvent};
use crate::reader::Reader;
use crate::reader::frames::{FrameAt, Frames, Keeping};
use crate::view::{IndexEntry, Seen, Snapshot, TailPart};
use batpak_log::coordinate::Region;
use batpak_log::error::LogError;
use std::io;
use std::ops::Range;

/// A walk over events in memory: over all of them, or along an entity's list.
#[derive(Debug)]
pub(super) struct TailStretch {
    tail: TailPart,
    end: End,
    slots: Slots,
    /// Most walks over memory read no frame, so a walk has only a place for it.
    frames: Option<Box<Frames>>,
}

/// Which slots come next.
#[derive(Debug)]
enum Slots {
    /// One after the other.
    All(Option<u32>),
    /// Along an entity's list.
    Entity(Option<u32>),
    /// One before the other.
    AllBack(Range<u32>),
    /// The slots of an entity, whose list leads forward only.
    EntityBack(Vec<u32>),
}

impl Slots {
    fn next(&mut self, tail: &TailPart) -> Option<u32> {
        match self {
            Self::All(next) => {
                let slot = (*next)?;
                *next = slot.checked_add(1);
                Some(slot)
            }
            Self::Entity(next) => {
                let slot = (*next)?;
                *next = tail.next_of(slot);
                Some(slot)
            }
            Self::AllBack(slots) => slots.next_back(),
            Self::EntityBack(slots) => slots.pop(),
        }
    }
}

impl TailStretch {
    pub(super) fn new(tail: &TailPart, region: &Region, left: &Range<u64>, end: End) -> Self {
        let slots = match (&region.entity, end) {
            (Some(entity), End::Front) => Slots::Entity(tail.first_of(entity)),
            (Some(entity), End::Back) => {
                let first = tail.first_of(entity);
                let slots = std::iter::successors(first, |slot| tail.next_of(*slot));
                Slots::EntityBack(slots.collect())
            }
            (None, End::Front) => Slots::All(Some(tail.slot_from(left.start))),
            (None, End::Back) => {
                Slots::AllBack(tail.slot_from(left.start)..tail.slot_from(left.end))
            }
        };
        Self {
            tail: tail.clone(),
            end,
            slots,
            frames: None,
        }
    }

    /// Returns the next entry, if its sequence is one of those that are left.
    pub(super) fn next(&mut self, left: &Range<u64>) -> Option<&IndexEntry> {
        loop {
            let slot = self.slots.next(&self.tail)?;
            match (self.tail.look(slot, left), self.end) {
                (Seen::In(entry), _) => return Some(entry),
                (Seen::Before, End::Front) | (Seen::Behind, End::Back) => {}
                (Seen::Behind, End::Front) | (Seen::Before, End::Back) => return None,
            }
        }
    }

    /// Reads the next event.
    pub(super) fn next_event(
        &mut self,
        reader: &Reader,
        snapshot: &Snapshot,
        left: &Range<u64>,
    ) -> Result<Option<RawEvent<&[u8]>>, LogError> {
        let Some(entry) = self.next(left).cloned() else {
            return Ok(None);
        };
        let place = entry.disk_pos;
        let same = |frames: &&mut Box<Frames>| {
            let segment = frames.segment().header.segment;
            segment.id == place.segment_id && segment.generation == entry.segment_generation
        };
        if self.frames.as_mut().filter(same).is_none() {
            let known = snapshot.lists.segment(place.segment_id);
            let known = known
                .filter(|known| known.header.segment.generation == entry.segment_generation)
                .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
            let settled = self.tail.written_end(place.segment_id, snapshot.visible);
            let frames = Frames::new(reader.access(), known, Keeping::Nothing, settled)?;
            self.frames = Some(Box::new(frames));
        }
        let Some(frames) = &mut self.frames else {
            return Ok(None);
        };
        let at = FrameAt {
            offset: place.offset,
            end: place.offset + u64::from(place.length),
        };
        let (record, _) = frames.event(at)?;
        Ok(Some(RawEvent::new(
            &record,
            entry.coord.clone(),
            Placed::of(&entry),
            |payload| payload,
        )))
    }
}
