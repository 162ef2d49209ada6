//! A store that is open for reading opens beside a writer that never rests, finds events where a
//! merge has put them, and says so when what it has shown is gone or is another's.

use crate::harness::*;
use batpak::prelude::*;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// Writes `sessions` sessions of one event each; the eighth closes with a merge.
fn sessions(directory: &Path, sessions: std::ops::Range<u64>) {
    for number in sessions {
        let store = open(directory);
        append_numbers(&store, "entity", number..number + 1);
        store.close().unwrap();
    }
}

/// Far more appends than fit into the time of an opening, and fewer than fill the segment.
const MANY: u64 = 60_000;

#[test]
fn it_opens_while_the_writer_goes_on() {
    let directory = temporary();
    let large = || config(directory.path()).with_segment_max_bytes(256 << 20);
    let store = Store::open(large()).unwrap();
    // So much that some 15 MiB are reserved behind it, all of which an opening looks at.
    let long = "x".repeat(4000);
    for _ in 0..4300 {
        store.append(&at("entity"), KIND, &long).unwrap();
    }
    let opened = AtomicBool::new(false);
    let appended = std::thread::scope(|scope| {
        let writing = scope.spawn(|| {
            let mut appended = 0_u64;
            while !opened.load(Ordering::Acquire) && appended < MANY {
                store.append(&at("entity"), KIND, &appended).unwrap();
                appended += 1;
            }
            appended
        });
        Store::open_read_only(large()).unwrap().close().unwrap();
        opened.store(true, Ordering::Release);
        writing.join().unwrap()
    });
    assert!(appended < MANY, "the reader waited for the writer to end");
    store.close().unwrap();
}

#[test]
fn what_was_shown_and_is_gone_is_a_rollback() {
    let directory = temporary();
    sessions(directory.path(), 0..3);
    let reader = open_read_only(directory.path());
    let newest = segments(directory.path()).pop().unwrap();
    fs::remove_file(newest).unwrap();
    let error = reader.refresh().unwrap_err();
    assert!(matches!(error, StoreError::Rollback { .. }), "{error}");
    for segment in segments(directory.path()) {
        fs::remove_file(segment).unwrap();
    }
    let error = reader.refresh().unwrap_err();
    assert!(matches!(error, StoreError::Rollback { .. }), "{error}");
    assert_eq!(
        reader.stream("entity").len(),
        3,
        "what was shown stays in view"
    );
    assert!(reader.diagnostics().read_fault.is_some());
}

#[test]
fn another_store_in_its_place_is_foreign() {
    let (directory, other) = (temporary(), temporary());
    sessions(directory.path(), 0..2);
    sessions(other.path(), 0..3);
    let reader = open_read_only(directory.path());
    for segment in segments(directory.path()) {
        fs::remove_file(segment).unwrap();
    }
    for segment in segments(other.path()) {
        fs::copy(
            &segment,
            directory.path().join(segment.file_name().unwrap()),
        )
        .unwrap();
    }
    let error = reader.refresh().unwrap_err();
    assert!(matches!(error, StoreError::ForeignFile { .. }), "{error}");
    assert_eq!(numbers_shown(&reader), 2);
}

fn numbers_shown(reader: &Store<ReadOnly>) -> usize {
    reader.query(&Region::all()).len()
}

#[test]
fn events_are_found_where_a_merge_has_put_them() {
    let directory = temporary();
    sessions(directory.path(), 0..7);
    let reader = open_read_only(directory.path());
    let mut merged = false;
    let found = reader
        .verify_with(|_| {
            if !std::mem::replace(&mut merged, true) {
                sessions(directory.path(), 7..8);
                assert_eq!(
                    segments(directory.path()).len(),
                    1,
                    "eight sessions were merged"
                );
                reader.refresh().unwrap();
            }
        })
        .unwrap();
    assert_eq!(found.first_bad, None);
    assert!(found.events >= 7);
    assert_eq!(numbers(&reader, "entity"), (0..8).collect::<Vec<_>>());
}

#[test]
fn verifying_needs_no_refresh_after_a_merge() {
    let directory = temporary();
    sessions(directory.path(), 0..7);
    let reader = open_read_only(directory.path());
    sessions(directory.path(), 7..8);
    assert_sound(&reader, 8);
}

#[test]
fn a_refresh_that_failed_leaves_no_wrong_chain_behind() {
    let directory = temporary();
    sessions(directory.path(), 0..1);
    let reader = open_read_only(directory.path());
    sessions(directory.path(), 1..2);
    let first = segments(directory.path()).remove(0);
    let aside = directory.path().join("aside");
    fs::rename(&first, &aside).unwrap();
    reader.refresh().unwrap_err();
    fs::rename(&aside, &first).unwrap();
    sessions(directory.path(), 2..3);
    reader.refresh().unwrap();
    let shown = reader.stream("entity");
    let hashes: Vec<_> = shown
        .iter()
        .map(|entry| entry.hash_chain.event_hash)
        .collect();
    assert_eq!(hashes.len(), 3);
    for (entry, before) in shown.iter().skip(1).zip(hashes) {
        assert_eq!(entry.hash_chain.prev_hash, before);
    }
}
