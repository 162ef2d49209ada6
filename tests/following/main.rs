//! What follows a store while it is written: subscriptions that filter and map, and reactions.

#![expect(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a test that cannot go on has failed"
)]

#[path = "../behaviour/harness.rs"]
#[allow(dead_code, clippy::cast_possible_truncation, reason = "shared")]
mod harness;

mod a_chain_of_operations_is_carried_out_in_order;
mod a_failed_reaction_ends_the_loop_and_loses_nothing;
mod a_named_reactor_stores_nothing_twice;
mod every_event_is_reacted_to_once;
mod reactions_end_with_the_store;
mod reactions_to_reactions_are_bounded;
mod reactions_wait_for_the_end_of_a_fence;
mod reactors;
