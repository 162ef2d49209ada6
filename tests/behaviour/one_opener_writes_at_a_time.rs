//! One opener at a time writes a directory; its lock belongs to the operating system.

use crate::harness::*;
use batpak::prelude::*;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const CHILD: &str = "one_opener_writes_at_a_time::child_holds_the_store";

#[test]
fn child_holds_the_store() {
    let Some((_, directory)) = part_to_play() else {
        return;
    };
    match Store::open(config(&directory)) {
        Ok(store) => {
            append_numbers(&store, "child", 0..3);
            tell_parent("open");
            hear_parent();
            store.close().unwrap();
            tell_parent("closed");
        }
        Err(StoreError::Locked { .. }) => tell_parent("locked"),
        Err(error) => tell_parent(&error.to_string()),
    }
}

fn assert_locked(directory: &Path) {
    let error = Store::open(config(directory)).unwrap_err();
    let StoreError::Locked { directory: named } = &error else {
        panic!("expected Locked, got {error}");
    };
    assert_eq!(*named, directory.display().to_string());
    assert!(error.is_retryable());
    assert!(error.certainly_not_written());
}

#[test]
fn a_second_opener_in_the_same_process_is_refused() {
    let directory = temporary();
    let store = open(directory.path());
    assert_locked(directory.path());
    append_numbers(&store, "a", 0..3);
    assert_locked(directory.path());
    assert_eq!(numbers(&open_read_only(directory.path()), "a"), [0, 1, 2]);
    store.close().unwrap();
    assert_eq!(numbers(&open(directory.path()), "a"), [0, 1, 2]);
}

#[test]
fn of_sixteen_openers_one_gets_the_store() {
    let directory = temporary();
    let opened = race(16, |_| Store::open(config(directory.path())));
    let won = opened.iter().filter(|opened| opened.is_ok()).count();
    assert_eq!(won, 1);
    for refused in opened.iter().filter_map(|opened| opened.as_ref().err()) {
        assert!(matches!(refused, StoreError::Locked { .. }), "{refused}");
    }
}

#[test]
fn a_second_process_is_refused_and_gets_the_store_after_the_close() {
    let directory = temporary();
    let store = open(directory.path());
    Playing::start(CHILD, "second", directory.path()).expect("locked");
    store.close().unwrap();
    let mut child = Playing::start(CHILD, "second", directory.path());
    child.expect("open");
    assert_locked(directory.path());
    child.go_on();
    child.expect("closed");
    open(directory.path()).close().unwrap();
    child.finish();
}

#[test]
fn a_plain_open_and_close_of_every_file_does_not_free_the_lock() {
    let directory = temporary();
    let mut child = Playing::start(CHILD, "owner", directory.path());
    child.expect("open");
    let store_files = contents(directory.path());
    assert!(!store_files.is_empty());
    drop(std::fs::File::open(directory.path().join("store.lock")).unwrap());
    assert_locked(directory.path());
    child.go_on();
    child.finish();

    let store = open(directory.path());
    // In the owner's own process this is what would drop a POSIX record lock.
    contents(directory.path());
    drop(std::fs::File::open(directory.path().join("store.lock")).unwrap());
    assert_locked(directory.path());
    Playing::start(CHILD, "second", directory.path()).expect("locked");
    store.close().unwrap();
}

#[test]
fn the_lock_of_a_killed_owner_is_free_at_once() {
    for _ in 0..scaled(10) {
        let directory = temporary();
        let mut child = Playing::start(CHILD, "owner", directory.path());
        child.expect("open");
        assert_locked(directory.path());
        child.kill();
        let begun = Instant::now();
        let store = open(directory.path());
        assert!(
            begun.elapsed() < Duration::from_secs(1),
            "took {:?}",
            begun.elapsed()
        );
        assert_eq!(numbers(&store, "child"), [0, 1, 2]);
        store.close().unwrap();
    }
}

#[test]
fn an_opening_that_is_refused_for_damage_frees_the_lock() {
    let directory = temporary();
    let store = open(directory.path());
    append_numbers(&store, "a", 0..3);
    store.close().unwrap();
    let segment = &segments(directory.path())[0];
    let whole = std::fs::read(segment).unwrap();
    let mut damaged = whole.clone();
    damaged[200] ^= 1;
    std::fs::write(segment, damaged).unwrap();
    Store::open(config(directory.path())).unwrap_err();
    std::fs::write(segment, whole).unwrap();
    open(directory.path()).close().unwrap();
}

/// A child holds copies of all descriptors between its fork and its exec: the lock must not last
/// until then.
#[test]
fn the_lock_is_free_after_a_close_while_other_threads_start_programs() {
    let directory = temporary();
    let done = AtomicBool::new(false);
    let outcome = std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Acquire) {
                    Command::new("true").status().unwrap();
                }
            });
        }
        let outcome = (0..scaled(300)).try_for_each(|_| {
            let store = Store::open(config(directory.path()))?;
            store.close().map(|_| ())
        });
        done.store(true, Ordering::Release);
        outcome
    });
    assert!(outcome.is_ok(), "{outcome:?}");
}
