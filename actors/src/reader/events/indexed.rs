//! The part of a walk that goes over events that an index on disk knows.

use super::End;
use crate::raw_event::RawEvent;
use crate::reader::Reader;
use crate::reader::frames::{FrameAt, Frames, Keeping};
use crate::reader::lookup::placed;
use crate::reader::select::{Chosen, choose};
use crate::view::{IndexedPart, Lists};
use batpak_log::coordinate::{Coordinate, Region};
use batpak_log::error::LogError;
use batpak_log::index;
use std::ops::Range;
use std::sync::Arc;

/// The places of so many frames are looked up together.
const PLACES: usize = 256;
/// From the back as few as this at first, since often few are taken; then twice as many each time.
const PLACES_BACK: usize = 16;
/// So many names are remembered on the way over all events.
const NAME_SLOTS: usize = 1024;

/// A walk over chosen events of an indexed part.
#[derive(Debug)]
pub(super) struct IndexedStretch {
    part: Arc<IndexedPart>,
    chosen: Chosen,
    /// How many places are looked up next.
    places: usize,
    /// Numbers with the places of their frames, looked up ahead, the next one last.
    ahead: Vec<(u32, FrameAt)>,
    frames: Frames,
    /// Names that were met lately, each in the slot of its number.
    names: Vec<Option<(u32, Coordinate)>>,
}

impl IndexedStretch {
    pub(super) fn new(
        reader: &Reader,
        part: &Arc<IndexedPart>,
        (region, left): (&Region, &Range<u64>),
        end: End,
    ) -> Result<Self, LogError> {
        let numbers = part.run.number_from(left.start)..part.run.number_from(left.end);
        let chosen = choose(&reader.pages(part), part, (region, numbers), end)?;
        let keeping = match region.entity {
            Some(_) => Keeping::Keep,
            None => Keeping::Nothing,
        };
        let settled = part.run.end().offset;
        Ok(Self {
            frames: Frames::new(reader.access(), &part.segment, keeping, settled)?,
            part: Arc::clone(part),
            chosen,
            places: match end {
                End::Front => PLACES,
                End::Back => PLACES_BACK,
            },
            ahead: Vec::new(),
            names: vec![
                None;
                if region.entity.is_some() {
                    1
                } else {
                    NAME_SLOTS
                }
            ],
        })
    }

    fn look_ahead(&mut self, reader: &Reader) -> Result<(), LogError> {
        let pages = reader.pages(&self.part);
        let mut places = index::Frames::new(&self.part.run, &pages);
        for number in self.chosen.take_some(&self.part.run, &pages, self.places)? {
            let place = places.place(number)?;
            let at = FrameAt {
                offset: place.offset,
                end: place.end,
            };
            self.ahead.push((number, at));
        }
        self.ahead.reverse();
        self.places = PLACES.min(self.places * 2);
        Ok(())
    }

    /// Reads the next event, if its sequence is one of those that are left.
    pub(super) fn next_event(
        &mut self,
        reader: &Reader,
        lists: &Lists,
        left: &Range<u64>,
    ) -> Result<Option<RawEvent<&[u8]>>, LogError> {
        if self.ahead.is_empty() {
            self.look_ahead(reader)?;
        }
        let Some((number, at)) = self.ahead.pop() else {
            return Ok(None);
        };
        let sequence = self.part.run.sequence(number);
        if !left.contains(&sequence) {
            return Ok(None);
        }
        let (record, length) = self.frames.event(at)?;
        let slots = self.names.len().max(1);
        let slot = self.names.get_mut(record.name as usize % slots);
        let coord = match slot {
            Some(Some((name, coord))) if *name == record.name => coord.clone(),
            slot => {
                let coord = reader.coordinate(lists, &self.part, record.name)?;
                if let Some(slot) = slot {
                    *slot = Some((record.name, coord.clone()));
                }
                coord
            }
        };
        let placed = placed(&self.part, sequence, at, length);
        Ok(Some(RawEvent::new(&record, coord, placed, |payload| {
            payload
        })))
    }
}
