//! What a store promises to those who use it, one behaviour per file.
//!
//! `BATPAK_TEST_SCALE` multiplies the counts, `BATPAK_TEST_SEED` replays a seed that a failure
//! printed.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test that cannot go on has failed"
)]

mod forged_log;
mod harness;

mod a_batch_is_judged_and_stored_as_a_whole;
mod a_clock_at_its_end_is_refused;
mod a_close_answers_everyone;
mod a_command_behind_a_refusal_or_a_replay_is_carried_out;
mod a_configuration_that_makes_no_sense_is_refused;
mod a_cursor_sees_every_event_once;
mod a_cursor_worker_handles_every_event;
mod a_damaged_footer_costs_no_event;
mod a_fence_shows_all_or_nothing;
mod a_flipped_bit_is_never_silent;
mod a_history_that_was_edited_is_found_out;
mod a_killed_process_loses_nothing_it_acknowledged;
mod a_process_out_of_descriptors_goes_on_later;
mod a_reader_is_never_shown_another_history;
mod a_service_answers_every_append_while_its_actors_panic;
mod a_spent_restart_budget_is_told;
mod a_store_under_chaos_keeps_its_promises;
mod a_subscriber_never_holds_up_the_writer;
mod a_thousand_cycles_stay_quick_and_small;
mod a_torn_tail_is_cut_back_to_the_last_whole_group;
mod an_actor_that_panics_loses_nothing;
mod an_idempotency_key_stands_for_one_event;
mod an_index_beside_a_segment_changes_no_answer;
mod an_opening_that_writes_nothing_changes_nothing;
mod compare_and_swap_has_one_winner;
mod events_survive_a_close_and_a_drop;
mod frames_of_chance_are_refused;
mod missing_and_foreign_segments_are_refused;
mod no_acknowledgement_comes_before_its_sync;
mod one_opener_writes_at_a_time;
mod readers_beside_a_writer_see_whole_batches;
mod regions_select_exactly_what_they_say;
mod stored_time_never_goes_back;
mod tickets_resolve_in_the_order_of_submission;
mod what_is_in_memory_stays_bounded;
mod what_was_written_is_what_is_read;
