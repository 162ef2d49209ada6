//! The pages of the guide, so that every example in them is compiled and run.

#[doc = include_str!("../docs/guide/back-up.md")]
mod back_up {}

#[doc = include_str!("../docs/guide/follow-a-stream.md")]
mod follow_a_stream {}

#[doc = include_str!("../docs/guide/guard-a-write.md")]
mod guard_a_write {}

#[doc = include_str!("../docs/guide/inspect.md")]
mod inspect {}

#[doc = include_str!("../docs/guide/migrate-from-the-released-crate.md")]
mod migrate_from_the_released_crate {}

#[doc = include_str!("../docs/guide/model-a-workflow.md")]
mod model_a_workflow {}

#[doc = include_str!("../docs/guide/project-state.md")]
mod project_state {}

#[doc = include_str!("../docs/guide/read-a-history.md")]
mod read_a_history {}

#[doc = include_str!("../docs/guide/record-events.md")]
mod record_events {}

#[doc = include_str!("../docs/guide/recover-from-a-refusal.md")]
mod recover_from_a_refusal {}

#[doc = include_str!("../docs/guide/remove-old-events.md")]
mod remove_old_events {}

#[doc = include_str!("../docs/guide/retry-safely.md")]
mod retry_safely {}

#[doc = include_str!("../docs/guide/tune-durability.md")]
mod tune_durability {}
