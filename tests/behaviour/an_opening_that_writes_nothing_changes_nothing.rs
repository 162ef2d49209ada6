//! Opening and closing a store without a write leaves every file as it was.

use crate::harness::*;
use batpak::prelude::*;

#[test]
fn on_an_empty_directory() {
    let directory = temporary();
    let before = contents(directory.path());
    open(directory.path()).close().unwrap();
    assert_same_files(&before, &contents(directory.path()), "open and close");
}

#[test]
fn on_a_store_that_was_closed() {
    let directory = temporary();
    for round in 0..3 {
        let store = open(directory.path());
        append_numbers(&store, "a", round..round + 10);
        store.close().unwrap();
    }
    let before = contents(directory.path());
    for _ in 0..3 {
        let store = open(directory.path());
        assert_eq!(store.stream("a").len(), 30);
        store.sync().unwrap();
        store.close().unwrap();
        assert_same_files(&before, &contents(directory.path()), "open, sync and close");
        drop(open(directory.path()));
        assert_same_files(&before, &contents(directory.path()), "open and drop");
    }
}

#[test]
fn where_every_append_is_refused() {
    let directory = temporary();
    let store = open(directory.path());
    append_numbers(&store, "a", 0..3);
    store.close().unwrap();
    let before = contents(directory.path());
    let store = open(directory.path());
    let coord = at("a");
    store
        .append(&coord, EventKind::SYSTEM_INIT, &1)
        .unwrap_err();
    store.append_batch(Vec::new()).unwrap();
    store.close().unwrap();
    assert_same_files(
        &before,
        &contents(directory.path()),
        "refused before the writer",
    );
}

#[test]
fn a_read_only_opening_creates_nothing_at_all() {
    let directory = temporary();
    let store = open(directory.path());
    append_numbers(&store, "a", 0..3);
    store.close().unwrap();
    std::fs::remove_file(directory.path().join("store.lock")).unwrap();
    let before = contents(directory.path());
    let store = open_read_only(directory.path());
    assert_eq!(numbers(&store, "a"), [0, 1, 2]);
    assert_sound(&store, 3);
    store.refresh().unwrap();
    store.close().unwrap();
    assert_same_files(&before, &contents(directory.path()), "read-only");
    assert!(!directory.path().join("store.lock").exists());

    let missing = directory.path().join("missing");
    let error = Store::open_read_only(StoreConfig::new(&missing)).unwrap_err();
    assert!(matches!(error, StoreError::Io(_)), "{error}");
    assert!(!missing.exists());
}

#[test]
fn a_read_only_opening_mends_nothing() {
    let directory = temporary();
    let store = open(directory.path());
    append_numbers(&store, "a", 0..5);
    let image = directory_of(&contents(directory.path()));
    let segment = &segments(image.path())[0];
    let last = store.stream("a")[4].disk_pos;
    let file = std::fs::OpenOptions::new()
        .write(true)
        .open(segment)
        .unwrap();
    file.set_len(last.offset + 5).unwrap();
    let before = contents(image.path());
    let reader = open_read_only(image.path());
    assert_eq!(numbers(&reader, "a"), [0, 1, 2, 3]);
    reader.close().unwrap();
    assert_same_files(&before, &contents(image.path()), "read-only on a torn tail");
}
