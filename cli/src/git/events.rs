//! Makes the events of an import out of the items of a log.

use super::log_reader::{Change, Commit, Status};
use super::payload::Payload;
use super::{kinds, naming};
use crate::failure::Failure;
use batpak::prelude::*;

/// Returns the event of a commit: caused by its first parent's, and the start of the correlation
/// that its changed paths belong to.
pub(crate) fn of_commit(
    commit: &Commit,
    repository: &Coordinate,
) -> Result<BatchAppendItem, Failure> {
    let options = AppendOptions::new().with_idempotency(naming::commit_id(&commit.hash));
    let causation = match commit.parents.first() {
        Some(parent) => CausationRef::Absolute(naming::commit_id(parent)),
        None => CausationRef::None,
    };
    Ok(BatchAppendItem::new(
        repository.clone(),
        kinds::COMMIT,
        &Payload::of_commit(commit),
        options,
        causation,
    )?)
}

/// Returns the event of a path that a commit has changed: caused by the commit's and correlated
/// with it.
pub(crate) fn of_change(
    change: &Change,
    commit: &Commit,
    repository: &Coordinate,
) -> Result<BatchAppendItem, Failure> {
    let cause = naming::commit_id(&commit.hash);
    let options = AppendOptions::new()
        .with_idempotency(naming::change_id(&commit.hash, &change.path))
        .with_correlation(cause);
    let kind = match change.status {
        Status::Added => kinds::ADDED,
        Status::Modified => kinds::MODIFIED,
        Status::Deleted => kinds::DELETED,
        Status::Renamed => kinds::RENAMED,
    };
    Ok(BatchAppendItem::new(
        naming::file(&change.path, repository.scope())?,
        kind,
        &Payload::of_change(commit, change),
        options,
        // The batch may be divided, so the cause is named by its id and not by its place.
        CausationRef::Absolute(cause),
    )?)
}
