//! A repair reads one directory and writes another one, which must be empty and outside.

use crate::harness::{Known, known};
use batpak::prelude::*;
use batpak::store::{RepairStage, repair, repair_with};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

fn contents(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(directory).unwrap().map(Result::unwrap);
    let file = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().unwrap();
        (name, fs::read(entry.path()).unwrap())
    };
    entries.map(file).collect()
}

/// Writes a store and damages it.
fn damaged(directory: &Path) -> Vec<Known> {
    let config = StoreConfig::new(directory).with_segment_max_bytes(3000);
    let store = Store::open(config).unwrap();
    let coordinate = Coordinate::new("entity", "scope").unwrap();
    for number in 0..100 {
        store.append(&coordinate, EventKind::DATA, &number).unwrap();
    }
    let known = known(&store);
    store.close().unwrap();
    let path = directory.join("000002.fbat");
    let mut bytes = fs::read(&path).unwrap();
    bytes[1000] ^= 1;
    fs::write(&path, bytes).unwrap();
    known
}

#[test]
fn and_the_copy_is_a_store() {
    let place = tempfile::tempdir().unwrap();
    let (from, to) = (place.path().join("from"), place.path().join("new/to"));
    let before = damaged(&from);
    let files = contents(&from);
    assert!(Store::open(StoreConfig::new(&from)).is_err());
    let mut stages = Vec::new();
    let report = repair_with(&from, &to, |at| {
        assert!(at.done_bytes <= at.total_bytes, "{at:?}");
        stages.push(at.stage);
    })
    .unwrap();
    stages.dedup();
    let all = [
        RepairStage::Reading,
        RepairStage::Copying,
        RepairStage::Saving,
    ];
    assert_eq!(stages, all);
    assert_eq!(contents(&from), files);
    let store = Store::open(StoreConfig::new(&to)).unwrap();
    assert_eq!(store.verify().unwrap().first_bad, None);
    let after = known(&store);
    assert_eq!(after.len() as u64, report.kept_events + report.saved_events);
    assert_eq!(after.len(), before.len() - 1, "one event was hit");
    store.close().unwrap();
}

#[test]
fn a_destination_that_is_not_free_is_left_alone() {
    let place = tempfile::tempdir().unwrap();
    let (from, to) = (place.path().join("from"), place.path().join("to"));
    damaged(&from);
    let files = contents(&from);
    fs::create_dir(&to).unwrap();
    fs::write(to.join("note.txt"), "mine").unwrap();
    let refused = repair(&from, &to).unwrap_err();
    assert!(matches!(refused, StoreError::NotEmpty { .. }), "{refused}");
    assert_eq!(contents(&to).len(), 1);
    for inside in [from.clone(), from.join("deep/copy")] {
        assert!(repair(&from, &inside).is_err());
    }
    let refused = repair(place.path().join("nothing"), place.path().join("new"));
    assert!(matches!(refused, Err(StoreError::Io(_))));
    assert_eq!(contents(&from), files);
}
