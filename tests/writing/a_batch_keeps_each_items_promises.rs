//! Compare-and-swap, keys, strictness, flags and causes hold for each item of a batch as they do
//! for a single append, and over a restart.

use crate::harness::*;
use batpak::prelude::*;
use batpak::store::Replay;
use std::error::Error;

fn keyed(key: u128) -> AppendOptions {
    AppendOptions::new().with_idempotency(key)
}

/// A batch that asks for everything at once.
fn asking() -> Vec<BatchAppendItem> {
    vec![
        item_with("a", 1, keyed(1).with_expect_empty(), CausationRef::None),
        item_with("b", 2, keyed(2).with_cas(0), CausationRef::None),
        item_with("a", 3, keyed(3).with_cas(0), CausationRef::PriorItem(0)),
    ]
}

fn ids(receipts: &[AppendReceipt]) -> Vec<u128> {
    receipts.iter().map(|receipt| receipt.event_id).collect()
}

#[test]
fn an_exact_retry_succeeds_although_the_clocks_have_gone_on() {
    let directory = temporary();
    let store = open(directory.path());
    append_numbers(&store, "b", 0..1);
    let first = store.append_batch(asking()).unwrap();
    append_numbers(&store, "a", 7..9);
    let retry = |store: &Store| {
        let again = store.append_batch(asking()).unwrap();
        for (again, first) in again.iter().zip(&first) {
            let expected = AppendReceipt {
                replay: Some(Replay::SameEvent),
                ..*first
            };
            assert_eq!(*again, expected);
        }
        // Each of its keys also stands for a single append.
        let single = store.append_with_options(&at("a"), KIND, &3u64, keyed(3));
        assert_eq!(single.unwrap().replay, Some(Replay::SameEvent));
        assert_eq!(store.stats().event_count, 6);
    };
    retry(&store);
    store.close().unwrap();
    let store = open(directory.path());
    retry(&store);
    let ticket = store.submit_batch(asking()).unwrap();
    assert_eq!(ids(&ticket.wait().unwrap()), ids(&first));
    assert_sound(&store, 6);
}

#[test]
fn a_strict_key_refuses_another_payload_in_any_item() {
    let directory = temporary();
    let store = open(directory.path());
    let batch = |second: u64, strict: bool| {
        let options = match strict {
            true => keyed(2).with_strict_idempotency(),
            false => keyed(2),
        };
        vec![
            item_with("a", 1, keyed(1), CausationRef::None),
            item_with("a", second, options, CausationRef::None),
        ]
    };
    for _ in 0..3 {
        store.append_batch(batch(2, true)).unwrap();
    }
    let other = store.append_batch(batch(3, false)).unwrap();
    assert_eq!(other[0].replay, Some(Replay::SameEvent));
    assert_eq!(other[1].replay, Some(Replay::OtherEvent));
    let error = store.append_batch(batch(3, true)).unwrap_err();
    assert!(error.certainly_not_written());
    let told = error.source().expect("a source").to_string();
    assert!(told.contains("already stands for another event"), "{told}");
    let StoreError::BatchFailed {
        item_index: 1,
        stage: BatchStage::Validation,
        source,
    } = error
    else {
        panic!("{error}");
    };
    assert!(matches!(
        *source,
        StoreError::IdempotencyConflict { key: 2 }
    ));
    assert_eq!(numbers(&store, "a"), [1, 2]);
}

#[test]
fn flags_and_ids_are_kept_on_disk() {
    let directory = temporary();
    let store = open(directory.path());
    for bit in 0..8u32 {
        let options = keyed(u128::from(bit) + 1)
            .with_flags(1 << bit)
            .with_correlation(100 + u128::from(bit))
            .with_causation(200);
        let causation = CausationRef::Absolute(300 + u128::from(bit));
        let batch = vec![item_with("a", 0, options, causation)];
        store.append_batch(batch).unwrap();
        let single = keyed(u128::from(bit) + 50).with_flags(1 << bit);
        store
            .append_with_options(&at("a"), KIND, &0u64, single)
            .unwrap();
    }
    let check = |store: &Store| {
        for bit in 0..8u32 {
            let batch = store.get(u128::from(bit) + 1).unwrap().event.header;
            assert_eq!(batch.flags, 1 << bit);
            assert_eq!(batch.correlation_id, 100 + u128::from(bit));
            // What the item says of its cause goes before what its options say.
            assert_eq!(batch.causation_id, Some(300 + u128::from(bit)));
            let single = store.get(u128::from(bit) + 50).unwrap().event.header;
            assert_eq!(single.flags, 1 << bit);
        }
    };
    check(&store);
    store.close().unwrap();
    check(&open(directory.path()));
}

#[test]
fn at_its_limits_and_one_over() {
    let directory = temporary();
    let config = config(directory.path())
        .with_batch_max_size(4096)
        .with_batch_max_bytes(16 * 1024 * 1024);
    let store = Store::open(config).unwrap();
    let many = |count: u64| {
        (0..count)
            .map(|number| item("a", number))
            .collect::<Vec<_>>()
    };
    assert_eq!(store.append_batch(many(4096)).unwrap().len(), 4096);
    let error = store.append_batch(many(4097)).unwrap_err();
    assert!(matches!(error, StoreError::BatchFailed { .. }), "{error}");
    assert!(error.to_string().contains("4096"), "{error}");
    // A text of n bytes takes n + 5 bytes of MessagePack.
    let text = |bytes: usize| {
        let text = "x".repeat(bytes - 5);
        let plain = (AppendOptions::new(), CausationRef::None);
        BatchAppendItem::new(at("b"), KIND, &text, plain.0, plain.1).unwrap()
    };
    let half = 8 * 1024 * 1024;
    store.append_batch(vec![text(half), text(half)]).unwrap();
    let over = store.append_batch(vec![text(half), text(half + 1)]);
    let StoreError::BatchFailed { item_index: 1, .. } = over.unwrap_err() else {
        panic!("the item that is too much")
    };
    assert_sound(&store, 4096 + 2);
}

/// On a disk that counts.
#[cfg(feature = "testkit")]
mod durable {
    use super::*;
    use batpak::testkit::{Call, FsCall, SimFs, open_on_threads};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn it_costs_one_sync() {
        let disk = SimFs::new();
        let config = StoreConfig::new("store").with_sync_every_n_events(1);
        let store = open_on_threads(config, Arc::new(disk.clone())).unwrap();
        // The first write makes the segment; the next file is made ready meanwhile.
        append_numbers(&store, "a", 0..1000);
        let syncs = Arc::new(AtomicU64::new(0));
        let seen = Arc::clone(&syncs);
        disk.observe(Some(Box::new(move |call: &Call<'_>| {
            let is_sync = matches!(call.call, FsCall::SyncData | FsCall::SyncAll);
            seen.fetch_add(u64::from(is_sync), Ordering::Relaxed);
        })));
        for round in 1..=5 {
            let items = (0..200).map(|number| item("a", number)).collect();
            store.append_batch(items).unwrap();
            assert_eq!(syncs.load(Ordering::Relaxed), round);
        }
        disk.observe(None);
        assert_sound(&store, 2000);
    }
}
