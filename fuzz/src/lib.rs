//! Hostile bytes for everything in batpak that reads bytes, and a vandal for its directories.
//!
//! - [`bodies`] has a plain function for each reader: it takes any bytes, and panics when the
//!   reader panics, allocates too much, or reads back something else than what it read.
//! - [`samples`] makes valid bytes, [`damage`] makes hostile ones of them, [`checksums`] makes
//!   their checksums right again.
//! - [`campaign`] tries many inputs, each of which follows from a seed.
//!
//! The same bodies run under libFuzzer in `libfuzzer/`.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::wildcard_enum_match_arm,
    reason = "a body that cannot go on has found something"
)]

pub mod bodies;
pub mod campaign;
pub mod checksums;
pub mod damage;
mod depth;
pub mod memory;
pub mod samples;
mod texts;
#[path = "../../tests/vandal/mod.rs"]
mod vandal;

// The importer's reader, as it is.
#[allow(dead_code, reason = "the commands use the rest of it")]
#[path = "../../cli/src/clock_text.rs"]
mod clock_text;
#[allow(dead_code, reason = "the commands use the rest of it")]
#[path = "../../cli/src/event_line.rs"]
mod event_line;
#[allow(dead_code, reason = "the commands use the rest of it")]
#[path = "../../cli/src/failure.rs"]
mod failure;
#[path = "../../cli/src/hex.rs"]
mod hex;
#[path = "../../cli/src/json_value.rs"]
mod json_value;

/// Tries an input of the target of this name, for libFuzzer.
///
/// # Panics
/// When it finds something, or there is no such target.
pub fn try_one(target: &str, data: &[u8]) {
    let target = bodies::target(target).expect("a fuzz target names a body");
    (target.body)(data);
}
