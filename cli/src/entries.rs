//! Walks the events of a store in commit order.

use crate::failure::Failure;
use batpak::prelude::*;

/// How many entries are taken from the index at once.
const STEP: usize = 1024;

/// Calls `visit` with every event that is visible now, and with none that a writer adds meanwhile:
/// the walk ends even beside a writer that never rests.
pub(crate) fn walk(
    store: &Store<ReadOnly>,
    mut visit: impl FnMut(&IndexEntry) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let end = store.stats().global_sequence;
    let mut cursor = store.cursor_guaranteed(&Region::all());
    loop {
        let entries = cursor.try_poll_batch(STEP)?;
        if entries.is_empty() {
            return Ok(());
        }
        for entry in &entries {
            if entry.global_sequence >= end {
                return Ok(());
            }
            visit(entry)?;
        }
    }
}
