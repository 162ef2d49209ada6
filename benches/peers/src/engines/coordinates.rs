//! The coordinates that batpak's callers name their entities by.

use std::borrow::Cow;

use anyhow::Result;

use crate::event::entity_name;

/// How many are kept, as a program keeps those it uses all the time. The others are made anew for
/// every event, so that a measurement of memory sees no coordinates but the store's.
const KEPT: usize = 1000;

/// Makes coordinates of one version of batpak.
pub(super) struct Coordinates<C> {
    kept: Vec<C>,
    make: fn(String) -> Result<C>,
}

impl<C: Clone> Coordinates<C> {
    /// Makes the first coordinates with `make`, which takes an entity's name.
    pub(super) fn new(make: fn(String) -> Result<C>) -> Result<Self> {
        let kept: Result<Vec<C>> = (0..KEPT).map(|entity| make(entity_name(entity))).collect();
        Ok(Self { kept: kept?, make })
    }

    /// Returns an entity's coordinate.
    pub(super) fn of(&self, entity: usize) -> Result<Cow<'_, C>> {
        match self.kept.get(entity) {
            Some(kept) => Ok(Cow::Borrowed(kept)),
            None => Ok(Cow::Owned((self.make)(entity_name(entity))?)),
        }
    }
}
