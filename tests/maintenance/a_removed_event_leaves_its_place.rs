//! An event that compaction removes is gone for every read, and its payload from the disk; its
//! place stays: keys, clocks, chains and positions are what they were, now and after an opening.

use crate::harness::*;
use batpak::event::EventKind;
use batpak::prelude::*;
use batpak::store::Replay;
use serde_json::json;
use std::path::Path;

const SECRET: &str = "only the removed payloads say this";

/// Appends notes, of which every third has something to hide.
fn append_notes(store: &Store, numbers: std::ops::Range<u64>) -> Vec<AppendReceipt> {
    numbers.map(|number| append_note(store, number)).collect()
}

fn append_note(store: &Store, number: u64) -> AppendReceipt {
    let coord = at(&format!("entity:{}", number % 4));
    let text = if goes(number) { SECRET } else { "public" };
    let payload = json!({"number": number, "text": text});
    let options = AppendOptions::new().with_idempotency(key(number));
    store
        .append_with_options(&coord, KIND, &payload, options)
        .unwrap()
}

fn goes(number: u64) -> bool {
    number.is_multiple_of(3)
}

fn is_public(event: &StoredEvent<serde_json::Value>) -> bool {
    event.event.payload["text"] != SECRET
}

fn retention() -> CompactionConfig {
    CompactionConfig {
        strategy: CompactionStrategy::Retention(Box::new(is_public)),
        min_segments: 1,
    }
}

fn tombstones() -> CompactionConfig {
    CompactionConfig {
        strategy: CompactionStrategy::Tombstone(Box::new(is_public)),
        min_segments: 1,
    }
}

/// A store of sealed segments with notes.
fn sealed(directory: &Path, numbers: u64) -> (Store, Vec<AppendReceipt>) {
    let store = open(directory);
    let receipts = append_notes(&store, 0..numbers);
    store.close().unwrap();
    (open(directory), receipts)
}

fn bytes_hold(directory: &Path, text: &str) -> bool {
    std::fs::read_dir(directory).unwrap().any(|entry| {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    })
}

/// Everything that must hold of a store whose secrets were removed.
fn assert_removed(store: &Store, before: &[Told], receipts: &[AppendReceipt]) {
    let numbers = receipts.len() as u64;
    let removed = (0..numbers).filter(|number| goes(*number)).count();
    let mut kept = before.to_vec();
    kept.retain(|told| {
        let number = (0..numbers).find(|number| key(*number) == told.1).unwrap();
        !goes(number)
    });
    assert_eq!(told(store), kept);
    assert_eq!(store.stats().event_count, kept.len());
    for (number, receipt) in (0..).zip(receipts) {
        let got = store.get(receipt.event_id);
        let raw = store.read_raw(receipt.event_id);
        if goes(number) {
            assert!(matches!(got, Err(StoreError::NotFound(_))), "{got:?}");
            assert!(matches!(raw, Err(StoreError::NotFound(_))));
        } else {
            assert_eq!(got.unwrap().event.payload["number"], number);
        }
        let again = append_note(store, number);
        assert_eq!(
            (again.sequence, again.clock),
            (receipt.sequence, receipt.clock)
        );
        assert_eq!(again.replay, Some(Replay::SameEvent));
    }
    let other = AppendOptions::new().with_idempotency(key(0));
    let other = store
        .append_with_options(&at("other"), KIND, &1, other)
        .unwrap();
    assert_eq!(other.replay, Some(Replay::OtherEvent));
    let found = store.verify().unwrap();
    assert_eq!(found.first_bad, None);
    assert_eq!((found.events, found.removed), (numbers, removed as u64));
    for entity in 0..4 {
        let entity = format!("entity:{entity}");
        let expected: Vec<_> = kept.iter().filter(|told| told.2 == entity).collect();
        let stream = store.try_stream(&entity).unwrap();
        assert_eq!(stream.len(), expected.len());
    }
}

#[test]
fn by_retention() {
    let directory = tempfile::tempdir().unwrap();
    let (store, receipts) = sealed(directory.path(), 200);
    let before = told(&store);
    let segments = store.stats().segments;
    assert!(bytes_hold(directory.path(), SECRET));
    let mut cursor = store.cursor_guaranteed(&Region::all());
    let polled = cursor.poll_batch(50);
    let done = store.compact(&retention()).unwrap();
    assert_eq!(done.segments_removed, segments);
    assert!(!bytes_hold(directory.path(), SECRET));
    assert_removed(&store, &before, &receipts);
    // A cursor goes on behind what it has seen.
    let last = polled.last().unwrap().global_sequence;
    let rest = cursor.poll_batch(1000);
    let kept = told(&store);
    let expected: Vec<u64> = kept
        .iter()
        .map(|told| told.0)
        .filter(|at| *at > last)
        .collect();
    let found: Vec<u64> = rest.iter().map(|entry| entry.global_sequence).collect();
    assert_eq!(found, expected);
    // The heads are where they were, also of an entity whose last event is gone.
    for entity in 0..4_u64 {
        let right = AppendOptions::new().with_cas(49);
        let coord = at(&format!("entity:{entity}"));
        let next = store.append_with_options(&coord, KIND, &json!({"text": "next"}), right);
        assert_eq!(next.unwrap().clock, 50);
    }
    assert_sound(&store);
    let all = told(&store);
    store.close().unwrap();
    let store = open(directory.path());
    assert_eq!(told(&store), all);
    assert_sound(&store);
}

#[test]
fn after_an_opening_with_and_without_its_index() {
    for keep_runs in [true, false] {
        let directory = tempfile::tempdir().unwrap();
        let (store, receipts) = sealed(directory.path(), 200);
        let before = told(&store);
        store.compact(&retention()).unwrap();
        store.close().unwrap();
        for entry in std::fs::read_dir(directory.path()).unwrap() {
            let path = entry.unwrap().path();
            if !keep_runs && path.extension().is_some_and(|end| end == "fbix") {
                std::fs::remove_file(path).unwrap();
            }
        }
        let store = open(directory.path());
        assert_eq!(store.diagnostics().events_in_memory == 0, keep_runs);
        assert_removed(&store, &before, &receipts);
        // Closing merges what it finds, stubs and all.
        store.close().unwrap();
        assert_removed(&open(directory.path()), &before, &receipts);
    }
}

#[test]
fn removed_is_removed() {
    let directory = tempfile::tempdir().unwrap();
    let (store, receipts) = sealed(directory.path(), 100);
    let before = told(&store);
    store.compact(&retention()).unwrap();
    let all = CompactionConfig {
        strategy: CompactionStrategy::Retention(Box::new(|event| {
            assert!(is_public(event), "what was removed is not asked about");
            true
        })),
        min_segments: 1,
    };
    store.compact(&all).unwrap();
    store.compact(&CompactionConfig::default()).unwrap();
    assert_removed(&store, &before, &receipts);
    store.close().unwrap();
    let config = StoreConfig::new(directory.path());
    let store = Store::open(config).unwrap();
    let done = store.compact(&CompactionConfig::default()).unwrap();
    assert!(done.segments_removed > 1);
    assert_eq!(store.stats().segments, 1);
    assert_removed(&store, &before, &receipts);
}

fn assert_tombstones(store: &Store, before: &[Told]) {
    assert_eq!(told(store), before);
    assert_eq!(store.stats().event_count, 100);
    let removed = store.by_fact(EventKind::TOMBSTONE);
    let expected = (0..100).filter(|number| goes(*number)).count();
    assert_eq!(removed.len(), expected);
    assert_eq!(store.by_fact(KIND).len(), 100 - expected);
    for entry in removed {
        let event = store.get(entry.event_id).unwrap();
        assert_eq!(event.event.payload, serde_json::Value::Null);
        assert_eq!(event.event.header.event_kind, EventKind::TOMBSTONE);
        assert!(event.event.header.payload_size > 30);
        assert!(store.read_raw(entry.event_id).unwrap().is_removed());
    }
    let found = store.verify().unwrap();
    assert_eq!((found.first_bad, found.removed), (None, expected as u64));
}

#[test]
fn a_tombstone_shows_that_something_was_there() {
    let directory = tempfile::tempdir().unwrap();
    let (store, receipts) = sealed(directory.path(), 100);
    let before = told(&store);
    store.compact(&tombstones()).unwrap();
    assert!(!bytes_hold(directory.path(), SECRET));
    assert_tombstones(&store, &before);
    store.close().unwrap();
    for entry in std::fs::read_dir(directory.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "fbix") {
            std::fs::remove_file(path).unwrap();
        }
    }
    let store = open(directory.path());
    assert_tombstones(&store, &before);
    for (number, receipt) in (0..).zip(&receipts) {
        let again = append_note(&store, number);
        assert_eq!(again.sequence, receipt.sequence);
        assert_eq!(again.replay, Some(Replay::SameEvent));
    }
    // Tombstones can go in turn.
    let gone = CompactionConfig {
        strategy: CompactionStrategy::Retention(Box::new(|event| {
            event.event.header.event_kind != EventKind::TOMBSTONE
        })),
        min_segments: 1,
    };
    store.compact(&gone).unwrap();
    assert_removed(&store, &before, &receipts);
}

#[test]
fn a_predicate_that_panics_or_cannot_be_asked_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = sealed(directory.path(), 100);
    let before = (told(&store), segment_files(directory.path()));
    let panics = CompactionConfig {
        strategy: CompactionStrategy::Retention(Box::new(|event| {
            assert!(event.event.payload["number"] != 77, "a bug");
            false
        })),
        min_segments: 1,
    };
    match store.compact(&panics) {
        Err(StoreError::PredicatePanicked { event_id, detail }) => {
            assert_eq!(event_id, key(77));
            assert_eq!(detail, "a bug");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!((told(&store), segment_files(directory.path())), before);
    store.append(&at("numbers"), KIND, &f64::NAN).unwrap();
    store.close().unwrap();
    let store = open(directory.path());
    let refused = store.compact(&retention()).unwrap_err();
    assert!(matches!(refused, StoreError::Serialization(_)), "{refused}");
    assert_eq!(told(&store)[..100], before.0);
    assert_sound(&store);
    // It can be asked about the bytes.
    let raw = CompactionConfig {
        strategy: CompactionStrategy::RawRetention(Box::new(|event| {
            let text = SECRET.as_bytes();
            let mut windows = event.event.payload.windows(text.len());
            windows.all(|window| window != text)
        })),
        min_segments: 1,
    };
    store.compact(&raw).unwrap();
    let expected = (0..100).filter(|number| !goes(*number)).count();
    assert_eq!(told(&store).len(), expected + 1);
    assert_sound(&store);
}

#[test]
fn while_others_append_and_read() {
    let directory = tempfile::tempdir().unwrap();
    let store = std::sync::Arc::new(open(directory.path()));
    append_notes(&store, 0..500);
    let appender = {
        let store = std::sync::Arc::clone(&store);
        std::thread::spawn(move || append_notes(&store, 500..1500))
    };
    while !appender.is_finished() {
        store.compact(&retention()).unwrap();
        let fresh = store.try_query(&Region::all()).unwrap();
        assert!(
            fresh
                .windows(2)
                .all(|pair| pair[0].global_sequence < pair[1].global_sequence)
        );
    }
    appender.join().unwrap();
    store.compact(&retention()).unwrap();
    let found = store.verify().unwrap();
    assert_eq!((found.first_bad, found.events), (None, 1500));
    assert!(found.removed > 450);
    assert_eq!(store.stats().event_count as u64, 1500 - found.removed);
    for number in 0..1500 {
        assert_eq!(append_note(&store, number).replay, Some(Replay::SameEvent));
    }
}
