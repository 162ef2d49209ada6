//! Lists what the released batpak reads in a directory, one event a line.

use anyhow::{Result, ensure};
use batpak::prelude::*;
use serde_json::json;
use std::fs;
use std::path::Path;

/// Lists the events of an open store, in the order of their sequences.
pub(crate) fn of_store<S>(store: &Store<S>) -> Result<String> {
    let mut entries = store.query(&Region::all());
    entries.sort_by_key(|entry| entry.global_sequence);
    let mut lines = String::new();
    for entry in entries {
        let stored = store.get(entry.event_id)?;
        let header = &stored.event.header;
        ensure!(header.position.sequence == entry.clock, "clocks differ");
        let line = json!({
            "id": id(entry.event_id),
            "sequence": entry.global_sequence,
            "entity": entry.coord.entity(),
            "scope": entry.coord.scope(),
            "kind": entry.kind.to_string(),
            "clock": entry.clock,
            "wall_ms": entry.wall_ms,
            "timestamp_us": header.timestamp_us,
            "payload": stored.event.payload,
            "correlation": id(header.correlation_id),
            "causation": header.causation_id.map(id),
            "flags": header.flags,
            "event_hash": hex(&entry.hash_chain.event_hash),
            "prev_hash": hex(&entry.hash_chain.prev_hash),
        });
        lines.push_str(&line.to_string());
        lines.push('\n');
    }
    Ok(lines)
}

/// Lists the events that the released batpak finds when it opens a copy of a directory, from the
/// frames and from its indexes; both must be the same.
pub(crate) fn of_copy(directory: &Path) -> Result<String> {
    let mut lists = Vec::new();
    for index in [false, true] {
        let copy = tempfile::tempdir()?;
        copy_directory(directory, copy.path())?;
        let config = StoreConfig::new(copy.path())
            .with_enable_mmap_index(index)
            .with_enable_checkpoint(index);
        let store = Store::open_read_only(config)?;
        lists.push(of_store(&store)?);
    }
    if lists[0] != lists[1] {
        eprintln!(
            "note: {} reads otherwise without its index",
            directory.display()
        );
    }
    Ok(lists.remove(1))
}

/// Copies the files of a directory.
pub(crate) fn copy_directory(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

fn id(id: u128) -> String {
    format!("{id:032x}")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
