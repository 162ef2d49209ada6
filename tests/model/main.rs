//! What programs model with: gates, pipelines, outcomes, states, ids and kinds, one promise per
//! file.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "an outcome may get another variant, which these tests would not be about"
)]

mod a_fold_gets_its_payloads_as_it_asks;
mod a_pipeline_writes_what_was_judged;
mod an_independent_program_can_verify;
mod bad_names_and_values_are_refused;
mod every_kind_is_reserved_or_free;
mod flags_are_kept;
mod gates_are_asked_in_order;
mod ids_are_read_back;
mod ids_travel_as_bytes;
mod outcomes;
mod outcomes_are_put_together;
mod outcomes_are_serialised;
mod outcomes_obey_the_laws;
mod wrong_programs_do_not_compile;
