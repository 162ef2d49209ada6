//! Finds single events: by id, and the latest of an entity.

use super::Reader;
use super::access::PagesOf;
use super::frames::FrameAt;
use crate::raw_event::{Placed, RawEvent};
use crate::view::{DiskPos, IndexEntry, IndexedPart, Lists, Part, Snapshot, TailPart};
use batpak_log::coordinate::Coordinate;
use batpak_log::error::LogError;
use batpak_log::index::Candidates;
use batpak_log::segment::EventRecord;
use std::io;
use std::sync::Arc;

/// The latest event of an entity, as far as the next one builds on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntityHead {
    /// Its place in the entity's history.
    pub clock: u32,
    /// Its hash.
    pub event_hash: [u8; 32],
    /// Its place in the log.
    pub sequence: u64,
}

/// An event that was looked up.
pub(super) enum Found<'s, P> {
    Tail(&'s IndexEntry),
    /// With its payload: an index only knows where an event with this id may stand.
    Indexed(RawEvent<P>),
}

impl<P> Found<'_, P> {
    /// Returns whether compaction removed the event, so that reads do not show it.
    pub(super) fn is_hidden(&self) -> bool {
        match self {
            Self::Tail(entry) => entry.is_hidden,
            Self::Indexed(event) => event.is_hidden(),
        }
    }
}

impl Reader {
    /// Finds a visible event by its id, also one that compaction removed.
    pub(super) fn locate<'s, P>(
        &self,
        snapshot: &'s Snapshot,
        event_id: u128,
        mut hold: impl FnMut(&[u8]) -> P,
    ) -> Result<Option<Found<'s, P>>, LogError> {
        let lists = &*snapshot.lists;
        let covers = |part: &&Part| match part {
            Part::Tail(_) => false,
            Part::Indexed(part) => part.run.may_cover(event_id),
        };
        // Ids that were made from the time lie in one run alone, and are in it.
        let expected = lists.parts.iter().filter(covers).take(2).count() == 1;
        for part in lists.parts.iter().rev() {
            let found = match part {
                Part::Tail(tail) => tail.by_id(event_id, snapshot.visible).map(Found::Tail),
                Part::Indexed(part) if !part.run.may_cover(event_id) => None,
                Part::Indexed(part) => {
                    let pages = self.pages(part);
                    let candidates = match expected {
                        true => part.run.expected_ids(&pages, event_id)?,
                        false => part.run.ids(&pages, event_id)?,
                    };
                    self.find_among(lists, part, (event_id, candidates), &mut hold)?
                        .map(Found::Indexed)
                }
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Reads the event with this id, if it is one of these.
    fn find_among<P>(
        &self,
        lists: &Lists,
        part: &IndexedPart,
        (event_id, candidates): (u128, Candidates),
        hold: &mut impl FnMut(&[u8]) -> P,
    ) -> Result<Option<RawEvent<P>>, LogError> {
        let is_it = |record: &EventRecord<'_>| record.event_id == event_id;
        for number in candidates.iter() {
            if let Some(event) = self.event_if(lists, (part, number), is_it, &mut *hold)? {
                return Ok(Some(event));
            }
        }
        Ok(None)
    }

    /// Reads an event of an indexed part by its number, if it is one that is wanted.
    pub(super) fn event_if<P>(
        &self,
        lists: &Lists,
        (part, number): (&IndexedPart, u32),
        is_wanted: impl FnOnce(&EventRecord<'_>) -> bool,
        hold: impl FnOnce(&[u8]) -> P,
    ) -> Result<Option<RawEvent<P>>, LogError> {
        let at = self.place(part, number)?;
        let read = self.access.event(&part.segment, at, |record, length| {
            if !is_wanted(record) {
                return Ok(None);
            }
            let coord = self.coordinate(lists, part, record.name)?;
            let placed = placed(part, part.run.sequence(number), at, length);
            Ok(Some(RawEvent::new(record, coord, placed, hold)))
        });
        read?
    }

    pub(super) fn pages<'a>(&'a self, part: &'a IndexedPart) -> PagesOf<'a> {
        let access = &*self.access;
        PagesOf { access, part }
    }

    pub(super) fn place(&self, part: &IndexedPart, number: u32) -> Result<FrameAt, LogError> {
        let place = part.run.frame(&self.pages(part), number)?;
        Ok(FrameAt {
            offset: place.offset,
            end: place.end,
        })
    }

    pub(super) fn coordinate(
        &self,
        lists: &Lists,
        part: &IndexedPart,
        name: u32,
    ) -> Result<Coordinate, LogError> {
        let segment = part.segment.header.segment;
        let runs = || lists.indexed_parts(segment);
        let found = self.access.name(&part.segment, runs, name)?;
        let unknown = || LogError::corrupt(segment.id, format!("name {name} is not defined"));
        found.ok_or_else(unknown)
    }

    /// Reads the event of an entry that is found in memory.
    pub(super) fn entry_event<P>(
        &self,
        lists: &Lists,
        entry: &IndexEntry,
        hold: impl FnOnce(&[u8]) -> P,
    ) -> Result<RawEvent<P>, LogError> {
        let DiskPos {
            segment_id,
            offset,
            length,
        } = entry.disk_pos;
        // What an entry says of its place holds only for the form of the segment that it was
        // read from; after a merge another view has another entry for the event.
        let segment = lists
            .segment(segment_id)
            .filter(|known| known.header.segment.generation == entry.segment_generation)
            .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        let at = FrameAt {
            offset,
            end: offset + u64::from(length),
        };
        let read = self.access.event(segment, at, |record, _| {
            let is_it = record.event_id == entry.event_id;
            is_it.then(|| RawEvent::new(record, entry.coord.clone(), Placed::of(entry), hold))
        });
        read?.ok_or_else(|| at.damaged(segment))
    }

    /// Returns the latest event of an entity with a sequence below `bound`, which is visible.
    pub(super) fn latest_before(
        &self,
        lists: &Lists,
        entity: &str,
        bound: u64,
    ) -> Result<Option<EntityHead>, LogError> {
        let upto = lists.part_at(bound) + 1;
        let parts = lists.parts.get(..upto).unwrap_or(&lists.parts);
        for part in parts.iter().rev() {
            let found = match part {
                Part::Tail(tail) => latest_in_memory(tail, entity, bound),
                Part::Indexed(part) => self.latest_indexed(part, entity, bound)?,
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    fn latest_indexed(
        &self,
        part: &Arc<IndexedPart>,
        entity: &str,
        bound: u64,
    ) -> Result<Option<EntityHead>, LogError> {
        let pages = self.pages(part);
        let Some(postings) = part.run.entity(&pages, entity)? else {
            return Ok(None);
        };
        let below = part.run.number_from(bound);
        let Some(number) = postings.before(&part.run, &pages, below)? else {
            return Ok(None);
        };
        let at = self.place(part, number)?;
        let head = |record: &EventRecord<'_>, _| EntityHead {
            clock: record.clock,
            event_hash: record.event_hash,
            sequence: part.run.sequence(number),
        };
        self.access.event(&part.segment, at, head).map(Some)
    }

    /// Returns the hash of an entity's latest event with a smaller sequence, also of one that is
    /// not visible yet and of one that compaction removed; zeros when there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn hash_known_before(&self, entity: &str, sequence: u64) -> Result<[u8; 32], LogError> {
        let before = self.latest_before(&self.view().snapshot().lists, entity, sequence)?;
        Ok(before.map_or([0; 32], |before| before.event_hash))
    }

    /// Returns the hash that an event's own hash builds on.
    pub(super) fn hash_before<P>(
        &self,
        lists: &Lists,
        event: &RawEvent<P>,
    ) -> Result<[u8; 32], LogError> {
        if let Some(stored) = event.stored_prev_hash() {
            return Ok(stored);
        }
        if event.clock == 0 {
            return Ok([0; 32]);
        }
        let before = self.latest_before(lists, event.coord.entity(), event.global_sequence)?;
        Ok(before.map_or([0; 32], |before| before.event_hash))
    }
}

fn latest_in_memory(tail: &TailPart, entity: &str, bound: u64) -> Option<EntityHead> {
    tail.of_entity(entity, bound)
        .last()
        .map(|entry| EntityHead {
            clock: entry.clock,
            event_hash: entry.hash_chain.event_hash,
            sequence: entry.global_sequence,
        })
}

/// Returns the place of an event of an indexed part.
pub(super) fn placed(part: &IndexedPart, sequence: u64, at: FrameAt, length: u32) -> Placed {
    let segment = part.segment.header.segment;
    Placed {
        sequence,
        disk_pos: DiskPos {
            segment_id: segment.id,
            offset: at.offset,
            length,
        },
        segment_generation: segment.generation,
    }
}

impl Placed {
    pub(super) fn of(entry: &IndexEntry) -> Self {
        Self {
            sequence: entry.global_sequence,
            disk_pos: entry.disk_pos,
            segment_generation: entry.segment_generation,
        }
    }
}
