//! The names that the open segment has defined, as far as they are remembered.

use crate::hashing::HashMap;
use batpak_log::coordinate::Coordinate;

/// A generation holds about so many names; there are two.
const GENERATION_MAX: usize = 8 * 1024;

/// Numbers of coordinates in one segment.
///
/// A name that was not used for long is forgotten, and defined again when it is used: a segment may
/// define a name more than once, so that the writer's memory does not grow with its names.
#[derive(Debug, Default)]
pub(super) struct DefinedNames {
    young: HashMap<Coordinate, u32>,
    old: HashMap<Coordinate, u32>,
    /// How many definitions the segment has.
    count: usize,
}

impl DefinedNames {
    /// Returns the names of a segment that has so many definitions already, none of them known.
    pub(super) fn behind(count: usize) -> Self {
        Self {
            count,
            ..Self::default()
        }
    }

    /// Forgets what was defined since there were so many.
    pub(super) fn go_back(&mut self, count: usize) {
        if count < self.count {
            *self = Self::behind(count);
        }
    }

    pub(super) fn get(&self, coordinate: &Coordinate) -> Option<u32> {
        let found = self.young.get(coordinate);
        found.or_else(|| self.old.get(coordinate)).copied()
    }

    /// Returns how many definitions the segment has.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Remembers what a written group has defined.
    pub(super) fn define(&mut self, names: &mut HashMap<Coordinate, u32>) {
        self.count += names.len();
        self.young.extend(names.drain());
        if self.young.len() > GENERATION_MAX {
            std::mem::swap(&mut self.young, &mut self.old);
            self.young.clear();
        }
    }
}
