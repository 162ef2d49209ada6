//! A log of version 1 that lacks a segment is refused, and so is what does not belong to it.

use crate::harness::*;
use batpak::prelude::*;
use std::fs;

fn refused(files: &Files) -> StoreError {
    let directory = directory_of(files);
    let error = Store::open(config(directory.path())).unwrap_err();
    assert_eq!(
        files_in(directory.path()),
        *files,
        "a refusal writes nothing"
    );
    Store::open_read_only(config(directory.path())).unwrap_err();
    error
}

#[test]
fn where_a_number_is_missing() {
    for number in 1..=5 {
        let mut files = files_of("closed");
        files.remove(&format!("{number:06}.fbat")).unwrap();
        let error = refused(&files);
        assert!(
            matches!(error, StoreError::MissingSegment { segment_id } if segment_id == number),
            "{number}: {error}"
        );
    }
}

#[test]
fn where_a_compaction_has_left_its_gap_and_another_is_missing() {
    let mut files = files_of("compacted");
    assert!(
        !files.contains_key("000002.fbat"),
        "the gap of the compaction"
    );
    files.remove("000001.fbat").unwrap();
    let error = refused(&files);
    assert!(matches!(
        error,
        StoreError::MissingSegment { segment_id: 1 }
    ));
}

/// Returns the files of a log that was taken over, and written to if asked for.
fn taken_over(appends: u64) -> Files {
    let directory = directory_of(&files_of("closed"));
    let store = open(directory.path());
    let coord = Coordinate::new("order:1", "shop").unwrap();
    for number in 0..appends {
        store.append(&coord, EventKind::DATA, &number).unwrap();
    }
    store.close().unwrap();
    files_in(directory.path())
}

#[test]
fn where_what_took_it_over_is_missing() {
    let mut files = taken_over(1);
    files.remove(TAKEN_OVER).unwrap();
    let error = refused(&files);
    assert!(
        matches!(error, StoreError::MissingSegment { segment_id: 6 }),
        "{error}"
    );
}

#[test]
fn but_not_before_anything_was_added() {
    let whole = taken_over(0);
    let mut files = whole.clone();
    files.retain(|name, _| !name.starts_with("000001-1") && !name.ends_with(".fbcp"));
    let directory = directory_of(&files);
    let store = open(directory.path());
    assert_same(&listing(&store), &listing_of("closed"), "taken over again");
    store.close().unwrap();
    let again = files_in(directory.path());
    assert!(
        again[TAKEN_OVER] == whole[TAKEN_OVER],
        "the same bytes, store id and all"
    );
}

#[test]
fn where_the_released_crate_went_on_writing() {
    for appends in [0, 1] {
        let mut files = taken_over(appends);
        let other = files_of("crashed");
        let mut segment = other["000003.fbat"].clone();
        // Its header says which number it has.
        let id = 8 + usize::from(segment[7]) - 1;
        assert_eq!(segment[id], 3);
        segment[id] = 9;
        files.insert("000009.fbat".into(), segment);
        let error = refused(&files);
        assert!(matches!(error, StoreError::ForeignFile { .. }), "{error}");
    }
}

#[test]
fn and_nobody_looks_into_the_old_files_any_more() {
    let mut files = taken_over(1);
    let expected = listing(&open_read_only(directory_of(&files).path()));
    for (name, bytes) in files_of("closed") {
        let changed = match name.as_str() {
            "000002.fbat" => Vec::new(),
            "000003.fbat" => vec![0; bytes.len()],
            _ => bytes.iter().map(|byte| !byte).collect(),
        };
        files.insert(name, changed);
    }
    let directory = directory_of(&files);
    let store = open(directory.path());
    assert_same(&listing(&store), &expected, "with damaged old files");
    store.close().unwrap();
    fs::remove_file(directory.path().join("000004.fbat")).unwrap();
    let store = open_read_only(directory.path());
    assert_same(&listing(&store), &expected, "without an old file");
}
