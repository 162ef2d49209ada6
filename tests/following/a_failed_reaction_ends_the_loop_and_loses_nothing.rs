//! What cannot be reacted to ends the loop with an error; nothing is passed over, and another loop
//! goes on where this one ended.

use crate::harness::*;
use crate::reactors::*;
use batpak::prelude::*;
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Starts a loop over entity a, from a sequence, whose answers are `kind` from number 3 on.
fn answer_with(store: &Arc<Store>, from: u64, kind: EventKind) -> ReactionHandle {
    let reactor = Answer(move |event: &Event<Value>| {
        let kind = if event.payload == 3 { kind } else { ANSWER };
        vec![
            (at("answers"), ANSWER, event.payload.clone()),
            (at("answers"), kind, event.payload.clone()),
        ]
    });
    let config = ReactionConfig {
        from: ReactFrom::Sequence(from),
        ..ReactionConfig::default()
    };
    let region = Region::entity_exact("a");
    store.react_with(&region, config, reactor).unwrap()
}

#[test]
fn an_answer_that_is_refused() {
    let directory = temporary();
    let store = Arc::new(open(directory.path()));
    append_numbers(&store, "a", 0..6);
    let handle = answer_with(&store, 0, EventKind::SYSTEM_INIT);
    let handle = {
        while !handle.is_finished() {
            std::thread::yield_now();
        }
        assert_eq!(handle.position(), 3, "the first event without answers");
        handle
    };
    let error = ended(handle);
    let StoreError::BatchFailed {
        item_index: 1,
        source,
        ..
    } = &error
    else {
        panic!("{error}");
    };
    assert!(matches!(**source, StoreError::ReservedKind(_)), "{source}");
    // Nothing of what was refused is stored.
    assert_eq!(numbers(&store, "answers"), [0, 0, 1, 1, 2, 2]);
    let handle = answer_with(&store, 3, ANSWER);
    answers(&store, 12);
    assert_eq!(
        numbers(&store, "answers"),
        [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    );
    handle.join().unwrap();
}

#[test]
fn a_payload_that_is_not_the_reactors() {
    let directory = temporary();
    let store = Arc::new(open(directory.path()));
    append_numbers(&store, "a", 0..2);
    store.append(&at("a"), KIND, &"text").unwrap();
    let copy = Answer(|event: &Event<u64>| vec![(at("answers"), ANSWER, event.payload)]);
    let config = ReactionConfig {
        from: ReactFrom::Sequence(0),
        ..ReactionConfig::default()
    };
    let handle = store
        .react_with(&Region::entity_exact("a"), config, copy)
        .unwrap();
    let error = ended(handle);
    assert!(matches!(error, StoreError::Serialization(_)), "{error}");
    assert_eq!(numbers(&store, "answers"), [0, 1]);
    // As JSON the store says what is wrong, too.
    store.append(&at("b"), KIND, &f64::NAN).unwrap();
    let thread = store
        .react_loop(&Region::entity_exact("b"), echo(1))
        .unwrap();
    store.append(&at("b"), KIND, &f64::NAN).unwrap();
    within(HANG, "a loop over what JSON cannot say", || {
        thread.join().unwrap();
    });
    assert!(store.diagnostics().reaction_fault.is_some());
}

/// Starts a loop that panics so often over number 3.
fn panic_times(store: &Arc<Store>, times: u32, restart: RestartPolicy) -> ReactionHandle {
    let panics = AtomicU32::new(0);
    let reactor = Answer(move |event: &Event<Value>| {
        if event.payload == 3 && panics.fetch_add(1, Ordering::Relaxed) < times {
            panic!("as told");
        }
        vec![(at("answers"), ANSWER, event.payload.clone())]
    });
    let config = ReactionConfig {
        restart,
        ..ReactionConfig::default()
    };
    let region = Region::entity_exact("a");
    store.react_with(&region, config, reactor).unwrap()
}

#[test]
fn a_reactor_that_panics_is_given_the_event_again() {
    let directory = temporary();
    let store = Arc::new(open(directory.path()));
    let handle = panic_times(&store, 1, RestartPolicy::Once);
    append_numbers(&store, "a", 0..6);
    answers(&store, 6);
    assert_eq!(numbers(&store, "answers"), [0, 1, 2, 3, 4, 5]);
    handle.join().unwrap();
}

#[test]
fn a_reactor_that_panics_too_often_ends_the_loop() {
    let three = RestartPolicy::Bounded {
        max_restarts: 3,
        within_ms: 60_000,
    };
    for (times, restart) in [(2, RestartPolicy::Once), (4, three)] {
        let directory = temporary();
        let store = Arc::new(open(directory.path()));
        let handle = panic_times(&store, times, restart);
        let receipts = append_numbers(&store, "a", 0..6);
        let error = ended(handle);
        let StoreError::ReactorPanicked { event_id, detail } = &error else {
            panic!("{error}");
        };
        assert_eq!((*event_id, &**detail), (receipts[3].event_id, "as told"));
        assert_eq!(numbers(&store, "answers"), [0, 1, 2]);
    }
}

#[test]
fn a_loop_without_a_broker_says_so() {
    let directory = temporary();
    let store = Arc::new(open(directory.path()));
    let handle = store
        .react_with(
            &Region::entity_exact("a"),
            ReactionConfig::default(),
            echo(1),
        )
        .unwrap();
    append_numbers(&store, "a", 0..1);
    answers(&store, 1);
    for _ in 0..2 {
        store.panic_actor_for_test("broker");
    }
    let error = ended(handle);
    let StoreError::ActorEnded { actor, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(*actor, "broker");
}
