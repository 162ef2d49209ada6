//! Looking after a store that is in use: copies, compaction, figures.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod harness;

mod a_compaction_changes_no_answer;
#[cfg(feature = "testkit")]
mod a_crash_leaves_the_old_or_the_new;
mod a_fence_is_copied_and_compacted_whole;
mod a_reader_beside_it_goes_on;
mod a_removed_event_leaves_its_place;
mod a_snapshot_goes_where_nothing_is;
mod a_snapshot_is_a_prefix_of_the_log;
#[cfg(feature = "testkit")]
mod a_snapshot_that_was_cut_short_is_refused;
mod an_edited_event_is_not_rewritten;
#[cfg(feature = "testkit")]
mod any_history_agrees_with_a_model;
#[cfg(feature = "testkit")]
mod choices;
mod figures_of_a_store;
