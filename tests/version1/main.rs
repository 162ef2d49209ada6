//! What the released batpak 0.5.0 wrote can be opened, and stays as it was.
//!
//! The directories in `tests/fixtures/version1/` are its own; beside each stands what is to be read
//! in it.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod harness;

mod a_crash_of_the_released_crate_loses_only_what_it_tore;
#[cfg(feature = "testkit")]
mod a_crash_while_it_is_taken_over_loses_nothing;
mod a_directory_opens_as_it_was;
mod a_flipped_bit_is_never_silent;
mod a_history_goes_on;
mod missing_and_foreign_files_are_refused;
mod what_the_weaker_chain_can_tell_is_told;
