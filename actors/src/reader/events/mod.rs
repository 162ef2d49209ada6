//! Walks over the events of a region through all parts of the view, from either end.

mod indexed;
mod tail;

use super::Reader;
use crate::error::StoreError;
use crate::raw_event::RawEvent;
use crate::view::{IndexEntry, Part, Snapshot};
use batpak_log::coordinate::Region;
use batpak_log::error::LogError;
use batpak_log::event::StoredEvent;
use indexed::IndexedStretch;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use tail::TailStretch;

/// The latest hashes of so many entities are remembered on the way.
const CHAINS_MAX: usize = 4096;

/// The visible events of a region, as they were when the walk began; from the front in commit
/// order, from the back the latest first. What one end has passed the other one does not see.
///
/// Nothing is looked at before it is asked for. The first failure ends the walk: an event that
/// cannot be read is never passed over.
#[derive(Debug)]
pub struct Events {
    reader: Reader,
    snapshot: Snapshot,
    region: Region,
    /// Whether it shows what compaction removed, too.
    with_hidden: bool,
    /// The sequences that neither end has passed.
    left: Range<u64>,
    front: Walk,
    back: Walk,
    failed: bool,
    /// The clock and hash of the last event of each entity that was seen from the front.
    chains: HashMap<Arc<str>, (u32, [u8; 32])>,
}

/// From which end a walk takes events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Front,
    Back,
}

/// How far one end has come.
#[derive(Debug)]
struct Walk {
    /// At the front the next part, at the back how many parts are left.
    part: usize,
    stretch: Stretch,
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
            front: Walk::at(snapshot.lists.part_at(from)),
            back: Walk::at(usize::MAX),
            left: from..snapshot.visible,
            reader,
            snapshot,
            region,
            with_hidden: false,
            failed: false,
            chains: HashMap::new(),
        }
    }

    /// Shows what compaction removed, too.
    pub(super) fn with_hidden(mut self) -> Self {
        self.with_hidden = true;
        self
    }

    /// Ends the walk before a sequence.
    #[must_use]
    pub fn until(mut self, sequence: u64) -> Self {
        self.left.end = self.left.end.min(sequence);
        self
    }

    /// Returns the region.
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// Returns the sequence below which everything was visible when the walk began.
    pub fn bound(&self) -> u64 {
        self.snapshot.visible
    }

    /// Returns the sequence from which another walk would go on at the front.
    pub fn next_sequence(&self) -> u64 {
        self.left.start
    }

    /// Returns the sequence below which another walk would go on at the back.
    pub fn end_sequence(&self) -> u64 {
        self.left.end
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
        self.read(End::Front, take)
    }

    /// As [`next_with`](Self::next_with), from the back.
    ///
    /// # Errors
    /// As [`next_with`](Self::next_with).
    pub fn next_back_with<T>(
        &mut self,
        take: impl FnOnce(RawEvent<&[u8]>) -> T,
    ) -> Option<Result<T, StoreError>> {
        self.read(End::Back, take)
    }

    /// Returns what the index knows of the next event; reads nothing for one that is in memory.
    ///
    /// # Errors
    /// As [`next_with`](Self::next_with).
    pub fn next_entry(&mut self) -> Option<Result<IndexEntry, StoreError>> {
        self.entry(End::Front)
    }

    fn read<T>(
        &mut self,
        end: End,
        take: impl FnOnce(RawEvent<&[u8]>) -> T,
    ) -> Option<Result<T, StoreError>> {
        let mut take = Some(take);
        let mut taken = None;
        loop {
            let more = self.step(end, |event| {
                if let Some(take) = take.take() {
                    taken = Some(take(event));
                }
            });
            match more {
                Ok(true) if taken.is_none() => {}
                Ok(true) => return taken.map(Ok),
                Ok(false) => return None,
                Err(error) => return Some(Err(self.fail(error))),
            }
        }
    }

    fn entry(&mut self, end: End) -> Option<Result<IndexEntry, StoreError>> {
        loop {
            let walk = match end {
                End::Front => &mut self.front,
                End::Back => &mut self.back,
            };
            match &mut walk.stretch {
                Stretch::Tail(tail) => {
                    let Some(entry) = tail.next(&self.left) else {
                        walk.stretch = Stretch::None;
                        continue;
                    };
                    pass(&mut self.left, end, entry.global_sequence);
                    let is_shown = self.with_hidden || !entry.is_hidden;
                    if is_shown && matches(&self.region, entry) {
                        return Some(Ok(entry.clone()));
                    }
                }
                Stretch::None => match self.next_stretch(end) {
                    Ok(true) => {}
                    Ok(false) => return None,
                    Err(error) => return Some(Err(self.fail(error))),
                },
                Stretch::Indexed(_) => {
                    let left = self.left.clone();
                    let event = self.read(end, |event| event.map_payload(|_| ()))?;
                    let entry = event.and_then(|event| self.entry_of(end, &event));
                    if entry.is_err() {
                        // An event that is not handed out is not passed.
                        self.left = left;
                    }
                    return Some(entry);
                }
            }
        }
    }

    fn entry_of(&mut self, end: End, event: &RawEvent<()>) -> Result<IndexEntry, StoreError> {
        let before = self.chained(end, event)?;
        Ok(event.entry(before))
    }

    /// Returns an event that this walk has given from the front, with everything that is derived.
    pub(crate) fn complete(&mut self, event: RawEvent) -> Result<StoredEvent<Vec<u8>>, StoreError> {
        let before = self.chained(End::Front, &event)?;
        Ok(event.into_stored(before))
    }

    /// Returns the hash that an event builds on, and remembers its own.
    fn chained<P>(&mut self, end: End, event: &RawEvent<P>) -> Result<[u8; 32], StoreError> {
        let known = match end {
            End::Front => self.chains.get(event.coord.entity()).copied(),
            // What comes before was not seen yet.
            End::Back => None,
        };
        let follows = |clock: &u32| {
            clock.checked_add(1) == Some(event.clock) && event.stored_prev_hash().is_none()
        };
        let before = match known.filter(|(clock, _)| follows(clock)) {
            Some((_, hash)) => hash,
            None => {
                let read = self.reader.hash_before(&self.snapshot.lists, event);
                read.map_err(|error| self.fail(error))?
            }
        };
        if end == End::Front {
            if self.chains.len() >= CHAINS_MAX {
                self.chains.clear();
            }
            let entity = event.coord.entity_arc();
            self.chains.insert(entity, (event.clock, event.event_hash));
        }
        Ok(before)
    }

    /// Goes one event on, and hands it to `take` if it belongs to the region; `false` at the end.
    fn step(&mut self, end: End, take: impl FnOnce(RawEvent<&[u8]>)) -> Result<bool, LogError> {
        loop {
            let walk = match end {
                End::Front => &mut self.front,
                End::Back => &mut self.back,
            };
            let read = match &mut walk.stretch {
                Stretch::None => None,
                Stretch::Tail(tail) => tail.next_event(&self.reader, &self.snapshot, &self.left)?,
                Stretch::Indexed(indexed) => {
                    indexed.next_event(&self.reader, &self.snapshot.lists, &self.left)?
                }
            };
            match read {
                Some(event) => {
                    pass(&mut self.left, end, event.global_sequence);
                    let (coord, clock) = (&event.coord, event.clock);
                    let region = &self.region;
                    let is_shown = self.with_hidden || !event.is_hidden();
                    if is_shown && region.matches(coord.entity(), coord.scope(), event.kind, clock)
                    {
                        take(event);
                    }
                    return Ok(true);
                }
                None => {
                    if !self.next_stretch(end)? {
                        return Ok(false);
                    }
                }
            }
        }
    }

    /// Begins the next part; `false` when there is none.
    fn next_stretch(&mut self, end: End) -> Result<bool, LogError> {
        let parts = &self.snapshot.lists.parts;
        let (walk, part) = match end {
            End::Front => {
                let part = parts.get(self.front.part);
                let part = part.filter(|part| part.first_sequence() < self.left.end);
                (&mut self.front, part)
            }
            End::Back => {
                let last = self.left.end.saturating_sub(1);
                let upto = self.snapshot.lists.part_at(last).saturating_add(1);
                self.back.part = self.back.part.min(upto);
                let ends_before = |next: &Part| next.first_sequence() <= self.left.start;
                let part = match parts.get(self.back.part) {
                    Some(next) if ends_before(next) => None,
                    Some(_) | None => {
                        let index = self.back.part.checked_sub(1);
                        index.and_then(|index| parts.get(index))
                    }
                };
                (&mut self.back, part)
            }
        };
        walk.stretch = Stretch::None;
        let Some(part) = part.filter(|_| !self.failed && !self.left.is_empty()) else {
            if end == End::Front && !self.failed {
                self.left.start = self.left.start.max(self.left.end);
            }
            return Ok(false);
        };
        walk.stretch = match part {
            Part::Tail(tail) => {
                Stretch::Tail(TailStretch::new(tail, &self.region, &self.left, end))
            }
            Part::Indexed(part) => Stretch::Indexed(Box::new(IndexedStretch::new(
                &self.reader,
                part,
                (&self.region, &self.left),
                end,
            )?)),
        };
        walk.part = match end {
            End::Front => walk.part + 1,
            End::Back => walk.part - 1,
        };
        Ok(true)
    }

    /// Ends the walk for good.
    fn fail(&mut self, error: LogError) -> StoreError {
        self.front.stretch = Stretch::None;
        self.back.stretch = Stretch::None;
        self.failed = true;
        error.into()
    }
}

impl Walk {
    fn at(part: usize) -> Self {
        Self {
            part,
            stretch: Stretch::None,
        }
    }
}

/// Leaves behind an event and all that one end has passed before it.
fn pass(left: &mut Range<u64>, end: End, sequence: u64) {
    match end {
        End::Front => left.start = sequence + 1,
        End::Back => left.end = sequence,
    }
}

fn matches(region: &Region, entry: &IndexEntry) -> bool {
    let coord = &entry.coord;
    region.matches(coord.entity(), coord.scope(), entry.kind, entry.clock)
}

impl Iterator for Events {
    type Item = Result<IndexEntry, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.entry(End::Front)
    }
}

impl DoubleEndedIterator for Events {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.entry(End::Back)
    }
}
