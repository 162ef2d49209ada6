//! An outbox appends what is staged as one batch, keeps it when that fails, and stores nothing
//! twice when it is not known whether it failed.

use crate::harness::*;
use batpak::prelude::*;
use std::time::{Duration, Instant};

fn stage(outbox: &mut Outbox<'_>, numbers: std::ops::Range<u64>) {
    for number in numbers {
        outbox.stage(at("a"), KIND, &number).unwrap();
    }
}

fn caused_by_item(prior: usize, entity: &str, number: u64) -> BatchAppendItem {
    let plain = AppendOptions::new();
    item_with(entity, number, plain, CausationRef::PriorItem(prior))
}

fn ids(receipts: &[AppendReceipt]) -> Vec<u128> {
    receipts.iter().map(|receipt| receipt.event_id).collect()
}

fn stored(store: &Store) -> Vec<u128> {
    let stream = store.stream("a");
    stream.iter().map(|entry| entry.event_id).collect()
}

/// Nobody answers within a nanosecond, and what was asked is done all the same.
fn open_impatient(directory: &std::path::Path) -> Store {
    let limit = Some(Duration::from_nanos(1));
    Store::open(config(directory).with_reply_timeout(limit)).unwrap()
}

#[test]
fn what_is_staged_is_one_batch() {
    let directory = temporary();
    let store = open(directory.path());
    let mut outbox = store.outbox();
    assert!(outbox.is_empty());
    assert_eq!(outbox.flush().unwrap(), []);
    stage(&mut outbox, 0..5);
    assert_eq!((outbox.len(), outbox.is_empty()), (5, false));
    assert_eq!(store.stats().event_count, 0, "staged is not written");
    let receipts = outbox.flush().unwrap();
    assert!(outbox.is_empty());
    assert_eq!(ids(&receipts), stored(&store));
    // One after the other, and with options.
    let options = AppendOptions::new().with_cas(4).with_flags(3);
    outbox
        .stage_with_options(at("a"), KIND, &5u64, options)
        .unwrap()
        .stage(at("b"), KIND, &6u64)
        .unwrap()
        .push_item(caused_by_item(0, "b", 7));
    let ticket = outbox.submit_flush().unwrap();
    assert!(outbox.is_empty(), "the ticket has them");
    let receipts = ticket.wait().unwrap();
    assert!(store.stream("b")[1].is_caused_by(receipts[0].event_id));
    assert_eq!(numbers(&store, "a"), [0, 1, 2, 3, 4, 5]);
    outbox.push_item(caused_by_item(5, "b", 8));
    outbox.flush().unwrap_err();
    drop(outbox);
    assert_eq!(store.stats().event_count, 8, "what was not flushed is gone");
}

#[test]
fn a_failed_flush_keeps_its_items() {
    let directory = temporary();
    let store = Store::open(config(directory.path()).with_batch_max_size(4)).unwrap();
    let mut outbox = store.outbox();
    stage(&mut outbox, 1..3);
    let expects = AppendOptions::new().with_cas(0);
    outbox
        .stage_with_options(at("b"), KIND, &3u64, expects)
        .unwrap();
    for _ in 0..2 {
        let error = outbox.flush().unwrap_err();
        let StoreError::BatchFailed { item_index: 2, .. } = error else {
            panic!("{error}");
        };
        assert_eq!((outbox.len(), store.stats().event_count), (3, 0));
    }
    append_numbers(&store, "b", 0..1);
    assert_eq!(outbox.flush().unwrap().len(), 3);
    assert!(outbox.is_empty());
    // What is refused before it is submitted stays, too.
    stage(&mut outbox, 3..8);
    assert!(outbox.submit_flush().is_err());
    assert_eq!(outbox.len(), 5);
    assert_eq!(numbers(&store, "a"), [1, 2]);
    assert_eq!(numbers(&store, "b"), [0, 3]);
}

#[test]
fn what_cannot_be_encoded_is_not_staged() {
    struct Never;
    impl serde::Serialize for Never {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("never"))
        }
    }
    let directory = temporary();
    let store = open(directory.path());
    let mut outbox = store.outbox();
    let error = outbox.stage(at("a"), KIND, &Never).unwrap_err();
    assert!(matches!(error, StoreError::Serialization(_)), "{error}");
    assert!(outbox.is_empty());
}

/// Flushes until it is done; returns the receipts and how often the fate was open.
fn flush_until_done(
    outbox: &mut Outbox<'_>,
    mut after_failure: impl FnMut(&mut Outbox<'_>),
) -> (Vec<AppendReceipt>, usize) {
    let begun = Instant::now();
    let mut open_fates = 0;
    loop {
        match outbox.flush() {
            Ok(receipts) => return (receipts, open_fates),
            Err(error) => {
                assert!(begun.elapsed() < HANG, "it is never flushed");
                assert!(error.is_retryable(), "{error}");
                open_fates += usize::from(!error.certainly_not_written());
                after_failure(outbox);
            }
        }
    }
}

#[test]
fn a_flush_whose_fate_was_open_is_repeated_safely() {
    let directory = temporary();
    let store = open_impatient(directory.path());
    let mut next = 0;
    let mut open_fates = 0;
    for round in 0..scaled(20) {
        let mut outbox = store.outbox();
        stage(&mut outbox, next..next + 3);
        next += 3;
        let mut staged = 3;
        let (receipts, late) = flush_until_done(&mut outbox, |outbox| {
            // More is staged while the fate of the first ones is open.
            if staged == 3 && round % 2 == 0 {
                outbox.push_item(caused_by_item(0, "a", next));
                next += 1;
                staged += 1;
            }
        });
        open_fates += late;
        assert!(outbox.is_empty());
        // A receipt for each event, in order, whichever flush has stored it.
        let stored = stored(&store);
        assert_eq!(ids(&receipts), stored[stored.len() - staged..]);
        if staged == 4 {
            let last = &store.stream("a")[stored.len() - 1];
            assert!(last.is_caused_by(receipts[0].event_id));
        }
    }
    assert!(open_fates > 0, "no answer was late");
    assert_eq!(numbers(&store, "a"), (0..next).collect::<Vec<_>>());
    assert_sound(&store, usize::try_from(next).unwrap());
}

#[test]
fn a_submitted_flush_settles_what_was_left_open_first() {
    let directory = temporary();
    let store = open_impatient(directory.path());
    let mut outbox = store.outbox();
    let mut next = 0;
    // An answer may be there in time.
    loop {
        stage(&mut outbox, next..next + 3);
        next += 3;
        if let Err(error) = outbox.flush() {
            assert!(!error.certainly_not_written(), "{error}");
            break;
        }
    }
    stage(&mut outbox, next..next + 2);
    let begun = Instant::now();
    while outbox.submit_flush().is_err() {
        assert!(begun.elapsed() < HANG, "it is never flushed");
    }
    assert!(outbox.is_empty());
    // The receipts of what was settled come with the next flush.
    assert_eq!(outbox.flush().unwrap().len(), 3);
    assert_eq!(outbox.flush().unwrap().len(), 0);
    drop(outbox);
    store.close().unwrap();
    let expected: Vec<_> = (0..next + 2).collect();
    assert_eq!(numbers(&open(directory.path()), "a"), expected);
}
