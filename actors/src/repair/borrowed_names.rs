//! Names that a merged segment has lost, from the segments that it was merged from.

use super::gaps::sources;
use super::plan::Plan;
use crate::error::StoreError;
use crate::hashing::HashMap;
use batpak_log::coordinate::Coordinate;
use batpak_log::error::LogError;
use batpak_log::fs::Fs;
use batpak_log::repair::{Found, FoundSegment, SalvagedEvent, SalvagedGroup, Salvaging, salvage};

/// So often it is asked in vain.
const FAILED_MAX: usize = 64;

/// Names of one segment that its sources tell: the events are the same.
pub(super) struct BorrowedNames<'p> {
    from: &'p dyn Fs,
    sources: Vec<&'p FoundSegment>,
    known: HashMap<u32, Coordinate>,
    failed: usize,
}

/// Why a search ended.
enum Ended {
    Found(Option<Coordinate>),
    Failed(LogError),
}

impl From<LogError> for Ended {
    fn from(error: LogError) -> Self {
        Self::Failed(error)
    }
}

impl<'p> BorrowedNames<'p> {
    pub(super) fn new(from: &'p dyn Fs, plan: &'p Plan, at: usize) -> Self {
        Self {
            from,
            sources: sources(&plan.survey, at),
            known: HashMap::default(),
            failed: 0,
        }
    }

    /// Fills in the names of events that lack one.
    pub(super) fn complete(&mut self, group: &mut SalvagedGroup<'_>) -> Result<(), StoreError> {
        if self.sources.is_empty() {
            return Ok(());
        }
        let unnamed = group.events.iter_mut();
        for event in unnamed.filter(|event| event.coordinate.is_none()) {
            event.coordinate = match self.known.get(&event.record.name) {
                Some(known) => Some(known.clone()),
                None => self.look_up(event)?,
            };
        }
        Ok(())
    }

    fn look_up(&mut self, event: &SalvagedEvent<'_>) -> Result<Option<Coordinate>, StoreError> {
        if self.failed >= FAILED_MAX {
            return Ok(None);
        }
        for source in &self.sources {
            if let Some(coordinate) = coordinate_in(self.from, source, event)? {
                self.known.insert(event.record.name, coordinate.clone());
                return Ok(Some(coordinate));
            }
        }
        self.failed += 1;
        Ok(None)
    }
}

fn coordinate_in(
    from: &dyn Fs,
    source: &FoundSegment,
    event: &SalvagedEvent<'_>,
) -> Result<Option<Coordinate>, StoreError> {
    let file = source.open(from)?;
    let what = Salvaging { from: 0, end: None };
    let searched = salvage::<Ended>(&file, &source.header, what, &mut |found| {
        let Found::Group(group) = found else {
            return Ok(());
        };
        let is_same = |other: &&SalvagedEvent<'_>| {
            other.sequence == event.sequence
                && other.record.event_id == event.record.event_id
                && other.record.event_hash == event.record.event_hash
        };
        match group.events.iter().find(is_same) {
            Some(same) => Err(Ended::Found(same.coordinate.clone())),
            None if group.first_sequence > event.sequence => Err(Ended::Found(None)),
            None => Ok(()),
        }
    });
    match searched {
        Ok(()) => Ok(None),
        Err(Ended::Found(coordinate)) => Ok(coordinate),
        Err(Ended::Failed(error)) => Err(error.into()),
    }
}
