//! A fold chooses JSON or the bytes that were stored, and its defaults are the careful ones.

use batpak::event::sourcing::{ProjectionInput, ProjectionMode};
use batpak::prelude::*;

const ADDED: EventKind = EventKind::custom(0x1, 1);

#[derive(Debug, Default, PartialEq)]
struct Sum(i64);

impl EventSourced for Sum {
    type Input = ValueInput;

    fn from_events(events: &[ProjectionEvent<Self>]) -> Option<Self> {
        let mut sum = Self::default();
        events.iter().for_each(|event| sum.apply_event(event));
        (!events.is_empty()).then_some(sum)
    }

    fn apply_event(&mut self, event: &ProjectionEvent<Self>) {
        self.0 += event.payload.as_i64().unwrap_or(0);
    }

    fn relevant_event_kinds() -> &'static [EventKind] {
        &[ADDED]
    }
}

#[derive(Debug, Default, PartialEq)]
struct Bytes(Vec<ProjectionPayload<Bytes>>);

impl EventSourced for Bytes {
    type Input = RawMsgpackInput;

    fn from_events(events: &[ProjectionEvent<Self>]) -> Option<Self> {
        Some(Self(
            events.iter().map(|event| event.payload.clone()).collect(),
        ))
    }

    fn apply_event(&mut self, event: &ProjectionEvent<Self>) {
        self.0.push(event.payload.clone());
    }

    fn relevant_event_kinds() -> &'static [EventKind] {
        &[]
    }

    fn schema_version() -> u64 {
        3
    }

    fn supports_incremental_apply() -> bool {
        true
    }
}

struct Doubling(Coordinate);

impl Reactive<i64> for Doubling {
    fn react(&self, event: &Event<i64>) -> Vec<(Coordinate, EventKind, i64)> {
        let more = event.payload < 4;
        more.then(|| (self.0.clone(), ADDED, event.payload * 2))
            .into_iter()
            .collect()
    }
}

#[test]
fn each_form_has_its_mode_and_its_payload() {
    assert_eq!(ValueInput::MODE, ProjectionMode::Value);
    assert_eq!(RawMsgpackInput::MODE, ProjectionMode::RawMsgpack);
    assert_eq!(<Sum as EventSourced>::Input::MODE, ProjectionMode::Value);
    assert_eq!(
        (Sum::schema_version(), Sum::supports_incremental_apply()),
        (0, false)
    );
    assert_eq!(
        (Bytes::schema_version(), Bytes::supports_incremental_apply()),
        (3, true)
    );
}

#[test]
fn what_was_stored_can_be_folded_in_both_forms() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(StoreConfig::new(directory.path())).unwrap();
    let at = Coordinate::new("sum", "s").unwrap();
    let doubling = Doubling(at.clone());
    let mut number = 1_i64;
    loop {
        let receipt = store.append(&at, ADDED, &number).unwrap();
        let stored = store.get_as::<i64>(receipt.event_id).unwrap();
        match doubling.react(&stored.event).as_slice() {
            [(_, _, next)] => number = *next,
            _ => break,
        }
    }
    let ids: Vec<_> = store
        .stream("sum")
        .iter()
        .map(|entry| entry.event_id)
        .collect();
    let values: Vec<_> = ids.iter().map(|id| store.get(*id).unwrap().event).collect();
    let raw: Vec<_> = ids
        .iter()
        .map(|id| store.get_raw(*id).unwrap().event)
        .collect();
    assert_eq!(Sum::from_events(&values), Some(Sum(1 + 2 + 4)));
    assert_eq!(Sum::from_events(&[]), None);
    assert_eq!(
        Bytes::from_events(&raw),
        Some(Bytes(vec![vec![1], vec![2], vec![4]]))
    );
    store.close().unwrap();
}
