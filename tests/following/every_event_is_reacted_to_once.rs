//! A reaction loop answers every event of its region once, in order, and its answers say what
//! caused them.

use crate::harness::*;
use crate::reactors::*;
use batpak::event::header::FLAG_REACTION;
use batpak::prelude::*;
use serde_json::{Value, json};
use std::sync::Arc;

/// The events that each answer names as its cause, in order.
fn causes(answers: &[IndexEntry]) -> Vec<u128> {
    let cause = |answer: &IndexEntry| answer.causation_id.expect("a cause");
    answers.iter().map(cause).collect()
}

fn ids(receipts: &[AppendReceipt]) -> Vec<u128> {
    receipts.iter().map(|receipt| receipt.event_id).collect()
}

#[test]
fn from_now_on_with_correlation_and_cause() {
    let directory = temporary();
    let store = Arc::new(open(directory.path()));
    append_numbers(&store, "a", 0..5);
    let region = Region::entity_exact("a");
    let thread = store.react_loop(&region, echo(1)).unwrap();
    let mut receipts = append_numbers(&store, "a", 5..10);
    append_numbers(&store, "b", 0..3);
    let options = AppendOptions::new().with_correlation(77).with_causation(78);
    let caused = store.append_with_options(&at("a"), KIND, &10u64, options);
    receipts.push(caused.unwrap());

    let found = answers(&store, 6);
    assert_eq!(causes(&found), ids(&receipts));
    for (number, answer) in (5u64..).zip(&found) {
        let event = store.get(answer.event_id).unwrap().event;
        assert_eq!(event.payload, json!({"to": number, "nth": 0}));
        assert_eq!(event.header.flags, FLAG_REACTION);
        assert!(event.header.is_reaction());
        let cause = store.get(answer.causation_id.unwrap()).unwrap().event;
        assert_eq!(answer.correlation_id, cause.header.correlation_id);
        assert!(!cause.header.is_reaction());
    }
    assert_eq!(found[5].correlation_id, 77);
    close(store);
    within(HANG, "a loop of a closed store", || thread.join().unwrap());
}

#[test]
fn the_reactor_sees_the_event_as_it_is_read() {
    let directory = temporary();
    let store = Arc::new(open(directory.path()));
    append_numbers(&store, "a", 0..3);
    let region = Region::entity_exact("a");
    let (told, seen) = std::sync::mpsc::channel();
    let tell = Answer(move |event: &Event<Value>| {
        told.send(event.clone()).unwrap();
        Vec::new()
    });
    let config = ReactionConfig {
        from: ReactFrom::Sequence(1),
        ..ReactionConfig::default()
    };
    let handle = store.react_with(&region, config, tell).unwrap();
    append_numbers(&store, "a", 3..5);
    for entry in &store.stream("a")[1..] {
        let event = seen.recv_timeout(HANG).unwrap();
        assert_eq!(event, store.get(entry.event_id).unwrap().event);
    }
    handle.join().unwrap();
}

#[test]
fn of_a_burst_that_subscribers_lose() {
    let directory = temporary();
    let configured = config(directory.path()).with_broadcast_capacity(1);
    let store = Arc::new(Store::open(configured).unwrap());
    let region = Region::entity("source:");
    let _thread = store.react_loop(&region, echo(1)).unwrap();
    let each = scaled(500) as u64;
    let receipts = race(4, |thread| {
        let coord = at(&format!("source:{thread}"));
        let submit = |number| store.submit(&coord, KIND, &number).unwrap();
        let tickets: Vec<_> = (0..each).map(submit).collect();
        let wait = |ticket: AppendTicket| ticket.wait().unwrap();
        tickets.into_iter().map(wait).collect::<Vec<_>>()
    });
    let mut receipts: Vec<_> = receipts.into_iter().flatten().collect();
    receipts.sort_by_key(|receipt| receipt.sequence);
    let found = answers(&store, receipts.len());
    assert_eq!(causes(&found), ids(&receipts));
    close(store);
}

#[test]
fn while_the_actors_panic() {
    let directory = temporary();
    let policy = RestartPolicy::Bounded {
        max_restarts: 1000,
        within_ms: 1000,
    };
    let configured = config(directory.path()).with_restart_policy(policy.clone());
    let store = Arc::new(Store::open(configured).unwrap());
    let region = Region::entity_exact("a");
    let config = ReactionConfig {
        restart: policy,
        ..ReactionConfig::default()
    };
    let handle = store.react_with(&region, config, echo(2)).unwrap();
    let mut random = seeded("reactions under panics");
    let mut stored = Vec::new();
    for number in 0..scaled(200) as u64 {
        if random.u8(..4) == 0 {
            let actor = ["writer", "broker", "indexer"][random.usize(..3)];
            store.panic_actor_for_test(actor);
        }
        let options = AppendOptions::new().with_idempotency(u128::from(number) + 1);
        let append = || store.append_with_options(&at("a"), KIND, &number, options);
        while append().is_err() {}
        stored.push(u128::from(number) + 1);
        stored.push(u128::from(number) + 1);
    }
    let found = answers(&store, stored.len());
    assert_eq!(causes(&found), stored);
    handle.join().unwrap();
    assert_sound(&store, stored.len() * 3 / 2);
}

#[test]
fn more_answers_than_fit_into_a_batch() {
    let directory = temporary();
    let configured = config(directory.path())
        .with_batch_max_size(4)
        .with_batch_max_bytes(200);
    let store = Arc::new(Store::open(configured).unwrap());
    let region = Region::entity_exact("a");
    let _many = store.react_loop(&region, echo(5)).unwrap();
    append_numbers(&store, "a", 0..1);
    answers(&store, 5);
    let long = Answer(|event: &Event<Value>| {
        let text = json!("x".repeat(150));
        vec![
            (at("long"), ANSWER, text),
            (at("long"), ANSWER, event.payload.clone()),
        ]
    });
    let _long = store.react_loop(&Region::entity_exact("b"), long).unwrap();
    append_numbers(&store, "b", 7..8);
    let found = answers(&store, 7);
    assert_eq!(store.get(found[6].event_id).unwrap().event.payload, 7);
    close(store);
}

#[test]
fn answers_to_one_event_appear_together() {
    let directory = temporary();
    let store = Arc::new(open(directory.path()));
    let handle = store
        .react_loop(&Region::entity_exact("a"), echo(3))
        .unwrap();
    let rounds = scaled(200);
    for number in 0..rounds as u64 {
        append_numbers(&store, "a", number..number + 1);
        assert_eq!(store.by_fact(ANSWER).len() % 3, 0, "part of the answers");
    }
    answers(&store, 3 * rounds);
    close(store);
    handle.join().unwrap();
}

#[test]
fn in_the_programs_own_type() {
    let directory = temporary();
    let store = Arc::new(open(directory.path()));
    let double = Answer(|event: &Event<u64>| vec![(at("double"), ANSWER, event.payload * 2)]);
    let region = Region::entity_exact("a");
    let config = ReactionConfig::default();
    let handle = store.react_with(&region, config, double).unwrap();
    append_numbers(&store, "a", 0..10);
    answers(&store, 10);
    let expected: Vec<_> = (0..10).map(|number| number * 2).collect();
    assert_eq!(numbers(&store, "double"), expected);
    // Everything up to its last answer was looked at.
    assert!(handle.position() >= 10, "{}", handle.position());
    assert!(handle.error().is_none());
    handle.join().unwrap();
    append_numbers(&store, "a", 10..12);
    assert_eq!(store.by_fact(ANSWER).len(), 10, "it was stopped");
}

#[test]
fn two_loops_each_answer_every_event() {
    let directory = temporary();
    let store = Arc::new(open(directory.path()));
    let region = Region::entity_exact("a");
    let one = store.react_loop(&region, echo(1)).unwrap();
    let other = store.react_loop(&region, echo(1)).unwrap();
    append_numbers(&store, "a", 0..20);
    answers(&store, 40);
    close(store);
    one.join().unwrap();
    other.join().unwrap();
}

#[test]
fn where_every_append_needs_a_key() {
    let directory = temporary();
    let configured = config(directory.path()).with_group_commit_max_batch(8);
    let store = Arc::new(Store::open(configured).unwrap());
    let _thread = store
        .react_loop(&Region::entity_exact("a"), echo(1))
        .unwrap();
    let options = AppendOptions::new().with_idempotency(1);
    store
        .append_with_options(&at("a"), KIND, &1u64, options)
        .unwrap();
    answers(&store, 1);
    close(store);
}
