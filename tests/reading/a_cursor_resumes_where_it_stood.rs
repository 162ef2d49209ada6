//! A cursor's position can be saved and resumed, on this store and on no other, and never passes an
//! event over.

use crate::harness::*;
use batpak::prelude::*;
use batpak::store::ParsePositionError;
use batpak::testkit::Machine;
use std::path::Path;

fn through_text(position: CursorPosition) -> CursorPosition {
    let text = position.to_string();
    let json = serde_json::to_string(&position).unwrap();
    assert_eq!(json, format!("{text:?}"));
    assert_eq!(
        serde_json::from_str::<CursorPosition>(&json).unwrap(),
        position
    );
    let binary = rmp_serde::to_vec(&position).unwrap();
    assert_eq!(
        rmp_serde::from_slice::<CursorPosition>(&binary).unwrap(),
        position
    );
    text.parse().unwrap()
}

fn copy(from: &Path, to: &Path) {
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        if file.file_type().unwrap().is_file() {
            std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    }
}

#[test]
fn in_steps_of_chance_through_closing_opening_and_readers() {
    let random = &mut seeded("cursors");
    for _ in 0..scaled(10) {
        let machine = Machine::new(random.u64(..));
        let mut store = history(&machine, random.u64(50..200), random);
        for region in regions() {
            let expected = store.query(&region);
            let mut position = CursorPosition::start();
            let mut found = Vec::new();
            loop {
                let count = random.usize(1..20);
                let batch = if random.u8(..) < 30 {
                    let reader = machine.open_read_only(small_segments()).unwrap();
                    let mut cursor = reader.cursor_at(&region, &position).unwrap();
                    let batch = cursor.poll_batch(count);
                    position = through_text(cursor.position());
                    reader.close().unwrap();
                    batch
                } else {
                    let mut cursor = store.cursor_at(&region, &position).unwrap();
                    let batch = cursor.poll_batch(count);
                    position = through_text(cursor.position());
                    batch
                };
                if batch.is_empty() {
                    break;
                }
                assert_eq!(position, store.position_behind(batch.last().unwrap()));
                found.extend(batch);
                if random.u8(..) < 10 {
                    store.close().unwrap();
                    store = machine.open(small_segments()).unwrap();
                }
            }
            assert_same_events(&found, &expected, &format!("{region:?}"));
        }
    }
}

#[test]
fn what_a_region_left_out_is_looked_at_again_and_nothing_else() {
    let directory = temporary();
    let store = open(directory.path());
    append_numbers(&store, "a", 0..3);
    append_numbers(&store, "b", 0..3);
    let mut cursor = store.cursor_guaranteed(&Region::entity_exact("a"));
    assert_eq!(cursor.position(), CursorPosition::start());
    assert_eq!(cursor.poll_batch(10).len(), 3);
    assert_eq!(cursor.poll(), None);
    let position = cursor.position();
    assert_eq!(position.sequence(), Some(2));
    // Another region can be resumed there, and sees what the first one left out.
    let mut all = store.cursor_at(&Region::all(), &position).unwrap();
    assert_eq!(sequences(&all.poll_batch(10)), [3, 4, 5]);
    append_numbers(&store, "a", 3..4);
    let mut cursor = store
        .cursor_at(&Region::entity_exact("a"), &position)
        .unwrap();
    assert_eq!(sequences(&cursor.poll_batch(10)), [6]);
}

#[test]
fn a_position_of_another_store_is_refused() {
    let (one, other) = (temporary(), temporary());
    let (one, other) = (open(one.path()), open(other.path()));
    let empty = temporary();
    let empty = open(empty.path());
    append_numbers(&one, "a", 0..5);
    append_numbers(&other, "a", 0..10);
    let mut cursor = one.cursor_guaranteed(&Region::all());
    cursor.poll_batch(3);
    for store in [&other, &empty] {
        let error = store
            .cursor_at(&Region::all(), &cursor.position())
            .unwrap_err();
        assert!(
            matches!(error, StoreError::ForeignPosition { .. }),
            "{error}"
        );
        assert!(error.to_string().contains("another store"), "{error}");
    }
    // Nothing is passed over at the start, wherever that is.
    let mut start = other
        .cursor_at(&Region::all(), &CursorPosition::start())
        .unwrap();
    assert_eq!(start.poll_batch(100).len(), 10);
}

#[test]
fn a_position_ahead_of_a_restored_copy_is_refused() {
    let (directory, backup) = (temporary(), temporary());
    let store = open(directory.path());
    append_numbers(&store, "a", 0..10);
    store.close().unwrap();
    copy(directory.path(), backup.path());
    let store = open(directory.path());
    append_numbers(&store, "a", 10..20);
    let mut cursor = store.cursor_guaranteed(&Region::all());
    let inside = {
        cursor.poll_batch(10);
        cursor.position()
    };
    cursor.poll_batch(5);
    let ahead = cursor.position();
    store.close().unwrap();

    let store = open(backup.path());
    let mut cursor = store.cursor_at(&Region::all(), &inside).unwrap();
    assert_eq!(cursor.poll(), None);
    let error = store.cursor_at(&Region::all(), &ahead).unwrap_err();
    assert!(matches!(error, StoreError::Rollback { .. }), "{error}");
    // Other events take the place of those that were lost: the position is still not one of theirs.
    append_numbers(&store, "b", 0..20);
    let error = store.cursor_at(&Region::all(), &ahead).unwrap_err();
    assert!(
        matches!(error, StoreError::ForeignPosition { .. }),
        "{error}"
    );
    assert!(error.to_string().contains("another event"), "{error}");
    let reader = Store::open_read_only(StoreConfig::new(backup.path())).unwrap();
    let error = reader.cursor_at(&Region::all(), &ahead).unwrap_err();
    assert!(
        matches!(error, StoreError::ForeignPosition { .. }),
        "{error}"
    );
    assert_eq!(sequences(&cursor.poll_batch(2)), [10, 11]);
}

#[test]
fn a_reader_that_lags_behind_looks_before_it_refuses() {
    let directory = temporary();
    let store = open(directory.path());
    append_numbers(&store, "a", 0..1);
    let reader = Store::open_read_only(StoreConfig::new(directory.path())).unwrap();
    append_numbers(&store, "a", 1..10);
    let mut cursor = store.cursor_guaranteed(&Region::all());
    cursor.poll_batch(5);
    let mut resumed = reader
        .cursor_at(&Region::all(), &cursor.position())
        .unwrap();
    assert_eq!(sequences(&resumed.poll_batch(10)), [5, 6, 7, 8, 9]);
}

#[test]
fn only_its_own_text_is_a_position() {
    let directory = temporary();
    let store = open(directory.path());
    append_numbers(&store, "a", 0..3);
    let mut cursor = store.cursor_guaranteed(&Region::all());
    cursor.poll_batch(2);
    let text = cursor.position().to_string();
    assert_eq!(
        through_text(CursorPosition::start()),
        CursorPosition::start()
    );
    assert_eq!(CursorPosition::start().to_string(), "start");
    let bad = [
        String::new(),
        "7".into(),
        "start ".into(),
        text.to_uppercase(),
        format!("{text}0"),
        format!(" {text}"),
        text.replacen("-1-", "-01-", 1),
        text.replacen("-1-", "-+1-", 1),
        text.replacen("-1-", "-", 1),
        text.replacen("-1-", "-99999999999999999999-", 1),
    ];
    for bad in bad {
        let error: ParsePositionError = bad.parse::<CursorPosition>().unwrap_err();
        assert!(error.to_string().contains("no cursor position"), "{error}");
        let json = serde_json::to_string(&bad).unwrap();
        assert!(serde_json::from_str::<CursorPosition>(&json).is_err());
    }
}

#[test]
fn a_failed_poll_leaves_the_position_where_it_was() {
    let machine = Machine::new(7);
    let store = history(&machine, 120, &mut fastrand::Rng::with_seed(7));
    store.close().unwrap();
    let disk = machine.disk().fork();
    let machine = machine.with_image(disk.clone(), 8);
    let config = small_segments().with_cache_bytes(0);
    let store = machine.open(config).unwrap();
    let all = store.query(&Region::all());
    let mut cursor = store.cursor_guaranteed(&Region::all());
    assert_eq!(cursor.try_poll_batch(5).unwrap().len(), 5);
    let before = cursor.position();
    let mut failures = 0;
    loop {
        let fault = batpak::testkit::Fault::Error(std::io::ErrorKind::Other);
        let index = disk.calls() + failures;
        disk.fail_from(index, Some(batpak::testkit::FsCall::ReadAt), fault);
        let polled = cursor.try_poll_batch(100);
        disk.clear_faults();
        match polled {
            Ok(batch) => {
                assert_same_events(&batch, &all[5..105], "a poll after failed ones");
                break;
            }
            Err(_) => assert_eq!(cursor.position(), before),
        }
        failures += 1;
    }
    assert!(failures > 20, "it failed in the middle, too: {failures}");
}
