//! An actor that panics more often than its policy allows ends for good: callers are told so, none
//! hangs, closing returns, and opening again is fine.

use crate::harness::*;
use batpak::prelude::*;
use batpak::store::Placement;
use std::sync::Arc;

/// Opens a store, writes ten events, spends an actor's budget, and lets `then` look at it.
fn spend(actor: &'static str, then: impl Fn(&Store) + Send + Clone + 'static) {
    for placement in [Placement::Shared, Placement::ThreadEach] {
        let directory = Arc::new(temporary());
        let kept = Arc::clone(&directory);
        let then = then.clone();
        within(
            HANG,
            &format!("a store whose {actor} has ended"),
            move || {
                let store =
                    Store::open(config(directory.path()).with_placement(placement)).unwrap();
                append_numbers(&store, "a", 0..10);
                // One restart is granted; the second panic is the last.
                store.panic_actor_for_test(actor);
                store.panic_actor_for_test(actor);
                let alive = || {
                    let actors = store.diagnostics().actors;
                    actors
                        .into_iter()
                        .find(|health| health.name == actor)
                        .unwrap()
                        .alive
                };
                while alive() {
                    std::thread::yield_now();
                }
                // What was visible stays readable, whoever has ended.
                assert_eq!(numbers(&store, "a")[..10], (0..10).collect::<Vec<_>>());
                then(&store);
                let closed = store.close();
                println!(
                    "{actor}, {placement:?}: close says {:?}",
                    closed.map_err(|e| e.to_string())
                );
            },
        );
        let store = open(kept.path());
        let events = store.stats().event_count;
        assert!(events >= 10, "{events}");
        append_numbers(&store, "b", 0..1);
        assert_sound(&store, events + 1);
        store.close().unwrap();
    }
}

fn assert_ended(outcome: Result<AppendReceipt, StoreError>, actor: &str) {
    let error = outcome.unwrap_err();
    let StoreError::ActorEnded { actor: named, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(*named, actor);
    assert!(error.certainly_not_written() && !error.is_retryable());
}

#[test]
fn of_the_writer() {
    spend("writer", |store| {
        assert_ended(store.append(&at("a"), KIND, &10), "writer");
        assert!(matches!(
            store.sync(),
            Err(StoreError::ActorEnded {
                actor: "writer",
                ..
            })
        ));
        let error = store.append_batch(vec![item("a", 10)]).unwrap_err();
        assert!(error.certainly_not_written(), "{error}");
        assert_eq!(store.stats().event_count, 10);
    });
}

#[test]
fn of_the_indexer() {
    spend("indexer", |store| {
        let error = store.append(&at("a"), KIND, &10).unwrap_err();
        let typed = matches!(
            error,
            StoreError::ActorEnded { .. }
                | StoreError::FateUnknown { .. }
                | StoreError::WriterCrashed
        );
        assert!(typed, "{error}");
        assert_eq!(store.stats().event_count, 10);
    });
}

#[test]
fn of_the_roller() {
    spend("roller", |store| {
        let mut written = 10;
        let refused = loop {
            match store.append(&at("a"), KIND, &written) {
                Ok(_) => written += 1,
                Err(error) => break error,
            }
            assert!(written < 10_000, "the segment is full long since");
        };
        assert_ended(Err(refused), "roller");
        assert!(written > 10, "there was room in the segment");
        assert_eq!(numbers(store, "a"), (0..written).collect::<Vec<_>>());
        store.sync().unwrap();
    });
}

#[test]
fn of_the_broker() {
    let directory = temporary();
    let store = open(directory.path());
    let subscription = store.subscribe_lossy(&Region::all());
    append_numbers(&store, "a", 0..1);
    store.panic_actor_for_test("broker");
    store.panic_actor_for_test("broker");
    within(HANG, "a subscriber of a broker that has ended", move || {
        while subscription.recv().is_some() {}
    });
    spend("broker", |store| {
        append_numbers(store, "a", 10..15);
        assert_eq!(numbers(store, "a").len(), 15);
        assert_eq!(store.subscribe_lossy(&Region::all()).recv(), None);
        store.sync().unwrap();
    });
}

#[test]
fn of_the_checkpointer() {
    spend("checkpointer", |store| {
        append_numbers(store, "a", 10..15);
        assert_eq!(numbers(store, "a").len(), 15);
        store.sync().unwrap();
    });
}

#[test]
fn under_load_every_caller_is_answered() {
    for actor in ["writer", "indexer", "broker", "roller", "checkpointer"] {
        within(
            HANG,
            &format!("callers of a {actor} that ends"),
            move || {
                let directory = temporary();
                let store = open(directory.path());
                let answers = race(4, |thread| {
                    let entity = format!("thread:{thread}");
                    let mut tickets = Vec::new();
                    for number in 0..200u64 {
                        if number % 50 == 25 {
                            store.panic_actor_for_test(actor);
                        }
                        tickets.push(store.submit(&at(&entity), KIND, &number));
                    }
                    tickets
                        .into_iter()
                        .map(|ticket| ticket.and_then(AppendTicket::wait))
                        .collect::<Vec<_>>()
                });
                let acked: Vec<_> = answers.iter().flatten().flatten().collect();
                drop(store.close());
                let store = open(directory.path());
                for receipt in &acked {
                    store.get(receipt.event_id).unwrap();
                }
                let certain = answers.iter().flatten().filter(|answer| {
                    answer
                        .as_ref()
                        .is_err_and(StoreError::certainly_not_written)
                });
                let at_most = 800 - certain.count();
                let stored = store.stats().event_count;
                println!("{actor}: {} acknowledged, {stored} stored", acked.len());
                assert!(
                    (acked.len()..=at_most).contains(&stored),
                    "{stored} of {at_most}"
                );
                assert_sound(&store, stored);
            },
        );
    }
}
