//! Merging segments changes no answer: every event keeps its place, its hash and its key, while
//! threads append and read, for walks that were begun before, and after the next opening.

use crate::harness::*;
use batpak::prelude::*;
use batpak::store::Replay;
use batpak::store::segment::CompactionResult;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

fn large(directory: &Path) -> Store {
    let config = StoreConfig::new(directory).with_segment_max_bytes(1 << 20);
    Store::open(config).unwrap()
}

fn merge(store: &Store) -> CompactionResult {
    store.compact(&CompactionConfig::default()).unwrap()
}

/// A store of many small segments that may become large ones.
fn store_of_small_segments(directory: &Path, numbers: u64) -> Store {
    let store = open(directory);
    append_numbers(&store, 0..numbers);
    store.close().unwrap();
    large(directory)
}

#[test]
fn small_segments_become_one() {
    let directory = tempfile::tempdir().unwrap();
    let store = store_of_small_segments(directory.path(), 300);
    let (before, segments) = (told(&store), store.stats().segments);
    assert!(segments > 5);
    assert!(segment_files(directory.path()) == segments);
    let done = merge(&store);
    assert_eq!(done.segments_removed, segments);
    assert!(done.bytes_reclaimed > 0);
    assert_eq!(store.stats().segments, 1);
    assert_eq!(segment_files(directory.path()), 1);
    assert_eq!(told(&store), before);
    assert_sound(&store);
    assert_eq!(merge(&store), CompactionResult::default());
    // What comes next follows.
    append_numbers(&store, 300..400);
    let after = told(&store);
    assert_eq!(after[..300], before);
    store.close().unwrap();
    let store = large(directory.path());
    assert_eq!(told(&store), after);
    assert_sound(&store);
    for number in 0..400 {
        assert_eq!(
            append_number(&store, number).replay,
            Some(Replay::SameEvent)
        );
    }
    let stale = AppendOptions::new().with_cas(0);
    let refused = store.append_with_options(&at("entity:1"), KIND, &1, stale);
    assert!(matches!(refused, Err(StoreError::SequenceMismatch { .. })));
}

#[test]
fn the_open_segment_and_large_ones_are_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    append_numbers(&store, 0..10);
    assert_eq!(merge(&store), CompactionResult::default());
    append_numbers(&store, 10..300);
    let segments = store.stats().segments;
    // Each is as large as a segment may be.
    let full = merge(&store);
    assert_eq!(full, CompactionResult::default());
    assert_eq!(store.stats().segments, segments);
    let many = CompactionConfig {
        min_segments: segments,
        ..CompactionConfig::default()
    };
    assert_eq!(store.compact(&many).unwrap(), CompactionResult::default());
}

#[test]
fn a_walk_that_was_begun_before_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let store = store_of_small_segments(directory.path(), 300);
    let before = told(&store);
    let mut walk = store.events(&Region::all(), 0);
    let mut cursor = store.cursor_guaranteed(&Region::all());
    let mut seen: Vec<u64> = walk
        .by_ref()
        .take(100)
        .map(|entry| entry.unwrap().global_sequence)
        .collect();
    let polled = cursor.poll_batch(100);
    let segments = store.stats().segments;
    merge(&store);
    assert_eq!(store.stats().segments, 1);
    seen.extend(walk.by_ref().map(|entry| entry.unwrap().global_sequence));
    let expected: Vec<u64> = before.iter().map(|told| told.0).collect();
    assert_eq!(seen, expected);
    let rest = cursor.poll_batch(1000);
    assert_eq!(polled.len() + rest.len(), before.len());
    assert_eq!(store.diagnostics().read_fault, None);
    // The files go once nobody is in them any more.
    assert!(segment_files(directory.path()) > 1, "{segments}");
    drop(walk);
    let begun = std::time::Instant::now();
    while segment_files(directory.path()) > 1 {
        assert!(begun.elapsed().as_secs() < 30, "old segments stay");
        thread::yield_now();
    }
    assert_eq!(told(&store), before);
}

#[test]
fn while_threads_append_and_read() {
    let directory = tempfile::tempdir().unwrap();
    let config = StoreConfig::new(directory.path()).with_segment_max_bytes(16 * 1024);
    let store = Store::open(config.clone().with_segment_max_bytes(2048)).unwrap();
    append_numbers(&store, 0..2000);
    store.close().unwrap();
    let store = Arc::new(Store::open(config).unwrap());
    let first = told(&store);
    let stop = Arc::new(AtomicBool::new(false));
    let appender = {
        let (store, stop) = (Arc::clone(&store), Arc::clone(&stop));
        thread::spawn(move || {
            let mut number = 2000;
            while !stop.load(Ordering::Relaxed) {
                append_number(&store, number);
                number += 1;
            }
            number
        })
    };
    let readers: Vec<_> = (0..2)
        .map(|nth| {
            let (store, stop, first) = (Arc::clone(&store), Arc::clone(&stop), first.clone());
            thread::spawn(move || {
                let mut random = fastrand::Rng::with_seed(nth);
                while !stop.load(Ordering::Relaxed) {
                    let one = &first[random.usize(..first.len())];
                    let read = store.get_as::<u64>(one.1).unwrap();
                    assert_eq!(read.event.hash_chain.unwrap().event_hash, one.5);
                    let entity = store.try_stream(&one.2).unwrap();
                    assert_eq!(entity[one.3 as usize].event_id, one.1);
                }
            })
        })
        .collect();
    let mut removed = 0;
    for _ in 0..10 {
        removed += merge(&store).segments_removed;
    }
    stop.store(true, Ordering::Relaxed);
    let numbers = appender.join().unwrap();
    for reader in readers {
        reader.join().unwrap();
    }
    assert!(removed > 20);
    assert_eq!(told(&store)[..first.len()], first);
    assert_eq!(store.stats().event_count as u64, numbers);
    assert_eq!(store.diagnostics().read_fault, None);
    assert_sound(&store);
    let all = told(&store);
    Arc::into_inner(store).unwrap().close().unwrap();
    let store = large(directory.path());
    assert_eq!(told(&store), all);
    assert!(!store.diagnostics().recovery.unclean);
    assert_sound(&store);
}
