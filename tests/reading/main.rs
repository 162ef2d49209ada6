//! What is promised to those who read: from either end, along the links between events, from a
//! saved position, and on as events come.
//!
//! `BATPAK_TEST_SCALE` multiplies the counts, `BATPAK_TEST_SEED` replays a seed that a failure
//! printed.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test that cannot go on has failed"
)]

mod harness;

mod a_cursor_resumes_where_it_stood;
mod a_follower_catches_up_and_goes_on;
mod a_generation_changes_with_the_entity;
mod a_worker_resumes_where_it_stopped;
mod arguments_at_their_ends_are_answered;
mod every_walk_agrees_with_a_plain_filter;
mod few_events_cost_few_reads;
mod payloads_come_in_every_form;
mod the_links_between_events_are_followed;
