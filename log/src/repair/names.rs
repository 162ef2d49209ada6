//! Which coordinate a number stands for, where some definitions are lost.

use crate::coordinate::Coordinate;
use crate::error::LogError;
use crate::fs::{File, read_range};
use crate::layout::NAME_FRAME_LEN_MAX;
use crate::segment::{Binding, EventRecord, Group, Tie, name_at};
use std::collections::BTreeMap;

/// The names of a segment that are known for certain.
///
/// Definitions are counted, so behind bytes that are lost their numbers are not known by
/// themselves. But every writer defines a name right before the first event that uses it: so the
/// event behind a definition tells its number. An entity's first event proves it by its hash.
pub(super) struct KnownNames {
    names: BTreeMap<u32, Coordinate>,
    /// The number of the next definition, while no bytes are lost.
    next: Option<u32>,
    /// From this number on, numbers were told by events.
    told_from: u32,
}

impl KnownNames {
    /// Begins at the first group of a segment.
    pub(super) fn new() -> Self {
        Self {
            names: BTreeMap::new(),
            next: Some(0),
            told_from: u32::MAX,
        }
    }

    /// Passes bytes that are lost, with definitions in them perhaps.
    pub(super) fn pass_lost(&mut self) {
        self.told_from = self.told_from.min(self.floor());
        self.next = None;
    }

    /// Returns the lowest number that is not known to be taken.
    fn floor(&self) -> u32 {
        let last = self.names.last_key_value().map(|(number, _)| *number);
        last.map_or(0, |last| last.saturating_add(1))
    }

    /// Takes up what a group defines.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn define(
        &mut self,
        file: &dyn File,
        binding: &Binding,
        group: &Group<'_>,
    ) -> Result<(), LogError> {
        let mut events = group.events.iter().peekable();
        for (at, offset) in group.names.iter().enumerate() {
            while events.next_if(|event| event.offset < *offset).is_some() {}
            let next_definition = group.names.get(at + 1).copied().unwrap_or(u64::MAX);
            let user = events.peek().filter(|event| event.offset < next_definition);
            let told = user.map(|event| event.record.name);
            let told = told.filter(|number| *number >= self.floor());
            let Some(number) = self.next.or(told) else {
                continue;
            };
            let left = file.len()?.saturating_sub(*offset).min(NAME_FRAME_LEN_MAX);
            let bytes = read_range(file, *offset, usize::try_from(left).unwrap_or(0))?;
            self.names
                .insert(number, name_at(binding, &bytes, *offset)?);
            self.next = number.checked_add(1);
        }
        Ok(())
    }

    /// Returns the coordinate of an event; `None` when its definition is lost.
    pub(super) fn of(&self, record: &EventRecord<'_>) -> Option<Coordinate> {
        let coordinate = self.names.get(&record.name)?;
        let is_proven = record.name < self.told_from || fits_its_hash(record, coordinate);
        is_proven.then(|| coordinate.clone())
    }
}

/// Returns whether an event may be of a coordinate: the first event of an entity tells by its hash.
fn fits_its_hash(record: &EventRecord<'_>, coordinate: &Coordinate) -> bool {
    if record.clock != 0 || record.tie != Tie::Hashed {
        return true;
    }
    record.hash_at(coordinate, &[0; 32]) == record.event_hash
}
