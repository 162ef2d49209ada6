//! An actor that panics more often than its policy allows ends for good: callers are told so, none
//! hangs, closing returns, and opening again is fine.

use crate::harness::*;
use batpak::prelude::*;
use batpak::store::Placement;
use batpak::store::{ActorHealth, CursorWorkerAction};
use std::sync::Arc;
use std::sync::mpsc::channel;

const ACTORS: [&str; 5] = ["writer", "roller", "indexer", "broker", "checkpointer"];

fn health(store: &Store, actor: &str) -> ActorHealth {
    let actors = store.diagnostics().actors;
    actors
        .into_iter()
        .find(|health| health.name == actor)
        .unwrap()
}

/// Makes an actor panic, once at a time, until it is not restarted any more.
fn end_actor(store: &Store, actor: &str) {
    let state = || {
        let health = health(store, actor);
        (health.alive, health.restarts)
    };
    while let before @ (true, _) = state() {
        store.panic_actor_for_test(actor);
        while state() == before {
            std::thread::yield_now();
        }
    }
}

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
                end_actor(&store, actor);
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
        for number in 10..20 {
            assert_ended(store.append(&at("a"), KIND, &number), "indexer");
        }
        let error = store.append_batch(vec![item("a", 10)]).unwrap_err();
        assert!(error.certainly_not_written(), "{error}");
        assert!(matches!(
            store.sync(),
            Err(StoreError::ActorEnded {
                actor: "indexer",
                ..
            })
        ));
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
    spend("broker", |store| {
        append_numbers(store, "a", 10..15);
        assert_eq!(numbers(store, "a").len(), 15);
        assert_eq!(store.subscribe_lossy(&Region::all()).recv(), None);
        store.sync().unwrap();
    });
}

fn assert_broker_ended(error: &StoreError) {
    let typed = matches!(
        error,
        StoreError::ActorEnded {
            actor: "broker",
            ..
        }
    );
    assert!(typed, "{error}");
}

#[test]
fn of_the_broker_to_those_who_followed_it() {
    for placement in [Placement::Shared, Placement::ThreadEach] {
        within(HANG, "followers of a broker that ends", move || {
            let directory = temporary();
            let configured = config(directory.path()).with_placement(placement);
            let store = Arc::new(Store::open(configured).unwrap());
            let subscription = store.subscribe_lossy(&Region::all());
            let (told, handled) = channel();
            let worker = store
                .cursor_worker(&Region::all(), CursorWorkerConfig::default(), {
                    move |batch: &[IndexEntry], _: &Store| {
                        told.send(batch.len()).unwrap();
                        CursorWorkerAction::Continue
                    }
                })
                .unwrap();
            let stopped = store
                .cursor_worker(&Region::all(), CursorWorkerConfig::default(), |_, _| {
                    CursorWorkerAction::Continue
                })
                .unwrap();
            append_numbers(&store, "a", 0..5);
            stopped.stop();
            end_actor(&store, "broker");
            // What it was told before comes first.
            for sequence in 0..5 {
                let notification = subscription.recv_or_end().unwrap();
                assert_eq!(notification.sequence, sequence);
            }
            assert_broker_ended(&subscription.recv_or_end().unwrap_err());
            assert_eq!(subscription.recv(), None);
            // The handler goes with its worker.
            assert_eq!(handled.iter().sum::<usize>(), 5);
            assert_broker_ended(&worker.join().unwrap_err());
            stopped.join().expect("this one was stopped before");

            // The indexer answers the appends itself, and who pulls sees everything.
            append_numbers(&store, "a", 5..10);
            let mut cursor = store.cursor_guaranteed(&Region::all());
            assert_eq!(cursor.poll_batch(100).len(), 10);
            let late = store.subscribe_lossy(&Region::all());
            assert_broker_ended(&late.recv_or_end().unwrap_err());
            let config = CursorWorkerConfig::default();
            let worker =
                store.cursor_worker(&Region::all(), config, |_, _| CursorWorkerAction::Continue);
            assert_broker_ended(&worker.unwrap_err());
            let broker = health(&store, "broker");
            assert!(!broker.alive && broker.exit.is_some(), "{broker:?}");
            assert!(broker.refused >= 7, "five announcements, {broker:?}");
        });
    }
}

#[test]
fn a_follower_of_a_store_that_closes_is_not_told_of_a_failure() {
    let directory = temporary();
    let store = Arc::new(open(directory.path()));
    let subscription = store.subscribe_lossy(&Region::all());
    let config = CursorWorkerConfig::default();
    let worker = store.cursor_worker(&Region::all(), config, |_, _| CursorWorkerAction::Continue);
    Arc::into_inner(store).unwrap().close().unwrap();
    within(HANG, "followers of a store that has closed", move || {
        let error = subscription.recv_or_end().unwrap_err();
        assert!(matches!(error, StoreError::Closed), "{error}");
        worker.unwrap().join().unwrap();
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

/// The checkpointer is told once in 64k events: what it is told after its end is counted.
#[test]
fn of_the_checkpointer_by_the_number_of_messages_that_came_back() {
    const ITEMS: u64 = 4096;
    let directory = temporary();
    let configured = StoreConfig::new(directory.path())
        .with_batch_max_size(ITEMS as u32)
        .with_sync_every_n_events(1);
    let store = Store::open(configured).unwrap();
    end_actor(&store, "checkpointer");
    let before = health(&store, "checkpointer").refused;
    for batch in 0..17 {
        let numbers = batch * ITEMS..(batch + 1) * ITEMS;
        let items = numbers.map(|number| item("a", number)).collect();
        store.append_batch(items).unwrap();
    }
    let checkpointer = health(&store, "checkpointer");
    assert_eq!(checkpointer.refused, before + 1, "{checkpointer:?}");
    let closed = store.close().unwrap_err();
    assert!(
        closed.to_string().contains("checkpointer"),
        "closing says what was not done: {closed}"
    );
    let store = open(directory.path());
    assert_eq!(store.stats().event_count as u64, 17 * ITEMS);
}

#[test]
fn a_budget_is_exactly_what_was_configured() {
    let policies = [
        (RestartPolicy::Once, 1),
        (bounded_within_a_minute(0), 0),
        (bounded_within_a_minute(4), 4),
    ];
    for (policy, restarts) in policies {
        for actor in ACTORS {
            let directory = temporary();
            let configured = config(directory.path()).with_restart_policy(policy.clone());
            let store = Store::open(configured).unwrap();
            for granted in 1..=restarts {
                store.panic_actor_for_test(actor);
                while health(&store, actor).restarts < granted {
                    std::thread::yield_now();
                }
                assert!(health(&store, actor).alive, "{actor} after {granted}");
            }
            end_actor(&store, actor);
            let ended = health(&store, actor);
            assert_eq!(ended.restarts, restarts, "{ended:?}");
            assert!(ended.last_fault.unwrap().contains(actor));
            for other in ACTORS.iter().filter(|other| **other != actor) {
                assert!(
                    health(&store, other).alive,
                    "{other} has nothing to do with it"
                );
            }
        }
    }
}

fn bounded_within_a_minute(max_restarts: u32) -> RestartPolicy {
    RestartPolicy::Bounded {
        max_restarts,
        within_ms: 60_000,
    }
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
