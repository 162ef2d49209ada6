//! Without anything kept, a projection is the fold of an entity's events of the relevant kinds, in
//! order, in either form.

use crate::harness::*;
use crate::states::*;
use batpak::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::marker::PhantomData;

/// Every event of an entity as the fold is given it, its payload left out.
#[derive(Serialize, Deserialize)]
struct Seen<I>(Vec<Event<()>>, PhantomData<I>);

impl<I: ProjectionInput> EventSourced for Seen<I> {
    type Input = I;

    fn from_events(events: &[ProjectionEvent<Self>]) -> Option<Self> {
        let seen = events.iter().cloned().map(|event| event.map_payload(drop));
        Some(Self(seen.collect(), PhantomData))
    }

    fn apply_event(&mut self, _: &ProjectionEvent<Self>) {
        unreachable!("it does not opt in")
    }

    fn relevant_event_kinds() -> &'static [EventKind] {
        &[]
    }
}

/// Writes entities among each other, in several segments, with notes between the numbers.
fn fill(store: &Store) {
    for number in 0..200u64 {
        let entity = ["a", "b", "ab"][number as usize % 3];
        let scope = ["one", "other"][number as usize % 2];
        let coord = Coordinate::new(entity, scope).unwrap();
        store.append(&coord, KIND, &number).unwrap();
        store.append(&coord, NOTE, &"note").unwrap();
    }
}

fn check<S>(store: &Store<S>) {
    for (first, entity) in (0u64..).zip(["a", "b", "ab"]) {
        let expected: Vec<_> = (first..200).step_by(3).collect();
        assert_eq!(projected(store, entity), expected);
        let carried: Carried = project(store, entity).unwrap();
        assert_eq!((carried.numbers, carried.applied), (expected, 0));
        // Header and chain are those of a read, in both forms.
        let read = |entry: &IndexEntry| store.get(entry.event_id).unwrap().event;
        let read: Vec<_> = store.stream(entity).iter().map(read).collect();
        let read: Vec<_> = read
            .into_iter()
            .map(|event| event.map_payload(drop))
            .collect();
        let seen: Seen<ValueInput> = project(store, entity).unwrap();
        assert!(seen.0 == read);
        let seen: Seen<RawMsgpackInput> = project(store, entity).unwrap();
        assert!(seen.0 == read);
    }
    assert_eq!(project::<Numbers, _>(store, "nobody"), None);
}

#[test]
fn in_both_forms_live_reopened_and_read_only() {
    let directory = temporary();
    let small = || config(directory.path()).with_segment_max_bytes(4096);
    let store = Store::open(small()).unwrap();
    fill(&store);
    check(&store);
    check(&open_read_only(directory.path()));
    store.close().unwrap();
    check(&Store::open(small()).unwrap());
}

#[test]
fn an_entity_without_relevant_events_has_no_state() {
    let directory = temporary();
    let store = open(directory.path());
    store.append(&at("a"), NOTE, &1u64).unwrap();
    // A fold is not asked to make something of nothing.
    assert_eq!(project::<Numbers, _>(&store, "a"), None);
    let consistent = &Freshness::Consistent;
    let changed = store.project_if_changed::<Numbers>("a", 0, consistent);
    assert_eq!(changed.unwrap(), Some((1, None)));
}

#[test]
fn a_payload_that_json_cannot_say() {
    let directory = temporary();
    let store = open(directory.path());
    store.append(&at("a"), NOTE, &f64::NAN).unwrap();
    append_numbers(&store, "a", 0..2);
    assert_eq!(projected(&store, "a"), [0, 1], "of a kind that is left out");
    store.append(&at("a"), KIND, &f64::NAN).unwrap();
    let error = store
        .project::<Numbers>("a", &Freshness::Consistent)
        .unwrap_err();
    assert!(matches!(error, StoreError::Serialization(_)), "{error}");
    let seen: Seen<RawMsgpackInput> = project(&store, "a").unwrap();
    assert_eq!(seen.0.len(), 4);
}

#[test]
fn if_something_has_changed() {
    let directory = temporary();
    let store = open(directory.path());
    let changed = |since| {
        let changed = store.project_if_changed::<Numbers>("a", since, &Freshness::Consistent);
        let numbers = |state: Option<Numbers>| state.map_or(Vec::new(), |state| state.numbers);
        changed
            .unwrap()
            .map(|(generation, state)| (generation, numbers(state)))
    };
    assert_eq!(changed(0), None);
    append_numbers(&store, "a", 0..2);
    let (first, numbers) = changed(0).unwrap();
    assert_eq!(numbers, [0, 1]);
    assert_eq!(changed(first), None);
    append_numbers(&store, "b", 0..5);
    assert_eq!(changed(first), None, "another entity has");
    append_numbers(&store, "a", 2..3);
    let (second, numbers) = changed(first).unwrap();
    assert_eq!(numbers, [0, 1, 2]);
    assert!(second > first);
    assert_eq!(changed(second), None);
    // A generation of whatever history that is not this one.
    assert_eq!(changed(second + 7).unwrap().0, second);
}

#[test]
fn of_a_value_with_everything_that_json_has() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Latest(Value);

    impl EventSourced for Latest {
        type Input = ValueInput;

        fn from_events(events: &[ProjectionEvent<Self>]) -> Option<Self> {
            events.last().map(|event| Self(event.payload.clone()))
        }

        fn apply_event(&mut self, event: &ProjectionEvent<Self>) {
            self.0 = event.payload.clone();
        }

        fn relevant_event_kinds() -> &'static [EventKind] {
            &[]
        }
    }

    let directory = temporary();
    let cache = Looked::default();
    let store = Store::open_with_cache(config(directory.path()), Box::new(cache.clone())).unwrap();
    let value = serde_json::json!({"a": [1, -1, 1.5, null, true, {"b": "text"}], "": u64::MAX});
    store.append(&at("a"), KIND, &value).unwrap();
    for _ in 0..2 {
        assert_eq!(project::<Latest, _>(&store, "a").unwrap().0, value);
    }
    let one_put = cache.take_asked();
    assert_eq!(one_put, [Asked::Get, Asked::Put(0), Asked::Get]);
}
