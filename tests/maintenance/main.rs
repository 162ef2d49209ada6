//! Looking after a store that is in use: copies, compaction, figures.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod harness;

mod a_snapshot_goes_where_nothing_is;
mod a_snapshot_is_a_prefix_of_the_log;
#[cfg(feature = "testkit")]
mod a_snapshot_that_was_cut_short_is_refused;
