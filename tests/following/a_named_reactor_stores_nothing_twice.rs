//! A reactor with a name may meet an event again, after any end: its answers are stored once.

use crate::harness::*;
use crate::reactors::*;
use batpak::prelude::*;
use serde_json::{Value, json};
use std::sync::Arc;

fn named(name: &str) -> ReactionConfig {
    ReactionConfig {
        name: Some(name.into()),
        from: ReactFrom::Sequence(0),
        ..ReactionConfig::default()
    }
}

#[test]
fn from_the_start_in_every_opening() {
    let directory = temporary();
    for round in 0..4u64 {
        let store = Arc::new(open(directory.path()));
        append_numbers(&store, "a", round * 10..round * 10 + 5);
        let region = Region::entity_exact("a");
        let handle = store.react_with(&region, named("echo"), echo(2)).unwrap();
        append_numbers(&store, "a", round * 10 + 5..round * 10 + 10);
        let events = (round as usize + 1) * 10;
        let found = answers(&store, 2 * events);
        // The loop looks at what it has not met in this opening, and stores none of it again.
        while handle.position() < found.last().unwrap().global_sequence {
            std::thread::yield_now();
        }
        let found = answers(&store, 2 * events);
        let causes: Vec<_> = found.iter().map(|answer| answer.causation_id).collect();
        let stream = store.stream("a");
        let twice = stream.iter().flat_map(|entry| [Some(entry.event_id); 2]);
        assert_eq!(causes, twice.collect::<Vec<_>>());
        handle.join().unwrap();
        close(store);
    }
}

#[test]
fn what_an_earlier_run_stored_in_part_is_completed() {
    let directory = temporary();
    let store = Arc::new(open(directory.path()));
    append_numbers(&store, "a", 0..3);
    let region = Region::entity_exact("a");
    for (count, expected) in [(1, 3), (3, 9), (2, 9)] {
        let handle = store
            .react_with(&region, named("echo"), echo(count))
            .unwrap();
        answers(&store, expected);
        while handle.position() < 3 {
            std::thread::yield_now();
        }
        handle.join().unwrap();
        assert_eq!(answers(&store, expected).len(), expected);
    }
    let payload = |answer: &IndexEntry| store.get(answer.event_id).unwrap().event.payload;
    let mut nth: Vec<_> = answers(&store, 9).iter().map(payload).collect();
    nth.sort_by_key(|payload: &Value| (payload["to"].as_u64(), payload["nth"].as_u64()));
    let expected = (0..3).flat_map(|to| (0..3).map(move |nth| json!({"to": to, "nth": nth})));
    assert_eq!(nth, expected.collect::<Vec<_>>());
}

#[test]
fn other_names_have_answers_of_their_own() {
    let directory = temporary();
    let store = Arc::new(open(directory.path()));
    append_numbers(&store, "a", 0..5);
    let region = Region::entity_exact("a");
    for (name, expected) in [("one", 5), ("other", 10), ("one", 10)] {
        let handle = store.react_with(&region, named(name), echo(1)).unwrap();
        answers(&store, expected);
        while handle.position() < 5 {
            std::thread::yield_now();
        }
        handle.join().unwrap();
        assert_eq!(store.by_fact(ANSWER).len(), expected);
    }
}

#[test]
fn ids_are_the_same_in_every_build() {
    let directory = temporary();
    let store = Arc::new(open(directory.path()));
    let options = AppendOptions::new().with_idempotency(7);
    store
        .append_with_options(&at("a"), KIND, &1u64, options)
        .unwrap();
    let region = Region::entity_exact("a");
    let handle = store.react_with(&region, named("echo"), echo(2)).unwrap();
    let ids: Vec<_> = answers(&store, 2)
        .iter()
        .map(|answer| format!("{:032x}", answer.event_id))
        .collect();
    assert_eq!(ids, [FIRST_ID, SECOND_ID]);
    handle.join().unwrap();
}

/// The first 16 bytes of blake3("batpak reaction v1" | 7 as u128 | 0 as u32 | "echo"), big-endian.
const FIRST_ID: &str = "91cda25705dfb844e4f04ebf0bb2e704";
/// The same with 1 as u32.
const SECOND_ID: &str = "ef3e8cd62c3426a84d9a5300cbfd19fe";
