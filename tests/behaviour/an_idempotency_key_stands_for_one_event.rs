//! The same key again stores nothing and returns the first receipt, for ever.

use crate::harness::*;
use batpak::prelude::*;
use batpak::store::Replay;

fn keyed(key: u128) -> AppendOptions {
    AppendOptions::new().with_idempotency(key)
}

fn append(store: &Store, number: u64, options: AppendOptions) -> Result<AppendReceipt, StoreError> {
    store.append_with_options(&at("a"), KIND, &number, options)
}

/// What a repeated key returns: the first receipt with a mark.
fn replayed(first: AppendReceipt, replay: Replay) -> AppendReceipt {
    AppendReceipt {
        replay: Some(replay),
        ..first
    }
}

#[test]
fn sixteen_threads_with_one_key_store_one_event() {
    let directory = temporary();
    let store = open(directory.path());
    for round in 1..=scaled(100) as u128 {
        let receipts = race(16, |_| append(&store, 7, keyed(round)).unwrap());
        let first: Vec<_> = receipts
            .iter()
            .filter(|receipt| receipt.replay.is_none())
            .collect();
        assert_eq!(first.len(), 1, "round {round}: {receipts:?}");
        for receipt in receipts.iter().filter(|receipt| receipt.replay.is_some()) {
            assert_eq!(*receipt, replayed(*first[0], Replay::SameEvent));
        }
        assert_eq!(first[0].event_id, round, "the key becomes the event's id");
        assert_eq!(store.stats().event_count as u128, round);
    }
}

#[test]
fn whatever_the_payload_the_first_receipt_comes_back_with_a_mark() {
    let directory = temporary();
    let store = open(directory.path());
    let first = append(&store, 1, keyed(5)).unwrap();
    assert_eq!(first.replay, None);
    let others = [
        (at("a"), KIND, 2u64),
        (at("b"), KIND, 1),
        (Coordinate::new("a", "elsewhere").unwrap(), KIND, 1),
        (at("a"), EventKind::DATA, 1),
    ];
    for (coord, kind, number) in &others {
        let receipt = store
            .append_with_options(coord, *kind, number, keyed(5))
            .unwrap();
        assert_eq!(receipt, replayed(first, Replay::OtherEvent));
    }
    assert_eq!(
        append(&store, 1, keyed(5)).unwrap(),
        replayed(first, Replay::SameEvent)
    );
    assert_eq!(numbers(&store, "a"), [1]);
    assert_eq!(store.stats().event_count, 1);
}

#[test]
fn the_strict_form_refuses_another_event() {
    let directory = temporary();
    let store = open(directory.path());
    let first = append(&store, 1, keyed(5).with_strict_idempotency()).unwrap();
    let error = append(&store, 2, keyed(5).with_strict_idempotency()).unwrap_err();
    assert!(
        matches!(error, StoreError::IdempotencyConflict { key: 5 }),
        "{error}"
    );
    assert!(error.certainly_not_written() && !error.is_retryable());
    let again = append(&store, 1, keyed(5).with_strict_idempotency()).unwrap();
    assert_eq!(again, replayed(first, Replay::SameEvent));
    assert_eq!(store.stats().event_count, 1);
}

#[test]
fn the_key_is_looked_at_before_the_clock() {
    let directory = temporary();
    let options = [
        keyed(1).with_expect_empty(),
        keyed(2).with_cas(0),
        keyed(3).with_cas(1),
    ];
    let store = open(directory.path());
    let first: Vec<_> = options
        .iter()
        .map(|options| append(&store, 9, *options).unwrap())
        .collect();
    let retry = |store: &Store| {
        for (options, first) in options.iter().zip(&first) {
            let again = append(store, 9, *options).unwrap();
            assert_eq!(again, replayed(*first, Replay::SameEvent));
        }
    };
    retry(&store);
    let error = append(&store, 9, keyed(4).with_cas(0)).unwrap_err();
    assert!(
        matches!(error, StoreError::SequenceMismatch { .. }),
        "{error}"
    );
    store.close().unwrap();
    let store = open(directory.path());
    retry(&store);
    // A key whose append was refused is still free.
    assert_eq!(
        append(&store, 9, keyed(4).with_cas(2)).unwrap().replay,
        None
    );
    assert_eq!(store.stats().event_count, 4);
}

#[test]
fn for_ever_over_reopenings_and_merges() {
    let directory = temporary();
    let mut first = Vec::new();
    for key in 1..=30u128 {
        let store = open(directory.path());
        first.push(append(&store, 1, keyed(key)).unwrap());
        store.close().unwrap();
    }
    let store = open(directory.path());
    for receipt in &first {
        let again = append(&store, 1, keyed(receipt.event_id)).unwrap();
        assert_eq!(again.replay, Some(Replay::SameEvent));
        assert_eq!(
            (again.event_id, again.sequence, again.clock),
            (receipt.event_id, receipt.sequence, receipt.clock)
        );
    }
    assert_eq!(store.stats().event_count, 30);
}

#[test]
fn a_wholly_repeated_batch_returns_its_receipts() {
    let directory = temporary();
    let batch = || -> Vec<_> {
        (1..=5u64)
            .map(|key| {
                let entity = if key % 2 == 0 { "a" } else { "b" };
                item_with(entity, key, keyed(key.into()), CausationRef::None)
            })
            .collect()
    };
    let store = open(directory.path());
    let first = store.append_batch(batch()).unwrap();
    let again = |store: &Store| {
        let receipts = store.append_batch(batch()).unwrap();
        let expected: Vec<_> = first
            .iter()
            .map(|first| replayed(*first, Replay::SameEvent))
            .collect();
        assert_eq!(receipts, expected);
        assert_eq!(store.stats().event_count, 5);
    };
    again(&store);
    store.close().unwrap();
    again(&open(directory.path()));
}

#[test]
fn a_partly_repeated_batch_is_refused_as_a_whole() {
    let directory = temporary();
    let store = open(directory.path());
    append(&store, 1, keyed(1)).unwrap();
    let mixed = [
        vec![(1, 1), (2, 2)],
        vec![(2, 2), (1, 1)],
        vec![(2, 2), (1, 1), (3, 3)],
    ];
    let unkeyed = vec![
        item_with("a", 1, keyed(1), CausationRef::None),
        item("a", 2),
    ];
    let batches = mixed.into_iter().map(|items| {
        let keyed = |(key, number)| item_with("a", number, keyed(key), CausationRef::None);
        items.into_iter().map(keyed).collect::<Vec<_>>()
    });
    for batch in batches.chain([unkeyed]) {
        let items = batch.len();
        let error = store.append_batch(batch).unwrap_err();
        assert!(error.certainly_not_written());
        let StoreError::BatchFailed { source, .. } = error else {
            panic!("{error}")
        };
        let StoreError::PartialReplay {
            stored: 1,
            items: told,
        } = *source
        else {
            panic!("{source}");
        };
        assert_eq!(told, items);
        assert_eq!(store.stats().event_count, 1);
    }
    // The keys of what was refused are still free.
    assert_eq!(append(&store, 2, keyed(2)).unwrap().replay, None);
}

#[test]
fn a_key_that_stands_twice_in_a_batch_is_refused() {
    let directory = temporary();
    let store = open(directory.path());
    let twice = |first| {
        vec![
            item_with("a", 1, keyed(first), CausationRef::None),
            item_with("a", 2, keyed(2), CausationRef::None),
            item_with("b", 3, keyed(first), CausationRef::None),
        ]
    };
    let error = store.append_batch(twice(1)).unwrap_err();
    let StoreError::BatchFailed {
        item_index: 2,
        source,
        ..
    } = error
    else {
        panic!("{error}")
    };
    assert!(
        matches!(*source, StoreError::DuplicateKey { key: 1 }),
        "{source}"
    );
    assert_eq!(store.stats().event_count, 0);
    // Also when the key is stored already.
    append(&store, 1, keyed(1)).unwrap();
    store.append_batch(twice(1)).unwrap_err();
    assert_eq!(store.stats().event_count, 1);
}

#[test]
fn a_repeat_in_the_queue_waits_for_the_first() {
    let directory = temporary();
    let store = Store::open(config(directory.path()).with_sync_every_n_events(1)).unwrap();
    for key in 1..=50u128 {
        let tickets: Vec<_> = (0..4)
            .map(|_| {
                store
                    .submit_with_options(&at("a"), KIND, &1u64, keyed(key))
                    .unwrap()
            })
            .collect();
        let receipts: Vec<_> = tickets
            .into_iter()
            .map(|ticket| ticket.wait().unwrap())
            .collect();
        assert_eq!(receipts[0].replay, None);
        for receipt in &receipts[1..] {
            assert_eq!(*receipt, replayed(receipts[0], Replay::SameEvent));
        }
    }
    assert_sound(&store, 50);
}

#[test]
fn group_commit_demands_a_key_on_every_single_append() {
    let directory = temporary();
    let store = Store::open(config(directory.path()).with_group_commit_max_batch(8)).unwrap();
    let error = store.append(&at("a"), KIND, &1u64).unwrap_err();
    assert!(matches!(error, StoreError::IdempotencyRequired), "{error}");
    append(&store, 1, keyed(1)).unwrap();
    store.append_batch(vec![item("a", 2)]).unwrap();
    assert_eq!(numbers(&store, "a"), [1, 2]);
}
