//! Walks over the events of a region, in commit order, through all parts of the view.

use super::Reader;
use super::frames::{FrameAt, Frames, Keeping};
use super::lookup::placed;
use super::select::{Chosen, choose};
use crate::error::StoreError;
use crate::raw_event::{Placed, RawEvent};
use crate::view::{IndexEntry, IndexedPart, Part, Snapshot, TailPart};
use batpak_log::coordinate::{Coordinate, Region};
use batpak_log::error::LogError;
use batpak_log::index;
use std::collections::HashMap;
use std::io;
use std::sync::Arc;

/// The places of so many frames are looked up together.
const PLACES: usize = 256;
/// So many names are remembered on the way over all events.
const NAME_SLOTS: usize = 1024;
/// The latest hashes of so many entities are remembered on the way.
const CHAINS_MAX: usize = 4096;

/// The visible events of a region, as they were when the walk began.
///
/// Nothing is looked at before it is asked for. The first failure ends the walk: an event that
/// cannot be read is never passed over.
#[derive(Debug)]
pub struct Events {
    reader: Reader,
    snapshot: Snapshot,
    region: Region,
    next_sequence: u64,
    next_part: usize,
    stretch: Stretch,
    /// The clock and hash of the last event that was seen of each entity.
    chains: HashMap<Arc<str>, (u32, [u8; 32])>,
}

/// The part that is being walked over.
#[derive(Debug)]
enum Stretch {
    None,
    Tail(TailStretch),
    Indexed(Box<IndexedStretch>),
}

impl Events {
    pub(super) fn new(reader: Reader, region: Region, from: u64) -> Self {
        let snapshot = reader.view().snapshot();
        Self {
            next_part: snapshot.lists.part_at(from),
            reader,
            snapshot,
            region,
            next_sequence: from,
            stretch: Stretch::None,
            chains: HashMap::new(),
        }
    }

    /// Returns the sequence below which this walk ends.
    pub fn bound(&self) -> u64 {
        self.snapshot.visible
    }

    /// Returns the sequence from which another walk would go on.
    pub fn next_sequence(&self) -> u64 {
        self.next_sequence
    }

    /// Reads the next event and hands it to `take`, without copying its payload.
    ///
    /// # Errors
    /// `CrcMismatch`, `CorruptSegment`, `ForeignFile` or `Io` for the first event that cannot be
    /// read; the walk is then over.
    pub fn next_with<T>(
        &mut self,
        take: impl FnOnce(RawEvent<&[u8]>) -> T,
    ) -> Option<Result<T, StoreError>> {
        let mut take = Some(take);
        let mut taken = None;
        loop {
            let more = self.step(|event| {
                if let Some(take) = take.take() {
                    taken = Some(take(event));
                }
            });
            match more {
                Ok(true) if taken.is_none() => {}
                Ok(true) => return taken.map(Ok),
                Ok(false) => return None,
                Err(error) => return Some(Err(self.end(error))),
            }
        }
    }

    /// Returns what the index knows of the next event; reads nothing for one that is in memory.
    ///
    /// # Errors
    /// As [`next_with`](Self::next_with).
    pub fn next_entry(&mut self) -> Option<Result<IndexEntry, StoreError>> {
        loop {
            if let Stretch::Tail(tail) = &mut self.stretch {
                let Some(entry) = tail.next(self.snapshot.visible) else {
                    self.stretch = Stretch::None;
                    continue;
                };
                self.next_sequence = entry.global_sequence + 1;
                if matches(&self.region, entry) {
                    return Some(Ok(entry.clone()));
                }
                continue;
            }
            if matches!(self.stretch, Stretch::None) {
                match self.next_stretch() {
                    Ok(true) => continue,
                    Ok(false) => return None,
                    Err(error) => return Some(Err(self.end(error))),
                }
            }
            let event = self.next_with(|event| event.map_payload(|_| ()))?;
            return Some(event.and_then(|event| self.entry_of(&event)));
        }
    }

    fn entry_of(&mut self, event: &RawEvent<()>) -> Result<IndexEntry, StoreError> {
        let known = self.chains.get(event.coord.entity()).copied();
        let before = match known.filter(|(clock, _)| clock.checked_add(1) == Some(event.clock)) {
            Some((_, hash)) => hash,
            None => {
                let read = self.reader.hash_before(&self.snapshot.lists, event);
                read.map_err(|error| self.end(error))?
            }
        };
        if self.chains.len() >= CHAINS_MAX {
            self.chains.clear();
        }
        let entity = event.coord.entity_arc();
        self.chains.insert(entity, (event.clock, event.event_hash));
        Ok(event.entry(before))
    }

    /// Goes one event on, and hands it to `take` if it belongs to the region; `false` at the end.
    fn step(&mut self, take: impl FnOnce(RawEvent<&[u8]>)) -> Result<bool, LogError> {
        loop {
            let (lists, region) = (&self.snapshot.lists, &self.region);
            let read = match &mut self.stretch {
                Stretch::None => None,
                Stretch::Tail(tail) => {
                    let visible = self.snapshot.visible;
                    tail.next_event(&self.reader, &self.snapshot, visible)?
                }
                Stretch::Indexed(indexed) => indexed.next_event(&self.reader, lists)?,
            };
            match read {
                Some(event) => {
                    self.next_sequence = event.global_sequence + 1;
                    let (coord, clock) = (&event.coord, event.clock);
                    if region.matches(coord.entity(), coord.scope(), event.kind, clock) {
                        take(event);
                    }
                    return Ok(true);
                }
                None => {
                    if !self.next_stretch()? {
                        return Ok(false);
                    }
                }
            }
        }
    }

    /// Begins the next part; `false` when there is none.
    fn next_stretch(&mut self) -> Result<bool, LogError> {
        self.stretch = Stretch::None;
        let Some(part) = self.snapshot.lists.parts.get(self.next_part) else {
            self.next_sequence = self.next_sequence.max(self.snapshot.visible);
            return Ok(false);
        };
        self.stretch = match part {
            Part::Tail(tail) => {
                Stretch::Tail(TailStretch::new(tail, &self.region, self.next_sequence))
            }
            Part::Indexed(part) => Stretch::Indexed(Box::new(IndexedStretch::new(
                &self.reader,
                part,
                &self.region,
                self.next_sequence,
            )?)),
        };
        self.next_part += 1;
        Ok(true)
    }

    /// Ends the walk for good.
    fn end(&mut self, error: LogError) -> StoreError {
        self.stretch = Stretch::None;
        self.next_part = usize::MAX;
        error.into()
    }
}

fn matches(region: &Region, entry: &IndexEntry) -> bool {
    let coord = &entry.coord;
    region.matches(coord.entity(), coord.scope(), entry.kind, entry.clock)
}

impl Iterator for Events {
    type Item = Result<IndexEntry, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_entry()
    }
}

/// A walk over events in memory: over all of them, or along an entity's list.
#[derive(Debug)]
struct TailStretch {
    tail: TailPart,
    next: Option<u32>,
    along_entity: bool,
    from: u64,
    frames: Option<Frames>,
}

impl TailStretch {
    fn new(tail: &TailPart, region: &Region, from: u64) -> Self {
        let next = match &region.entity {
            Some(entity) => tail.first_of(entity),
            None => Some(tail.slot_from(from)),
        };
        Self {
            tail: tail.clone(),
            next,
            along_entity: region.entity.is_some(),
            from,
            frames: None,
        }
    }

    fn next(&mut self, visible: u64) -> Option<&IndexEntry> {
        loop {
            let slot = self.next?;
            let sequence = self.tail.sequence(slot)?;
            self.next = match self.along_entity {
                true => self.tail.next_of(slot),
                false => slot.checked_add(1),
            };
            if sequence >= self.from && self.tail.starts_before(sequence) {
                return self.tail.get(slot, visible);
            }
        }
    }

    fn next_event(
        &mut self,
        reader: &Reader,
        snapshot: &Snapshot,
        visible: u64,
    ) -> Result<Option<RawEvent<&[u8]>>, LogError> {
        let Some(entry) = self.next(visible).cloned() else {
            return Ok(None);
        };
        let place = entry.disk_pos;
        let same = |frames: &&mut Frames| {
            let segment = frames.segment().header.segment;
            segment.id == place.segment_id && segment.generation == entry.segment_generation
        };
        if self.frames.as_mut().filter(same).is_none() {
            let known = snapshot.lists.segment(place.segment_id);
            let known = known
                .filter(|known| known.header.segment.generation == entry.segment_generation)
                .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
            let settled = self.tail.written_end(place.segment_id, visible);
            let frames = Frames::new(reader.access(), known, Keeping::Nothing, settled)?;
            self.frames = Some(frames);
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

/// A walk over chosen events of an indexed part.
#[derive(Debug)]
struct IndexedStretch {
    part: Arc<IndexedPart>,
    chosen: Chosen,
    /// Numbers with the places of their frames, looked up ahead, last first.
    ahead: Vec<(u32, FrameAt)>,
    frames: Frames,
    /// Names that were met lately, each in the slot of its number.
    names: Vec<Option<(u32, Coordinate)>>,
}

impl IndexedStretch {
    fn new(
        reader: &Reader,
        part: &Arc<IndexedPart>,
        region: &Region,
        from: u64,
    ) -> Result<Self, LogError> {
        let first = part.run.number_from(from);
        let chosen = choose(&reader.pages(part), part, region, first)?;
        let keeping = match region.entity {
            Some(_) => Keeping::Keep,
            None => Keeping::Nothing,
        };
        let settled = part.run.end().offset;
        Ok(Self {
            frames: Frames::new(reader.access(), &part.segment, keeping, settled)?,
            part: Arc::clone(part),
            chosen,
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
        for number in self.chosen.take_some(&self.part.run, &pages, PLACES)? {
            let place = places.place(number)?;
            let at = FrameAt {
                offset: place.offset,
                end: place.end,
            };
            self.ahead.push((number, at));
        }
        self.ahead.reverse();
        Ok(())
    }

    fn next_event(
        &mut self,
        reader: &Reader,
        lists: &crate::view::Lists,
    ) -> Result<Option<RawEvent<&[u8]>>, LogError> {
        if self.ahead.is_empty() {
            self.look_ahead(reader)?;
        }
        let Some((number, at)) = self.ahead.pop() else {
            return Ok(None);
        };
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
        let placed = placed(&self.part, number, at, length);
        Ok(Some(RawEvent::new(&record, coord, placed, |payload| {
            payload
        })))
    }
}
