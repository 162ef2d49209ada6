//! What a fault that a test asks for does: to the caller, to others in its group, and to the log.
//! Needs the feature `dangerous-test-hooks`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod a_crash_at_any_point_loses_nothing;
mod a_fault_has_the_outcome_that_its_point_promises;
mod every_point_is_passed;
mod harness;
mod injectors_do_as_they_are_told;
mod others_in_the_group_are_told_the_truth;
