//! What is projected is the fold of what is visible, whatever is kept beside the store.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test that cannot go on has failed"
)]

#[path = "../behaviour/harness.rs"]
#[allow(dead_code, clippy::cast_possible_truncation, reason = "shared")]
mod harness;

mod a_cache_in_a_directory_returns_what_it_got_or_nothing;
mod a_kept_state_is_used_for_its_own_history_only;
mod a_projection_folds_every_visible_event;
mod a_read_only_store_puts_nothing_into_its_cache;
mod a_watcher_misses_no_change;
mod only_what_is_new_is_folded_where_both_agree;
mod stale_states_are_returned_while_they_are_young;
mod states;
mod what_a_fence_hides_is_not_folded;
mod what_was_removed_is_in_no_state;
