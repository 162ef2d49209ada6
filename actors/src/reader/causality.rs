//! Walks the causal graph: up to what caused an event, down to what an event caused.
//!
//! Causes are what callers said. They may name events that are not there, that came later, or
//! themselves, so every walk remembers what it has seen.

use super::Reader;
use super::access::PagesOf;
use crate::error::StoreError;
use crate::view::{IndexEntry, IndexedPart, Part, Snapshot};
use batpak_log::error::LogError;
use batpak_log::index::Numbers;
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap, HashSet};

impl Reader {
    /// Returns what caused an event, the nearest cause first, at most so many. It ends at an event
    /// without a cause, at a cause that is not visible here, and before one that it has seen.
    ///
    /// # Errors
    /// `NotFound` for the event itself, and what reading returns.
    pub fn causes(&self, event_id: u128, limit: usize) -> Result<Vec<IndexEntry>, StoreError> {
        let snapshot = self.view.snapshot();
        let event = self.find_in(&snapshot, event_id)?;
        let mut cause = event.ok_or(StoreError::NotFound(event_id))?.causation_id;
        let mut seen = HashSet::from([event_id]);
        let mut found = Vec::new();
        while found.len() < limit
            && let Some(id) = cause.filter(|id| seen.insert(*id))
            && let Some(entry) = self.find_in(&snapshot, id)?
        {
            cause = entry.causation_id;
            found.push(entry);
        }
        Ok(found)
    }

    /// Returns what an event has caused, at most so many: first what it caused itself, then what
    /// those caused, and so on, each of these levels in commit order. No event comes twice.
    ///
    /// # Errors
    /// `NotFound` for the event itself, and what reading returns.
    pub fn effects(&self, event_id: u128, limit: usize) -> Result<Vec<IndexEntry>, StoreError> {
        let snapshot = self.view.snapshot();
        if self.find_in(&snapshot, event_id)?.is_none() {
            return Err(StoreError::NotFound(event_id));
        }
        let mut walk = Effects {
            reader: self,
            snapshot: &snapshot,
            in_memory: by_cause(&snapshot),
            seen: HashSet::from([event_id]),
        };
        let mut found = Vec::new();
        let mut level = BTreeSet::from([event_id]);
        while !level.is_empty() && found.len() < limit {
            let mut caused = walk.caused_by(&level, limit - found.len())?;
            level = caused.iter().map(|entry| entry.event_id).collect();
            found.append(&mut caused);
        }
        Ok(found)
    }
}

/// A walk down from one event.
struct Effects<'s> {
    reader: &'s Reader,
    snapshot: &'s Snapshot,
    in_memory: HashMap<u128, Vec<&'s IndexEntry>>,
    seen: HashSet<u128>,
}

/// Returns the visible events in memory that have a cause, by their cause.
fn by_cause(snapshot: &Snapshot) -> HashMap<u128, Vec<&IndexEntry>> {
    let mut found: HashMap<_, Vec<_>> = HashMap::new();
    for part in &snapshot.lists.parts {
        if let Part::Tail(tail) = part {
            let slots = tail.slot_from(0)..tail.slot_from(snapshot.visible);
            for entry in slots.filter_map(|slot| tail.get(slot, snapshot.visible)) {
                if let Some(cause) = entry.causation_id.filter(|_| !entry.is_hidden) {
                    found.entry(cause).or_default().push(entry);
                }
            }
        }
    }
    found
}

impl Effects<'_> {
    /// Returns the first events, in commit order, that these have caused and that were not seen.
    fn caused_by(
        &mut self,
        causes: &BTreeSet<u128>,
        limit: usize,
    ) -> Result<Vec<IndexEntry>, LogError> {
        let mut found = Vec::new();
        for part in &self.snapshot.lists.parts {
            if found.len() >= limit {
                break;
            }
            if let Part::Indexed(part) = part {
                self.caused_in(part, causes, limit, &mut found)?;
            }
        }
        for cause in causes {
            let caused = self.in_memory.get(cause).into_iter().flatten();
            let new = caused.filter(|entry| !self.seen.contains(&entry.event_id));
            found.extend(new.map(|entry| IndexEntry::clone(entry)));
        }
        found.sort_unstable_by_key(|entry| entry.global_sequence);
        found.truncate(limit);
        self.seen.extend(found.iter().map(|entry| entry.event_id));
        Ok(found)
    }

    /// Adds what an indexed part holds of them, until there are so many.
    fn caused_in(
        &self,
        part: &IndexedPart,
        causes: &BTreeSet<u128>,
        limit: usize,
        found: &mut Vec<IndexEntry>,
    ) -> Result<(), LogError> {
        let (reader, lists) = (self.reader, &self.snapshot.lists);
        let pages = reader.pages(part);
        let mut numbers = Merged::default();
        for cause in causes {
            if let Some(postings) = part.run.effects(&pages, *cause)? {
                numbers.add(postings.numbers(&part.run, &pages))?;
            }
        }
        while found.len() < limit
            && let Some(number) = numbers.next()?
        {
            // A list is about all causes whose hashes are the same.
            let is_wanted = |id: &u128, cause: Option<u128>| {
                cause.is_some_and(|cause| causes.contains(&cause)) && !self.seen.contains(id)
            };
            let event = reader.event_if(
                lists,
                (part, number),
                |record| !record.is_hidden() && is_wanted(&record.event_id, record.causation_id),
                |_| (),
            )?;
            if let Some(event) = event {
                let before = reader.hash_before(lists, &event)?;
                found.push(event.entry(before));
            }
        }
        Ok(())
    }
}

/// The numbers of several lists, ascending, each once.
#[derive(Default)]
struct Merged<'p> {
    lists: Vec<Numbers<'p, PagesOf<'p>>>,
    /// The next number of each list that is not at its end.
    heads: BinaryHeap<Reverse<(u32, usize)>>,
    last: Option<u32>,
}

impl<'p> Merged<'p> {
    fn add(&mut self, mut numbers: Numbers<'p, PagesOf<'p>>) -> Result<(), LogError> {
        if let Some(first) = numbers.next().transpose()? {
            self.heads.push(Reverse((first, self.lists.len())));
            self.lists.push(numbers);
        }
        Ok(())
    }

    fn next(&mut self) -> Result<Option<u32>, LogError> {
        while let Some(Reverse((number, index))) = self.heads.pop() {
            let list = self.lists.get_mut(index);
            if let Some(next) = list.and_then(Iterator::next).transpose()? {
                self.heads.push(Reverse((next, index)));
            }
            // Two causes with the same hash share a list.
            if self.last.replace(number) != Some(number) {
                return Ok(Some(number));
            }
        }
        Ok(None)
    }
}
