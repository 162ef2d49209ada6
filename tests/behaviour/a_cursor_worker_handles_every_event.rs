//! A cursor worker calls its handler with every event, in order, until it is told to end, its
//! budget is spent, or the store closes.

use crate::harness::*;
use batpak::prelude::*;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use batpak::store::CursorWorkerAction::{Continue, Stop};

fn sized(batch_size: usize) -> CursorWorkerConfig {
    CursorWorkerConfig {
        batch_size,
        ..CursorWorkerConfig::default()
    }
}

/// Takes events from a worker until there are so many.
fn take(handled: &Receiver<Vec<u64>>, events: usize) -> Vec<u64> {
    let mut taken = Vec::new();
    while taken.len() < events {
        taken.extend(handled.recv_timeout(HANG).expect("the worker goes on"));
    }
    taken
}

fn sequences(batch: &[IndexEntry]) -> Vec<u64> {
    batch.iter().map(|entry| entry.global_sequence).collect()
}

#[test]
fn first_what_there_is_then_what_comes() {
    let directory = temporary();
    let store = Arc::new(open(directory.path()));
    append_numbers(&store, "a", 0..100);
    let (told, handled) = channel();
    let handler = move |batch: &[IndexEntry], _: &Store| {
        assert!((1..=7).contains(&batch.len()));
        told.send(sequences(batch)).unwrap();
        Continue
    };
    let worker = store
        .cursor_worker(&Region::all(), sized(7), handler)
        .unwrap();
    assert_eq!(take(&handled, 100), (0..100).collect::<Vec<_>>());
    // Now it idles, and an event wakes it.
    for number in 100..150 {
        append_numbers(&store, "a", number..number + 1);
        assert_eq!(take(&handled, 1), [number]);
    }
    race(4, |_| append_numbers(&store, "b", 0..scaled(200) as u64));
    let rest = take(&handled, 4 * scaled(200));
    assert!(rest.is_sorted_by(|one, next| one + 1 == *next));
    worker.stop();
    within(HANG, "joining a worker", || worker.join()).unwrap();
    assert!(handled.recv().is_err(), "its handler is gone");
}

#[test]
fn it_ends_when_its_handler_says_so() {
    let directory = temporary();
    let store = Arc::new(open(directory.path()));
    append_numbers(&store, "a", 0..100);
    let (told, handled) = channel();
    let handler = move |batch: &[IndexEntry], _: &Store| {
        told.send(sequences(batch)).unwrap();
        if batch[0].clock >= 20 { Stop } else { Continue }
    };
    let worker = store
        .cursor_worker(&Region::all(), sized(10), handler)
        .unwrap();
    assert_eq!(take(&handled, 30), (0..30).collect::<Vec<_>>());
    assert!(handled.recv_timeout(HANG).is_err());
    within(HANG, "joining a worker that has ended", || worker.join()).unwrap();
}

#[test]
fn stop_ends_it_once_its_handler_has_returned() {
    let directory = temporary();
    let store = Arc::new(open(directory.path()));
    append_numbers(&store, "a", 0..100);
    let (told, handled) = channel();
    let (go_on, wait) = channel();
    let handler = move |batch: &[IndexEntry], _: &Store| {
        told.send(sequences(batch)).unwrap();
        wait.recv().unwrap();
        Continue
    };
    let worker = store
        .cursor_worker(&Region::all(), sized(1), handler)
        .unwrap();
    assert_eq!(take(&handled, 1), [0]);
    worker.stop();
    for _ in 0..100 {
        // Nobody may wait any more.
        let _ = go_on.send(());
    }
    within(HANG, "joining a worker", || worker.join()).unwrap();
    let after: Vec<_> = handled.iter().collect();
    assert!(
        after.is_empty(),
        "{} more calls after it was stopped",
        after.len()
    );
}

#[test]
fn join_stops_an_idle_worker() {
    let directory = temporary();
    let store = Arc::new(open(directory.path()));
    let worker = store
        .cursor_worker(&Region::all(), sized(1), |_, _| Continue)
        .unwrap();
    within(HANG, "joining an idle worker", || worker.join()).unwrap();
}

#[test]
fn a_handler_that_panics_sees_the_same_batch_again() {
    let directory = temporary();
    let store = Arc::new(open(directory.path()));
    append_numbers(&store, "a", 0..50);
    let (told, handled) = channel();
    let mut panicked = 0;
    let config = CursorWorkerConfig {
        restart: RestartPolicy::Bounded {
            max_restarts: 5,
            within_ms: 60_000,
        },
        ..sized(10)
    };
    let handler = move |batch: &[IndexEntry], _: &Store| {
        told.send(sequences(batch)).unwrap();
        if batch[0].clock == 20 && panicked < 5 {
            panicked += 1;
            panic!("the handler panics on purpose");
        }
        Continue
    };
    let worker = store
        .cursor_worker(&Region::all(), config, handler)
        .unwrap();
    let calls: Vec<_> = (0..10)
        .map(|_| handled.recv_timeout(HANG).unwrap())
        .collect();
    let firsts: Vec<_> = calls.iter().map(|batch| batch[0]).collect();
    assert_eq!(firsts, [0, 10, 20, 20, 20, 20, 20, 20, 30, 40]);
    assert!(calls[2..8].iter().all(|batch| *batch == calls[2]));
    within(HANG, "joining a worker", || worker.join()).unwrap();
}

#[test]
fn a_spent_budget_ends_it_with_an_error() {
    let directory = temporary();
    let store = Arc::new(open(directory.path()));
    append_numbers(&store, "a", 0..5);
    let (told, handled) = channel();
    let handler = move |batch: &[IndexEntry], _: &Store| {
        told.send(sequences(batch)).unwrap();
        panic!("the handler panics on purpose");
    };
    let mut worker = store
        .cursor_worker(&Region::all(), sized(1), handler)
        .unwrap();
    let calls: Vec<_> = handled.iter().collect();
    assert_eq!(calls, [[0], [0]], "one restart, and no more");
    let waited = within(HANG, "waiting for a worker that has ended", move || {
        worker.wait()
    });
    let error = waited.unwrap_err();
    assert!(matches!(error, StoreError::WriterCrashed), "{error}");
    // The store itself has nothing to do with it.
    append_numbers(&store, "a", 5..6);
    Arc::into_inner(store).unwrap().close().unwrap();
}

#[test]
fn it_does_not_keep_the_store_open_and_ends_with_it() {
    for close in [true, false] {
        let directory = temporary();
        let store = Arc::new(open(directory.path()));
        let (told, handled) = channel();
        let handler = move |batch: &[IndexEntry], _: &Store| {
            told.send(sequences(batch)).unwrap();
            Continue
        };
        let worker = store
            .cursor_worker(&Region::all(), sized(10), handler)
            .unwrap();
        append_numbers(&store, "a", 0..10);
        assert_eq!(take(&handled, 10).len(), 10);
        let store = Arc::into_inner(store).expect("the worker holds no handle");
        within(HANG, "closing beside an idle worker", move || {
            if close {
                assert!(store.close().is_ok())
            } else {
                drop(store)
            }
        });
        assert!(handled.recv_timeout(HANG).is_err(), "the worker has ended");
        within(HANG, "joining a worker of a closed store", || worker.join()).unwrap();
        assert_eq!(open(directory.path()).stats().event_count, 10);
    }
}

#[test]
fn a_handler_can_append_and_is_refused_once_the_store_is_closed() {
    let directory = temporary();
    let store = Arc::new(open(directory.path()));
    let (told, handled) = channel();
    let (go_on, wait) = channel();
    let handler = move |batch: &[IndexEntry], store: &Store| {
        for entry in batch {
            let cause = (entry.correlation_id, entry.event_id);
            let outcome = store.append_reaction(&at("reaction"), KIND, &0u64, cause.0, cause.1);
            told.send(outcome).unwrap();
            wait.recv().unwrap();
        }
        Continue
    };
    let worker = store
        .cursor_worker(&Region::entity("a"), sized(1), handler)
        .unwrap();
    let causes = append_numbers(&store, "a", 0..2);
    let reaction = handled.recv_timeout(HANG).unwrap().unwrap();
    let reacted = &store.stream("reaction")[0];
    assert_eq!(reaction.event_id, reacted.event_id);
    assert!(reacted.is_caused_by(causes[0].event_id));
    Arc::into_inner(store).unwrap().close().unwrap();
    go_on.send(()).unwrap();
    // Whether it still looks at the second event or not, it cannot write.
    if let Ok(outcome) = handled.recv_timeout(Duration::from_secs(5)) {
        assert!(matches!(outcome, Err(StoreError::Closed)), "{outcome:?}");
        go_on.send(()).unwrap();
    }
    within(HANG, "joining a worker of a closed store", || worker.join()).unwrap();
}

#[test]
fn an_empty_batch_size_and_a_worker_of_a_worker_are_refused() {
    let directory = temporary();
    let store = Arc::new(open(directory.path()));
    let error = store
        .cursor_worker(&Region::all(), sized(0), |_, _| Continue)
        .unwrap_err();
    assert!(error.to_string().contains("batch_size"), "{error}");
    assert_eq!(CursorWorkerConfig::default().batch_size, 64);
    assert_eq!(
        CursorWorkerConfig::default().idle_sleep,
        Duration::from_millis(10)
    );
    assert_eq!(CursorWorkerConfig::default().restart, RestartPolicy::Once);
}
