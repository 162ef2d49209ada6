//! Whose event it is, in which scope, and which events a question is about.

pub use batpak_log::coordinate::{
    Coordinate, CoordinateError, KindFilter, MAX_COORDINATE_COMPONENT_LEN, Region,
};
pub use batpak_log::position::{self, DagPosition, Hlc};
