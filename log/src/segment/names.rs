//! The names that a segment defines, and where a reading of it begins.

use super::SegmentHeader;
use crate::coordinate::Coordinate;
use crate::error::LogError;
use crate::log_position::LogPosition;
use std::sync::Arc;

/// Knows the names that a segment has defined before the place where a reading begins.
pub trait EarlierNames: Send + Sync + std::fmt::Debug {
    /// Returns the coordinate of a definition; `None` when there is none of this number.
    ///
    /// # Errors
    /// When the definition cannot be read.
    fn name(&self, number: u32) -> Result<Option<Coordinate>, LogError>;
}

/// Where a reading of a segment begins.
#[derive(Clone, Debug)]
pub struct ReadStart {
    /// The end of a group, or of the header.
    pub position: LogPosition,
    /// How many names the segment has defined before.
    pub names_before: u32,
    /// Who knows them; nobody when there are none.
    pub earlier: Option<Arc<dyn EarlierNames>>,
}

impl ReadStart {
    /// Begins behind the header.
    pub fn of(header: &SegmentHeader) -> Self {
        Self {
            position: LogPosition::at_start_of(header),
            names_before: 0,
            earlier: None,
        }
    }
}

/// The names that a segment has defined so far.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// How many were defined before the reading began.
    pub(super) before: u32,
    pub(super) earlier: Option<Arc<dyn EarlierNames>>,
    pub(super) defined: Vec<Coordinate>,
    pub(super) stand_in: Option<Coordinate>,
}

impl Names {
    pub(super) fn get(&self, name: u32) -> Result<Option<Coordinate>, LogError> {
        let known = match (name.checked_sub(self.before), &self.earlier) {
            (Some(at), _) => self.defined.get(at as usize).cloned(),
            (None, Some(earlier)) => earlier.name(name)?,
            (None, None) => None,
        };
        Ok(known.or_else(|| self.stand_in.clone()))
    }

    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.defined.len())
            .map_or(u32::MAX, |count| self.before.saturating_add(count))
    }
}
