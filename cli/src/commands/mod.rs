//! One file for each command.

pub(crate) mod check;
pub(crate) mod compact;
pub(crate) mod export_ndjson;
pub(crate) mod import_git;
pub(crate) mod import_ndjson;
pub(crate) mod repair;
pub(crate) mod rows;
pub(crate) mod show;
pub(crate) mod snapshot;
pub(crate) mod stats;
pub(crate) mod stream;
pub(crate) mod summary;
pub(crate) mod tail;
pub(crate) mod verify;
