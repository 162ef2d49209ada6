//! Reactors that answer each other's events come to an end, with an error that says so.

use crate::harness::*;
use crate::reactors::*;
use batpak::prelude::*;
use serde_json::Value;
use std::sync::Arc;

fn bounded(depth_max: u32) -> ReactionConfig {
    ReactionConfig {
        depth_max,
        ..ReactionConfig::default()
    }
}

/// Answers an event of any entity in another one.
fn answer_in(entity: &'static str) -> Answer<impl Fn(&Event<Value>) -> Reactions> {
    Answer(move |event: &Event<Value>| vec![(at(entity), ANSWER, event.payload.clone())])
}

fn assert_too_deep(error: &StoreError, of: u32, event: u128) {
    let StoreError::ReactionTooDeep {
        event_id,
        depth_max,
    } = error
    else {
        panic!("{error}");
    };
    assert_eq!((*event_id, *depth_max), (event, of));
    assert!(error.certainly_not_written() && !error.is_retryable());
    assert!(error.to_string().contains("depth_max"), "{error}");
}

#[test]
fn a_reactor_that_answers_itself() {
    for depth_max in [0, 1, 5, 100] {
        let directory = temporary();
        let store = Arc::new(open(directory.path()));
        let config = bounded(depth_max);
        let handle = store
            .react_with(&Region::all(), config, answer_in("a"))
            .unwrap();
        append_numbers(&store, "a", 0..1);
        let error = ended(handle);
        let stream = store.stream("a");
        assert_eq!(stream.len(), depth_max as usize + 1);
        assert_too_deep(&error, depth_max, stream[depth_max as usize].event_id);
        let fault = store.diagnostics().reaction_fault.unwrap();
        assert_eq!(fault, error.to_string());
    }
}

#[test]
fn by_default_and_told_in_the_diagnostics() {
    let directory = temporary();
    let store = Arc::new(open(directory.path()));
    assert_eq!(store.diagnostics().reaction_fault, None);
    let thread = store.react_loop(&Region::all(), answer_in("a")).unwrap();
    append_numbers(&store, "a", 0..1);
    within(HANG, "a loop that answers itself", || {
        thread.join().unwrap();
    });
    assert_eq!(store.by_fact(ANSWER).len(), 16);
    let fault = store.diagnostics().reaction_fault.unwrap();
    assert!(fault.contains("16 deep"), "{fault}");
}

#[test]
fn two_reactors_that_answer_each_other() {
    let directory = temporary();
    let store = Arc::new(open(directory.path()));
    let react = |from: &str, to| {
        let region = Region::entity_exact(from);
        store
            .react_with(&region, bounded(9), answer_in(to))
            .unwrap()
    };
    let (ping, pong) = (react("a", "b"), react("b", "a"));
    append_numbers(&store, "a", 0..1);
    answers(&store, 9);
    // The ninth answer, in b, is not answered any more.
    let last = store.stream("b")[4].event_id;
    assert_too_deep(&ended(pong), 9, last);
    assert!(ping.error().is_none());
    ping.join().unwrap();
}

#[test]
fn a_chain_goes_on_counting_after_a_reopening() {
    let directory = temporary();
    let mut from = 0;
    for round in 0..4 {
        let store = Arc::new(open(directory.path()));
        let config = ReactionConfig {
            from: ReactFrom::Sequence(from),
            ..bounded(10)
        };
        let twice = Answer(move |event: &Event<u64>| {
            // Two answers in each opening, then none until the next one.
            let goes_on = event.payload < 2 * (round + 1);
            let next = (at("a"), ANSWER, event.payload + 1);
            goes_on.then_some(next).into_iter().collect()
        });
        let handle = store.react_with(&Region::all(), config, twice).unwrap();
        if round == 0 {
            store.append(&at("a"), KIND, &0u64).unwrap();
        }
        let found = answers(&store, 2 * (round as usize + 1));
        from = found.last().unwrap().global_sequence;
        handle.join().unwrap();
        close(store);
    }
    let store = Arc::new(open(directory.path()));
    let config = ReactionConfig {
        from: ReactFrom::Sequence(from),
        ..bounded(10)
    };
    let handle = store
        .react_with(&Region::all(), config, answer_in("a"))
        .unwrap();
    let error = ended(handle);
    assert_too_deep(&error, 10, store.by_fact(ANSWER)[9].event_id);
    assert_eq!(store.by_fact(ANSWER).len(), 10);
}

#[test]
fn causes_that_the_program_states_are_not_counted() {
    let directory = temporary();
    let store = Arc::new(open(directory.path()));
    let handle = store
        .react_with(&Region::entity_exact("a"), bounded(1), echo(1))
        .unwrap();
    let mut cause = append_numbers(&store, "a", 0..1)[0].event_id;
    for number in 1..50u64 {
        let receipt = store.append_reaction(&at("a"), KIND, &number, 1, cause);
        cause = receipt.unwrap().event_id;
    }
    answers(&store, 50);
    handle.join().unwrap();
}

#[test]
fn the_deepest_event_may_be_seen_and_left_alone() {
    let directory = temporary();
    let store = Arc::new(open(directory.path()));
    let once = Answer(|event: &Event<Value>| match event.event_kind() {
        ANSWER => Vec::new(),
        _ => vec![(at("a"), ANSWER, event.payload.clone())],
    });
    let handle = store.react_with(&Region::all(), bounded(1), once).unwrap();
    append_numbers(&store, "a", 0..10);
    answers(&store, 10);
    assert!(handle.error().is_none());
    handle.join().unwrap();
}
