//! What was acknowledged is there again after the store was closed, or dropped.

use crate::harness::*;
use batpak::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

fn check(end: impl Fn(Store)) {
    let directory = temporary();
    let mut receipts = Vec::new();
    for round in 0..5 {
        let store = open(directory.path());
        assert_eq!(numbers(&store, "a"), (0..round * 10).collect::<Vec<_>>());
        assert_sound(&store, receipts.len());
        receipts.extend(append_numbers(&store, "a", round * 10..round * 10 + 10));
        end(store);
    }
    let store = open(directory.path());
    assert!(
        !store.diagnostics().recovery.unclean,
        "both ends leave the log in good order"
    );
    assert_eq!(numbers(&store, "a"), (0..50).collect::<Vec<_>>());
    for (clock, (receipt, entry)) in (0..).zip(receipts.iter().zip(store.stream("a"))) {
        assert_eq!(receipt.event_id, entry.event_id);
        assert_eq!(receipt.sequence, entry.global_sequence);
        assert_eq!((receipt.clock, entry.clock), (clock, clock));
        assert_eq!(entry.hash_chain.prev_hash == [0; 32], clock == 0);
    }
    assert_sound(&store, 50);
    store.close().unwrap();
}

#[test]
fn after_a_close() {
    check(|store| assert!(store.close().is_ok()));
}

#[test]
fn after_a_drop() {
    check(drop);
}

#[test]
fn a_sequence_is_never_given_out_twice() {
    let directory = temporary();
    let mut last = None;
    for round in 0..5 {
        let store = open(directory.path());
        for receipt in append_numbers(&store, "a", round..round + 3) {
            assert!(
                last < Some(receipt.sequence),
                "{last:?} then {}",
                receipt.sequence
            );
            last = Some(receipt.sequence);
        }
        store.close().unwrap();
    }
}

#[test]
fn what_was_submitted_before_a_drop_is_carried_out() {
    let directory = temporary();
    let store = open(directory.path());
    let tickets: Vec<_> = (0..500u64)
        .map(|number| store.submit(&at("a"), KIND, &number).unwrap())
        .collect();
    drop(store);
    for ticket in tickets {
        ticket.wait().unwrap();
    }
    assert_eq!(
        numbers(&open(directory.path()), "a"),
        (0..500).collect::<Vec<_>>()
    );
}

/// Counts the warnings that a program's log would show.
struct Warnings(Arc<AtomicUsize>);

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[test]
fn a_drop_warns_and_a_close_does_not() {
    let directory = temporary();
    let warned = |end: &dyn Fn()| {
        let count = Arc::new(AtomicUsize::new(0));
        tracing::subscriber::with_default(Warnings(Arc::clone(&count)), end);
        count.load(Ordering::SeqCst)
    };
    assert_eq!(warned(&|| drop(open(directory.path()))), 1);
    assert_eq!(warned(&|| drop(open(directory.path()).close())), 0);
    assert_eq!(warned(&|| drop(open_read_only(directory.path()))), 0);
}
