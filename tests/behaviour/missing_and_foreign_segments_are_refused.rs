//! Segments that are gone, swapped, cut or of another history are typed refusals, and the failing
//! opening changes nothing.

use crate::harness::*;
use batpak::prelude::*;
use std::collections::BTreeMap;

type Files = BTreeMap<String, Vec<u8>>;

/// A closed store of four segments; none is small enough to be merged away.
fn store_of_segments(from: u64) -> Files {
    let directory = temporary();
    let config = || config(directory.path()).with_segment_max_bytes(1);
    for round in 0..4 {
        let store = Store::open(config()).unwrap();
        append_numbers(&store, "a", from + round * 10..from + round * 10 + 5);
        store.close().unwrap();
    }
    contents(directory.path())
}

fn names(files: &Files) -> Vec<String> {
    files
        .keys()
        .filter(|name| name.ends_with(".fbat"))
        .cloned()
        .collect()
}

fn refusal(files: &Files, what: &str) -> StoreError {
    let directory = directory_of(files);
    let Err(error) = Store::open(config(directory.path())) else {
        panic!("{what}: opened")
    };
    assert_same_files(files, &contents(directory.path()), what);
    let Err(again) = Store::open_read_only(config(directory.path())) else {
        panic!("{what}: opened read-only");
    };
    assert_eq!(
        error.to_string(),
        again.to_string(),
        "{what}: another verdict"
    );
    error
}

#[test]
fn each_missing_segment() {
    let files = store_of_segments(0);
    let names = names(&files);
    assert!(names.len() >= 4, "{names:?}");
    for (place, name) in names.iter().enumerate() {
        let mut files = files.clone();
        files.remove(name);
        let error = refusal(&files, &format!("without {name}"));
        let number: u64 = name.trim_end_matches(".fbat").parse().unwrap();
        let right = match place + 1 == names.len() {
            true => matches!(error, StoreError::Rollback { .. }),
            false => {
                matches!(error, StoreError::MissingSegment { segment_id } if segment_id == number)
            }
        };
        assert!(right, "without {name}: {error}");
    }
}

#[test]
fn all_segments_but_the_checkpoint() {
    let mut files = store_of_segments(0);
    for name in names(&files) {
        files.remove(&name);
    }
    let error = refusal(&files, "only the checkpoint is left");
    assert!(matches!(error, StoreError::Rollback { .. }), "{error}");
}

#[test]
fn the_last_segments_are_gone_with_an_older_copy_in_place() {
    let directory = temporary();
    let store = open(directory.path());
    append_numbers(&store, "a", 0..5);
    store.close().unwrap();
    let older = contents(directory.path());
    let store = open(directory.path());
    append_numbers(&store, "a", 5..10);
    store.close().unwrap();
    let mut files = contents(directory.path());
    files.retain(|name, _| !name.ends_with(".fbat"));
    files.extend(
        older
            .into_iter()
            .filter(|(name, _)| name.ends_with(".fbat")),
    );
    let error = refusal(&files, "older segments under a newer checkpoint");
    assert!(matches!(error, StoreError::Rollback { .. }), "{error}");
}

#[test]
fn swapped_and_renamed_segments() {
    let files = store_of_segments(0);
    let names = names(&files);
    for one in 0..names.len() {
        for other in one + 1..names.len() {
            let mut swapped = files.clone();
            swapped.insert(names[one].clone(), files[&names[other]].clone());
            swapped.insert(names[other].clone(), files[&names[one]].clone());
            let error = refusal(&swapped, &format!("{one} and {other} swapped"));
            assert!(matches!(error, StoreError::ForeignFile { .. }), "{error}");
        }
    }
    let mut renamed = files.clone();
    renamed.insert("000099.fbat".into(), files[&names[0]].clone());
    let error = refusal(&renamed, "a copy under a new name");
    assert!(matches!(error, StoreError::ForeignFile { .. }), "{error}");
}

#[test]
fn a_segment_of_another_store_in_each_place() {
    let files = store_of_segments(0);
    let other = store_of_segments(1000);
    for name in names(&files) {
        let mut files = files.clone();
        files.insert(name.clone(), other[&name].clone());
        let error = refusal(&files, &format!("a foreign {name}"));
        let typed = matches!(
            error,
            StoreError::ForeignFile { .. } | StoreError::MissingSegment { .. }
        );
        assert!(typed, "a foreign {name}: {error}");
    }
}

/// Two stores that were one until they were copied: the same id, another history.
#[test]
fn a_segment_of_another_history_of_the_same_store() {
    let directory = temporary();
    let store = open(directory.path());
    append_numbers(&store, "a", 0..5);
    store.close().unwrap();
    let common = contents(directory.path());
    let grown = |from: u64| {
        let directory = directory_of(&common);
        for round in 0..2 {
            let store = open(directory.path());
            append_numbers(&store, "a", from + round * 5..from + round * 5 + 5);
            store.close().unwrap();
        }
        contents(directory.path())
    };
    let (mut files, other) = (grown(100), grown(200));
    files.insert("000002.fbat".into(), other["000002.fbat"].clone());
    let error = refusal(&files, "the second segment of a fork");
    let typed = matches!(
        error,
        StoreError::ForeignFile { .. } | StoreError::CrcMismatch { .. }
    );
    assert!(typed, "{error}");
}

#[test]
fn a_sealed_segment_that_was_cut() {
    let files = store_of_segments(0);
    let names = names(&files);
    for name in &names[..names.len() - 1] {
        let len = files[name].len();
        for cut in (0..len).step_by(13) {
            let mut files = files.clone();
            files.get_mut(name).unwrap().truncate(cut);
            let directory = directory_of(&files);
            match Store::open(config(directory.path())) {
                // Only the advisory footer is gone.
                Ok(store) => {
                    assert_eq!(
                        store.stats().event_count,
                        20,
                        "{name} cut at {cut} of {len}"
                    );
                    assert!(len - cut < 200, "{name} cut at {cut} of {len}: opened");
                }
                Err(StoreError::CorruptSegment { .. } | StoreError::CrcMismatch { .. }) => {
                    assert_same_files(&files, &contents(directory.path()), name);
                }
                Err(error) => panic!("{name} cut at {cut} of {len}: {error}"),
            }
        }
    }
}

#[test]
fn files_of_other_names_are_left_alone() {
    let mut files = store_of_segments(0);
    files.insert("notes.txt".into(), b"mine".to_vec());
    files.insert("000002.fbat.bak".into(), b"a copy".to_vec());
    files.insert("old/".into(), Vec::new());
    let directory = directory_of(&files);
    let store = open(directory.path());
    assert_eq!(store.stats().event_count, 20);
    append_numbers(&store, "a", 0..1);
    store.close().unwrap();
    let after = contents(directory.path());
    assert_eq!(after["notes.txt"], b"mine");
    assert_eq!(after["000002.fbat.bak"], b"a copy");
    assert!(after.contains_key("old/"));
}

#[test]
fn a_prepared_file_that_a_crash_left_is_removed() {
    let mut files = store_of_segments(0);
    for leftover in [Vec::new(), vec![0; 4096], files["000001.fbat"].clone()] {
        files.insert("next.tmp".into(), leftover);
        let directory = directory_of(&files);
        let store = open(directory.path());
        append_numbers(&store, "a", 0..1);
        store.close().unwrap();
        assert!(!directory.path().join("next.tmp").exists());
        assert_eq!(open(directory.path()).stats().event_count, 21);
    }
}

#[test]
fn an_empty_or_headless_segment_is_refused() {
    let files = store_of_segments(0);
    for bytes in [
        Vec::new(),
        vec![0; 4096],
        b"FBAT".to_vec(),
        b"something else".to_vec(),
    ] {
        let mut files = files.clone();
        files.insert("000001.fbat".into(), bytes);
        let error = refusal(&files, "no header");
        assert!(
            matches!(error, StoreError::CorruptSegment { segment_id: 1, .. }),
            "{error}"
        );
    }
}
