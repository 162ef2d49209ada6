//! Fixtures, and what is to be read in them.

use batpak::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// All fixtures.
pub(crate) const FIXTURES: [&str; 9] = [
    "closed",
    "crashed",
    "reopened-after-a-crash",
    "batch-over-segments",
    "unfinished-batch",
    "kinds-of-marks",
    "compacted",
    "clock-set-back",
    "empty",
];
/// The segment that takes over every fixture.
pub(crate) const TAKEN_OVER: &str = "000001-1.fbat";

/// The names and bytes of the files of a directory.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/version1")
}

/// Returns the files of a fixture.
pub(crate) fn files_of(fixture: &str) -> Files {
    files_in(&fixtures().join(fixture))
}

/// Returns the files of a directory, apart from the lock file.
pub(crate) fn files_in(directory: &Path) -> Files {
    let entries = fs::read_dir(directory).unwrap();
    let files = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read(&path).unwrap())
        });
    files.filter(|(name, _)| name != "store.lock").collect()
}

/// Returns what is to be read in a fixture, oldest event first.
pub(crate) fn listing_of(fixture: &str) -> Vec<Value> {
    let text = fs::read_to_string(fixtures().join(fixture).with_extension("ndjson")).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Writes files into a new directory.
pub(crate) fn directory_of(files: &Files) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        fs::write(directory.path().join(name), bytes).unwrap();
    }
    directory
}

pub(crate) fn config(directory: &Path) -> StoreConfig {
    StoreConfig::new(directory).with_segment_max_bytes(64 * 1024)
}

pub(crate) fn open(directory: &Path) -> Store {
    Store::open(config(directory)).unwrap()
}

pub(crate) fn open_read_only(directory: &Path) -> Store<ReadOnly> {
    Store::open_read_only(config(directory)).unwrap()
}

/// Lists the events of a store as the released crate lists them.
pub(crate) fn listing<S>(store: &Store<S>) -> Vec<Value> {
    let entries = store.try_query(&Region::all()).unwrap();
    entries.iter().map(|entry| line(store, entry)).collect()
}

fn line<S>(store: &Store<S>, entry: &IndexEntry) -> Value {
    let stored = store.get(entry.event_id).unwrap();
    let header = &stored.event.header;
    assert_eq!(stored.coordinate, entry.coord);
    assert_eq!(stored.event.hash_chain, Some(entry.hash_chain));
    assert_eq!(header.position.sequence, entry.clock);
    assert_eq!(header.event_kind, entry.kind);
    json!({
        "id": format!("{:032x}", entry.event_id),
        "sequence": entry.global_sequence,
        "entity": entry.coord.entity(),
        "scope": entry.coord.scope(),
        "kind": entry.kind.to_string(),
        "clock": entry.clock,
        "wall_ms": entry.wall_ms,
        "timestamp_us": header.timestamp_us,
        "payload": stored.event.payload,
        "correlation": format!("{:032x}", header.correlation_id),
        "causation": header.causation_id.map(|id| format!("{id:032x}")),
        "flags": header.flags,
        "event_hash": hex(&entry.hash_chain.event_hash),
        "prev_hash": hex(&entry.hash_chain.prev_hash),
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Demands that a store holds exactly these events. Where the clock was set back, an event has the
/// time at which its entity stood.
pub(crate) fn assert_same(found: &[Value], expected: &[Value], what: &str) {
    let expected: Vec<_> = expected.iter().cloned().map(with_entity_time).collect();
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected, "{what}");
    }
    assert_eq!(found.len(), expected.len(), "{what}: the number of events");
}

fn with_entity_time(mut line: Value) -> Value {
    let (wall_ms, stamp) = (&line["wall_ms"], &line["timestamp_us"]);
    let (wall_ms, stamp) = (wall_ms.as_i64().unwrap(), stamp.as_i64().unwrap());
    if stamp / 1000 != wall_ms {
        line["timestamp_us"] = json!(wall_ms * 1000);
    }
    line
}

/// Demands that the files of version 1 are all there and as they were.
pub(crate) fn assert_untouched(before: &Files, directory: &Path, what: &str) {
    let after = files_in(directory);
    for (name, bytes) in before {
        assert!(after.get(name) == Some(bytes), "{what}: {name} was changed");
    }
}

/// The name of the newest segment among files.
pub(crate) fn newest(files: &Files) -> String {
    let mut segments = files.keys().filter(|name| name.ends_with(".fbat"));
    segments.next_back().unwrap().clone()
}
