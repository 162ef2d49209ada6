//! A batch is stored in order and as a whole, or refused as a whole with the item that is at fault.

use crate::harness::*;
use batpak::prelude::*;
use std::error::Error;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

fn refused(store: &Store, items: Vec<BatchAppendItem>) -> (usize, String) {
    let events = store.stats().event_count;
    let error = store.append_batch(items).unwrap_err();
    assert!(error.certainly_not_written(), "{error}");
    assert!(error.source().is_some(), "the source says why");
    let StoreError::BatchFailed {
        item_index,
        stage: BatchStage::Validation,
        source,
    } = error
    else {
        panic!("{error}");
    };
    assert_eq!(store.stats().event_count, events);
    (item_index, source.to_string())
}

#[test]
fn an_empty_batch_is_done_at_once() {
    let directory = temporary();
    let store = open(directory.path());
    assert_eq!(store.append_batch(Vec::new()).unwrap(), []);
    let ticket = store.submit_batch(Vec::new()).unwrap();
    assert_eq!(ticket.try_check().unwrap().unwrap(), []);
    assert_eq!(ticket.wait().unwrap(), []);
    assert_eq!(store.stats().event_count, 0);
}

#[test]
fn items_of_one_entity_follow_each_other() {
    let directory = temporary();
    let store = open(directory.path());
    append_numbers(&store, "a", 0..2);
    let receipts = store
        .append_batch((2..100).map(|number| item("a", number)).collect())
        .unwrap();
    for (clock, receipt) in (2..).zip(&receipts) {
        assert_eq!((receipt.clock, receipt.sequence), (clock, u64::from(clock)));
    }
    let stream = store.stream("a");
    for pair in stream.windows(2) {
        assert_eq!(pair[0].hash_chain.event_hash, pair[1].hash_chain.prev_hash);
    }
    assert_sound(&store, 100);
    store.close().unwrap();
    let store = open(directory.path());
    assert_eq!(store.stream("a"), stream, "live and after reopening");
    assert_eq!(numbers(&store, "a"), (0..100).collect::<Vec<_>>());
}

#[test]
fn an_item_can_be_caused_by_one_before_it() {
    let directory = temporary();
    let store = open(directory.path());
    let earlier = append_numbers(&store, "a", 0..1)[0].event_id;
    let plain = AppendOptions::new();
    let items = vec![
        item_with("a", 1, plain, CausationRef::Absolute(earlier)),
        item_with("b", 2, plain, CausationRef::PriorItem(0)),
        item_with("c", 3, plain.with_causation(7), CausationRef::PriorItem(1)),
        item_with(
            "d",
            4,
            plain.with_causation(7).with_correlation(9),
            CausationRef::None,
        ),
        item("e", 5),
    ];
    let receipts = store.append_batch(items).unwrap();
    let ids: Vec<_> = receipts.iter().map(|receipt| receipt.event_id).collect();
    let expected = [Some(earlier), Some(ids[0]), Some(ids[1]), Some(7), None];
    for (id, cause) in ids.iter().zip(expected) {
        let header = store.get(*id).unwrap().event.header;
        assert_eq!(header.causation_id, cause);
        let entry =
            &store.query(&Region::all())[usize::try_from(header.position.sequence).unwrap()];
        assert_eq!(entry.is_root_cause(), entry.causation_id.is_none());
    }
    assert_eq!(store.get(ids[3]).unwrap().event.header.correlation_id, 9);
    assert_eq!(
        store.get(ids[4]).unwrap().event.header.correlation_id,
        ids[4]
    );
    for prior in [1, 2, usize::MAX] {
        let items = vec![
            item("a", 1),
            item_with("a", 2, plain, CausationRef::PriorItem(prior)),
        ];
        assert_eq!(
            refused(&store, items).0,
            1,
            "item {prior} does not stand before"
        );
    }
}

#[test]
fn limits_of_items_and_bytes() {
    let directory = temporary();
    let config = config(directory.path())
        .with_batch_max_size(10)
        .with_batch_max_bytes(1000);
    let store = Store::open(config).unwrap();
    let of = |items: usize| {
        (0..items as u64)
            .map(|number| item("a", number))
            .collect::<Vec<_>>()
    };
    store.append_batch(of(10)).unwrap();
    let (index, text) = refused(&store, of(11));
    assert_eq!(index, 10);
    assert!(text.contains("batch.max_size"), "{text}");
    // A text of n bytes takes n + 3 bytes of MessagePack.
    let text_of = |len: usize| {
        let (options, causation) = (AppendOptions::new(), CausationRef::None);
        let text = "x".repeat(len);
        BatchAppendItem::new(at("b"), KIND, &text, options, causation).unwrap()
    };
    store
        .append_batch(vec![text_of(500 - 3), text_of(500 - 3)])
        .unwrap();
    let (index, text) = refused(&store, vec![text_of(500 - 3), text_of(501 - 3), text_of(1)]);
    assert_eq!(index, 1);
    assert!(text.contains("batch.max_bytes"), "{text}");
    assert_sound(&store, 12);
}

#[test]
fn a_reserved_kind_in_a_batch_names_its_item() {
    let directory = temporary();
    let store = open(directory.path());
    let mut items = vec![item("a", 0), item("a", 1)];
    items[1].kind = EventKind::SYSTEM_BATCH_BEGIN;
    assert_eq!(refused(&store, items).0, 1);
}

#[test]
fn a_batch_may_cross_a_segments_limit() {
    let directory = temporary();
    let small = || config(directory.path()).with_segment_max_bytes(512);
    let store = Store::open(small()).unwrap();
    for round in 0..10 {
        let items = (0..20).map(|place| item("a", round * 20 + place)).collect();
        store.append_batch(items).unwrap();
    }
    assert!(store.stats().segments > 5, "{:?}", store.stats());
    let live = store.query(&Region::all());
    assert_sound(&store, 200);
    store.close().unwrap();
    let store = Store::open(small()).unwrap();
    assert_eq!(numbers(&store, "a"), (0..200).collect::<Vec<_>>());
    assert_eq!(store.query(&Region::all()).len(), live.len());
    assert_sound(&store, 200);
}

#[test]
fn no_reader_sees_part_of_a_batch() {
    const BATCH: usize = 7;
    let directory = temporary();
    let store = open(directory.path());
    let done = AtomicBool::new(false);
    let looks = [const { AtomicU64::new(0) }; 3];
    let mut batches = 0;
    std::thread::scope(|scope| {
        for looks in &looks {
            let (store, done) = (&store, &done);
            scope.spawn(move || {
                while !done.load(Ordering::Acquire) {
                    assert_eq!(store.stream("a").len() % BATCH, 0, "part of a batch");
                    assert_eq!(
                        store.query(&Region::all()).len() % BATCH,
                        0,
                        "part of a batch"
                    );
                    looks.fetch_add(1, Ordering::AcqRel);
                }
            });
        }
        let has_looked = |looks: &AtomicU64| looks.load(Ordering::Acquire) > 10;
        let deadline = Instant::now() + HANG;
        while batches < scaled(300) || !looks.iter().all(has_looked) {
            store
                .append_batch((0..BATCH as u64).map(|number| item("a", number)).collect())
                .unwrap();
            batches += 1;
            // A reader that has failed looks no more.
            if Instant::now() > deadline {
                break;
            }
        }
        done.store(true, Ordering::Release);
    });
    assert!(batches >= scaled(300), "only {batches} batches");
    assert_sound(&store, batches * BATCH);
}
