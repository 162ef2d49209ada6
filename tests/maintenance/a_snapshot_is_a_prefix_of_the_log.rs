//! A snapshot that is taken while threads append is a store of its own: it opens in good order,
//! every hash in it holds, and it has what was visible at the call and nothing but a front of the
//! log. Appends go on meanwhile.

use crate::harness::*;
use batpak::prelude::*;
use batpak::store::Replay;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

const COPIES: usize = 4;
const THREADS: u64 = 3;

#[test]
fn while_threads_append() {
    let (directory, copies) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = Arc::new(open(directory.path()));
    append_numbers(&store, 0..200);
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..THREADS)
        .map(|nth| {
            let (store, stop) = (Arc::clone(&store), Arc::clone(&stop));
            thread::spawn(move || {
                let mut number = 1_000_000 * (nth + 1);
                while !stop.load(Ordering::Relaxed) {
                    append_number(&store, number);
                    number += 1;
                }
            })
        })
        .collect();
    let mut seen = Vec::new();
    for nth in 0..COPIES {
        let before = store.stats().event_count;
        let path = copies.path().join(nth.to_string());
        store.snapshot(&path).unwrap();
        seen.push((path, before));
    }
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.join().unwrap();
    }
    let all = told(&store);
    for (path, before) in seen {
        let copy = open(&path);
        assert!(!copy.diagnostics().recovery.unclean);
        assert_sound(&copy);
        let copied = told(&copy);
        assert!(
            copied.len() >= before,
            "what was visible at the call is in the copy"
        );
        assert_eq!(copied, all[..copied.len()]);
        // A copy goes on where it ends.
        let next = append_number(&copy, 9_000_000);
        assert!(next.sequence > copied.last().unwrap().0);
        assert_sound(&copy);
        copy.close().unwrap();
    }
}

#[test]
fn keys_heads_and_positions_go_on() {
    let (directory, copies) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(directory.path());
    let receipts = append_numbers(&store, 0..300);
    let path = copies.path().join("new/and/deep");
    store.snapshot(&path).unwrap();
    let before = (told(&store), store.stats().global_sequence);
    store.close().unwrap();

    let copy = open(&path);
    assert_eq!((told(&copy), copy.stats().global_sequence), before);
    for (number, first) in (0..300).zip(&receipts) {
        let again = append_number(&copy, number);
        assert_eq!(again.sequence, first.sequence);
        assert_eq!(again.replay, Some(Replay::SameEvent));
    }
    let stale = AppendOptions::new().with_cas(98);
    let refused = copy.append_with_options(&at("entity:0"), KIND, &1, stale);
    assert!(matches!(
        refused,
        Err(StoreError::SequenceMismatch { actual: 99, .. })
    ));
    let right = AppendOptions::new().with_cas(99);
    copy.append_with_options(&at("entity:0"), KIND, &1, right)
        .unwrap();
    copy.close().unwrap();
}

#[test]
fn a_snapshot_of_a_snapshot_and_of_a_reopened_store_are_the_same() {
    let (directory, copies) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(directory.path());
    append_numbers(&store, 0..100);
    store.close().unwrap();
    // Nothing is written after the opening: the newest segment is one that was closed.
    let store = open(directory.path());
    let before = told(&store);
    let first = copies.path().join("first");
    store.snapshot(&first).unwrap();
    store.close().unwrap();
    let copy = open(&first);
    let second = copies.path().join("second");
    copy.snapshot(&second).unwrap();
    assert_eq!(told(&copy), before);
    copy.close().unwrap();
    assert_eq!(told(&open(&second)), before);
}

#[test]
fn an_empty_store_has_an_empty_snapshot() {
    let (directory, copies) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(directory.path());
    let path = copies.path().join("copy");
    store.snapshot(&path).unwrap();
    let copy = open(&path);
    assert_eq!(copy.stats().event_count, 0);
    append_numbers(&copy, 0..3);
    assert_sound(&copy);
}
