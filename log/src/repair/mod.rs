//! Finds what is still whole in a log that an opening refuses.
//!
//! 1. [`survey`] says which files there are and which of them count, whatever is wrong with some;
//! 2. [`find_front`] finds the longest front of the log that every opening accepts;
//! 3. [`salvage`] finds whole groups behind the damage.
//!
//! Nothing here writes. A length that stands in damaged bytes is never believed: only a checksum
//! that is bound to store, segment and place makes a group one.

mod contents;
mod fate;
mod forms;
mod front;
mod header;
mod names;
mod rebuild;
mod salvage;
mod store_id;
mod survey;

pub use front::{Front, FrontEnd, KeptSegment, find_front, is_whole, judge_end};
pub use salvage::{
    Found, LostBytes, SalvagedEvent, SalvagedGroup, Salvaging, salvage, segment_end,
};
pub use survey::{EarlierForm, FoundSegment, HeaderState, LeftOut, OutdatedForm, Survey, survey};

#[cfg(test)]
mod tests;
