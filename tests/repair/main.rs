//! Repair: what an opening refuses becomes a readable store, as far as the bytes allow; what is
//! missing is told, and nothing is invented.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test that cannot go on has failed"
)]

mod harness;

mod a_lost_header_is_rebuilt;
mod a_repair_that_was_cut_short_is_refused;
mod damage_anywhere_costs_only_what_it_hit;
mod each_refusal_becomes_a_store;
mod the_source_stays_as_it_is;
mod what_is_unclear_is_counted_and_not_saved;
mod what_the_released_batpak_wrote;
mod what_was_removed_stays_removed;
