//! Names that a segment has lost, proven by the hashes of its events.
//!
//! The hash of an event covers its entity and scope, and the hash of its entity's event before it.
//! So two events of one number that follow each other tell of any coordinate whether it is theirs.

use super::plan::Plan;
use crate::error::StoreError;
use crate::hashing::{HashMap, HashSet};
use batpak_log::coordinate::Coordinate;
use batpak_log::fs::Fs;
use batpak_log::repair::{Found, FoundSegment, SalvagedEvent, SalvagedGroup, Salvaging, salvage};
use batpak_log::segment::Tie;

/// So many coordinates are tried, at the most.
const CANDIDATES_MAX: usize = 1 << 20;
/// So many hashes are computed for a segment, at the most.
const HASHES_MAX: u64 = 1 << 25;
/// So many events of one number are tried before it is given up.
const TRIES_MAX: u32 = 3;

/// Names of one segment that other segments define too.
pub(super) struct ProvenNames<'p> {
    from: &'p dyn Fs,
    plan: &'p Plan,
    at: usize,
    /// Nobody looks before a name is missing.
    proven: Option<HashMap<u32, Coordinate>>,
}

impl<'p> ProvenNames<'p> {
    pub(super) fn new(from: &'p dyn Fs, plan: &'p Plan, at: usize) -> Self {
        Self {
            from,
            plan,
            at,
            proven: None,
        }
    }

    /// Fills in the names of events that lack one.
    pub(super) fn complete(&mut self, group: &mut SalvagedGroup<'_>) -> Result<(), StoreError> {
        let unnamed = group.events.iter_mut();
        for event in unnamed.filter(|event| event.coordinate.is_none()) {
            let proven = match &mut self.proven {
                Some(proven) => proven,
                None => self.proven.insert(prove(self.from, self.plan, self.at)?),
            };
            event.coordinate = proven.get(&event.record.name).cloned();
        }
        Ok(())
    }
}

fn prove(from: &dyn Fs, plan: &Plan, at: usize) -> Result<HashMap<u32, Coordinate>, StoreError> {
    let segments = &plan.survey.segments;
    let mut search = Search::default();
    for (_, other) in segments.iter().enumerate().filter(|(nth, _)| *nth != at) {
        for_each_event(from, other, &mut |event| {
            let coordinate = event.coordinate.as_ref();
            let new = coordinate.filter(|one| !search.candidates.contains(*one));
            if let Some(new) = new.filter(|_| search.candidates.len() < CANDIDATES_MAX) {
                search.candidates.insert(new.clone());
            }
        })?;
    }
    if let Some(segment) = segments.get(at) {
        for_each_event(from, segment, &mut |event| search.look_at(event))?;
    }
    Ok(search.proven)
}

fn for_each_event(
    from: &dyn Fs,
    segment: &FoundSegment,
    look: &mut dyn FnMut(&SalvagedEvent<'_>),
) -> Result<(), StoreError> {
    let file = segment.open(from)?;
    let what = Salvaging { from: 0, end: None };
    salvage::<StoreError>(&file, &segment.header, what, &mut |found| {
        if let Found::Group(group) = found {
            group.events.iter().for_each(&mut *look);
        }
        Ok(())
    })
}

/// A search for the coordinates of one segment's numbers.
#[derive(Default)]
struct Search {
    /// Those that no number stands for yet.
    candidates: HashSet<Coordinate>,
    proven: HashMap<u32, Coordinate>,
    /// The clock and hash of each number's latest event, and how often it was tried in vain.
    latest: HashMap<u32, (u32, [u8; 32], u32)>,
    hashes: u64,
}

impl Search {
    fn look_at(&mut self, event: &SalvagedEvent<'_>) {
        let record = &event.record;
        if event.coordinate.is_some()
            || record.tie != Tie::Hashed
            || self.proven.contains_key(&record.name)
        {
            return;
        }
        let latest = self.latest.get(&record.name).copied();
        let tried = latest.map_or(0, |(_, _, tried)| tried);
        let prev_hash = match latest {
            _ if record.clock == 0 => Some([0; 32]),
            Some((clock, hash, _)) if clock.checked_add(1) == Some(record.clock) => Some(hash),
            Some(_) | None => None,
        };
        let next = (record.clock, record.event_hash, tried);
        self.latest.insert(record.name, next);
        let Some(prev_hash) = prev_hash else {
            return;
        };
        if tried >= TRIES_MAX || self.hashes >= HASHES_MAX {
            return;
        }
        self.hashes += self.candidates.len() as u64;
        let is_theirs = |one: &&Coordinate| record.hash_at(one, &prev_hash) == record.event_hash;
        match self.candidates.iter().find(is_theirs).cloned() {
            Some(coordinate) => {
                self.candidates.remove(&coordinate);
                self.proven.insert(record.name, coordinate);
            }
            None => drop(self.latest.insert(record.name, (next.0, next.1, tried + 1))),
        }
    }
}
