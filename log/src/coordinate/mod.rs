//! Where an event belongs: the entity that it is about and the scope that it was written in.
//!
//! Owns the two names and their limits. Knows nothing of clocks, hashes or files.

mod region;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use crate::position::DagPosition;
pub use region::{KindFilter, Region};

/// The longest entity or scope name, in bytes of UTF-8.
///
/// A limit keeps every record that holds a name small enough to be read in one piece.
pub const MAX_COORDINATE_COMPONENT_LEN: usize = 1024;

/// Names the entity and the scope of an event.
///
/// # What is counted per entity
///
/// The clock, the hash chain, compare-and-set and projections all belong to the *entity*, across
/// its scopes: two events of entity `cart:7` written in the scopes `shop` and `billing` have the
/// clocks 0 and 1 and are linked in one chain. The scope says in which part of a system an event
/// was written, and is something to select by; it never separates two histories of one entity.
///
/// Both names are non-empty and at most [`MAX_COORDINATE_COMPONENT_LEN`] bytes, whether the value
/// was made by [`Coordinate::new`] or came from a deserializer. A clone copies two pointers.
///
/// ```
/// # use batpak_log::Coordinate;
/// let coordinate = Coordinate::new("cart:7", "shop")?;
/// assert_eq!(coordinate.to_string(), "cart:7@shop");
/// # Ok::<(), batpak_log::CoordinateError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Coordinate {
    entity: Arc<str>,
    scope: Arc<str>,
}

/// Says why two names make no [`Coordinate`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CoordinateError {
    /// The entity name has no characters.
    #[error("the entity name is empty: give every event an entity")]
    EmptyEntity,
    /// The scope name has no characters.
    #[error("the scope name is empty: give every event a scope")]
    EmptyScope,
    /// The entity name is longer than a record can hold.
    #[error("the entity name is {len} bytes long: shorten it to at most {max}")]
    EntityTooLong {
        /// The length of the name that was given, in bytes.
        len: usize,
        /// The greatest length that is accepted, in bytes.
        max: usize,
    },
    /// The scope name is longer than a record can hold.
    #[error("the scope name is {len} bytes long: shorten it to at most {max}")]
    ScopeTooLong {
        /// The length of the name that was given, in bytes.
        len: usize,
        /// The greatest length that is accepted, in bytes.
        max: usize,
    },
}

impl Coordinate {
    /// Makes a coordinate out of an entity name and a scope name.
    ///
    /// # Errors
    /// Refuses a name that is empty or longer than [`MAX_COORDINATE_COMPONENT_LEN`]; where both
    /// names are wrong, the entity is the one reported.
    pub fn new(entity: impl AsRef<str>, scope: impl AsRef<str>) -> Result<Self, CoordinateError> {
        let (entity, scope) = (entity.as_ref(), scope.as_ref());
        check(entity, scope)?;
        Ok(Self {
            entity: Arc::from(entity),
            scope: Arc::from(scope),
        })
    }

    /// Returns the name of the entity.
    #[must_use]
    pub fn entity(&self) -> &str {
        &self.entity
    }

    /// Returns the name of the scope.
    #[must_use]
    pub fn scope(&self) -> &str {
        &self.scope
    }

    /// Returns the shared name of the entity, so that an index can keep it without a copy.
    #[must_use]
    pub fn entity_arc(&self) -> Arc<str> {
        Arc::clone(&self.entity)
    }

    /// Returns the shared name of the scope, so that an index can keep it without a copy.
    #[must_use]
    pub fn scope_arc(&self) -> Arc<str> {
        Arc::clone(&self.scope)
    }

    /// Makes a coordinate out of names that are shared already, without a copy.
    ///
    /// # Errors
    /// Refuses what [`Coordinate::new`] refuses.
    pub fn from_arcs(entity: Arc<str>, scope: Arc<str>) -> Result<Self, CoordinateError> {
        check(&entity, &scope)?;
        Ok(Self { entity, scope })
    }
}

impl fmt::Display for Coordinate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}@{}", self.entity, self.scope)
    }
}

impl TryFrom<Unchecked> for Coordinate {
    type Error = CoordinateError;

    fn try_from(unchecked: Unchecked) -> Result<Self, CoordinateError> {
        Self::from_arcs(unchecked.entity, unchecked.scope)
    }
}

/// What a deserializer reads before the names are judged.
#[derive(Deserialize)]
#[serde(rename = "Coordinate")]
struct Unchecked {
    entity: Arc<str>,
    scope: Arc<str>,
}

/// Judges both names, the entity first.
fn check(entity: &str, scope: &str) -> Result<(), CoordinateError> {
    let max = MAX_COORDINATE_COMPONENT_LEN;
    if entity.is_empty() {
        return Err(CoordinateError::EmptyEntity);
    }
    if scope.is_empty() {
        return Err(CoordinateError::EmptyScope);
    }
    if entity.len() > max {
        let len = entity.len();
        return Err(CoordinateError::EntityTooLong { len, max });
    }
    if scope.len() > max {
        let len = scope.len();
        return Err(CoordinateError::ScopeTooLong { len, max });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
