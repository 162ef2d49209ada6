//! Whole frames up to the tear are read, a batch without its end is dropped, and both are told.

use crate::harness::*;
use batpak::prelude::*;
use std::fs;

/// Cuts `bytes` off the end of the newest segment.
fn cut(fixture: &str, bytes: usize) -> Files {
    let mut files = files_of(fixture);
    let name = newest(&files);
    let segment = files.get_mut(&name).unwrap();
    segment.truncate(segment.len() - bytes);
    files
}

fn newest_len(fixture: &str) -> usize {
    let files = files_of(fixture);
    files[&newest(&files)].len()
}

#[test]
fn at_every_byte_of_the_last_200() {
    for fixture in FIXTURES.iter().filter(|fixture| **fixture != "empty") {
        let whole = listing_of(fixture);
        let directory = directory_of(&files_of(fixture));
        for bytes in 1..=200 {
            let files = cut(fixture, bytes);
            let name = newest(&files);
            fs::write(directory.path().join(&name), &files[&name]).unwrap();
            let store = open_read_only(directory.path());
            let found = listing(&store);
            let what = format!("{fixture}, {bytes} bytes cut off");
            // Only what was killed has no footer, and then the last frame is an event.
            let lost = usize::from(*fixture == "crashed");
            assert_same(&found, &whole[..whole.len() - lost], &what);
            let told = store.diagnostics().recovery.version1.unwrap();
            assert!(told.torn_bytes > 0, "{what}: {told:?}");
        }
    }
}

#[test]
fn wherever_the_newest_segment_ends() {
    for fixture in ["crashed", "unfinished-batch", "reopened-after-a-crash"] {
        let whole = listing_of(fixture);
        let directory = directory_of(&files_of(fixture));
        let mut before = whole.len();
        for bytes in (0..newest_len(fixture)).step_by(7) {
            let files = cut(fixture, bytes);
            let name = newest(&files);
            fs::write(directory.path().join(&name), &files[&name]).unwrap();
            let what = format!("{fixture}, {bytes} bytes cut off");
            match Store::open_read_only(config(directory.path())) {
                Ok(store) => {
                    let found = listing(&store);
                    assert_same(&found, &whole[..found.len()], &what);
                    assert!(found.len() <= before, "{what}");
                    // A few bytes more lose one event, or one batch.
                    assert!(found.len() + 4 >= before, "{what}");
                    before = found.len();
                }
                // Nothing is left of the only segment but a piece of its header.
                Err(error) => {
                    assert!(matches!(error, StoreError::CorruptSegment { .. }), "{what}");
                    assert_eq!((fixture, before), ("unfinished-batch", 0), "{what}");
                }
            }
        }
    }
}

#[test]
fn and_the_torn_file_stays_as_it_is() {
    for bytes in [1, 7, 100, 199, 700, 1_200] {
        let files = cut("crashed", bytes);
        let directory = directory_of(&files);
        let expected = listing(&open_read_only(directory.path()));
        for _ in 0..3 {
            let store = open(directory.path());
            assert_same(&listing(&store), &expected, "torn");
            store.close().unwrap();
            assert_untouched(&files, directory.path(), "torn");
        }
        let store = open(directory.path());
        let coord = Coordinate::new("order:1", "shop").unwrap();
        let receipt = store.append(&coord, EventKind::DATA, &1).unwrap();
        let last = expected.last().unwrap()["sequence"].as_u64().unwrap();
        // Acknowledged events may be gone, and no sequence is given out twice.
        assert!(receipt.sequence > last + 1_000_000);
        store.close().unwrap();
    }
}

#[test]
fn and_a_batch_without_its_end_is_told() {
    let directory = directory_of(&files_of("unfinished-batch"));
    let store = open(directory.path());
    let told = store.diagnostics().recovery.version1.unwrap();
    assert_eq!(told.events, 15);
    assert_eq!(
        (told.dropped_batches, told.dropped_events),
        (1, 4),
        "{told:?}"
    );
    assert!(store.stream("line:0").is_empty());
}

#[test]
fn and_hidden_events_are_told() {
    let directory = directory_of(&files_of("closed"));
    let store = open(directory.path());
    let told = store.diagnostics().recovery.version1.unwrap();
    assert_eq!((told.events, told.hidden_events), (50, 8), "{told:?}");
    assert_eq!(
        (told.torn_bytes, told.skipped_sequences),
        (0, 0),
        "{told:?}"
    );
    assert_eq!((told.segment.as_str(), told.sources), (TAKEN_OVER, 6));
}
