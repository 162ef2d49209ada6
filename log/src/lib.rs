//! What batpak writes: the words of an event log, and the bytes of one on disk.
//!
//! - Words: [`coordinate`], [`event`], [`position`], [`wire`].
//! - Bytes: [`layout`] holds the constants, [`segment`] the files of the log, [`checkpoint`] and
//!   [`poison_mark`] the small files beside them, [`frame`] a pair for frames outside a segment.
//! - [`index`] holds the files that say where a segment's events stand.
//! - Reading: [`directory`] says which segments there are, [`recover_segment`] reads one and
//!   judges how it ends, [`log_position`] is where a log stands.
//! - [`repair`] finds what is still whole in a log that no reading accepts.
//! - [`version1`] reads what the released batpak 0.5 wrote.
//! - [`fs`] is the seam through which all of it touches a disk.
//!
//! Nothing here spawns a thread, reads a clock or makes an id. `log/FORMAT.md` is the format in
//! prose; its hex examples are tests.

mod bytes;
pub mod checkpoint;
pub mod coordinate;
pub mod directory;
pub mod error;
pub mod event;
pub mod frame;
pub mod fs;
pub mod index;
pub mod layout;
pub mod log_position;
#[doc(hidden)]
pub mod planted;
pub mod poison_mark;
pub mod position;
pub mod recover_segment;
pub mod repair;
pub mod segment;
mod small_file;
pub mod version1;
pub mod wire;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod seed;

pub use coordinate::{Coordinate, CoordinateError, KindFilter, Region};
pub use event::{Event, EventHeader, EventKind, HashChain, StoredEvent};
pub use position::{DagPosition, Hlc};
