//! What the forms of writing promise beyond a single append: batches, outboxes, reactions,
//! transitions, and submitting under pressure.

#![expect(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on has failed"
)]

#[path = "../behaviour/harness.rs"]
#[allow(dead_code, clippy::cast_possible_truncation, reason = "shared")]
mod harness;

mod a_batch_keeps_each_items_promises;
mod a_fence_turns_others_away;
mod a_full_writer_turns_callers_away;
mod an_outbox_keeps_what_it_could_not_flush;
mod every_form_refuses_what_may_not_be_written;
mod reactions_and_transitions_say_what_they_are;
