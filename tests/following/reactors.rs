//! Reactors for the tests.

use crate::harness::*;
use batpak::prelude::*;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Instant;

/// What a reactor answers with.
pub(crate) const ANSWER: EventKind = EventKind::custom(0xF, 0xA);

/// What a reactor of JSON returns.
pub(crate) type Reactions = Vec<(Coordinate, EventKind, Value)>;

/// A reactor made of a function.
pub(crate) struct Answer<F>(pub(crate) F);

impl<P, F: Fn(&Event<P>) -> Vec<(Coordinate, EventKind, P)>> Reactive<P> for Answer<F> {
    fn react(&self, event: &Event<P>) -> Vec<(Coordinate, EventKind, P)> {
        (self.0)(event)
    }
}

/// Answers each event with so many.
pub(crate) fn echo(count: u64) -> Answer<impl Fn(&Event<Value>) -> Reactions> {
    Answer(move |event: &Event<Value>| {
        let answer = |nth| {
            let payload = json!({"to": event.payload, "nth": nth});
            (at("answers"), ANSWER, payload)
        };
        (0..count).map(answer).collect()
    })
}

/// Waits until there are so many answers, and returns them.
pub(crate) fn answers(store: &Store, count: usize) -> Vec<IndexEntry> {
    let subscription = store.subscribe_lossy(&Region::all());
    let begun = Instant::now();
    loop {
        let found = store.by_fact(ANSWER);
        if found.len() >= count {
            assert_eq!(found.len(), count, "too many answers");
            return found;
        }
        let left = HANG.checked_sub(begun.elapsed());
        let left = left.unwrap_or_else(|| panic!("{} of {count} answers", found.len()));
        let _ = subscription.receiver().recv_timeout(left);
    }
}

/// Waits until a loop has ended, and returns why.
pub(crate) fn ended(handle: ReactionHandle) -> StoreError {
    let begun = Instant::now();
    while !handle.is_finished() {
        assert!(begun.elapsed() < HANG, "the loop goes on");
        std::thread::yield_now();
    }
    let error = handle.error().expect("an error");
    let joined = handle.join().unwrap_err();
    assert_eq!(error.to_string(), joined.to_string());
    joined
}

/// Closes a store that loops may still follow.
pub(crate) fn close(store: Arc<Store>) {
    let store = Arc::into_inner(store).expect("loops hold none");
    within(HANG, "closing a store with a loop", || {
        store.close().unwrap();
    });
}
