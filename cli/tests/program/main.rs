//! Runs the built program as a person or a script would.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod check;
mod follow;
mod harness;
mod history;
mod import_git;
mod killed_import;
mod large_history;
mod maintenance;
mod ndjson;
mod reading;
mod repair;
mod verify;
mod version1;
