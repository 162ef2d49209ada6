//! Who can do with a stale state gets the kept one until it is too old.

use crate::harness::*;
use crate::states::*;
use batpak::prelude::*;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

const START_US: i64 = 1_700_000_000_000_000;

/// A store with a clock that is set by hand.
fn open_at(directory: &Path, cache: &Looked, incremental: bool) -> (Store, Arc<AtomicI64>) {
    let now = Arc::new(AtomicI64::new(START_US));
    let shown = Arc::clone(&now);
    let config = config(directory)
        .with_incremental_projection(incremental)
        .with_clock(Some(Arc::new(move || shown.load(Ordering::SeqCst))));
    let store = Store::open_with_cache(config, Box::new(cache.clone())).unwrap();
    (store, now)
}

fn within(max_stale_ms: u64) -> Freshness {
    Freshness::MaybeStale { max_stale_ms }
}

fn seen(store: &Store, freshness: &Freshness) -> usize {
    let state: Option<Carried> = store.project("a", freshness).unwrap();
    state.map_or(0, |state| state.numbers.len())
}

#[test]
fn until_their_time_is_up() {
    for incremental in [false, true] {
        let directory = temporary();
        let (store, now) = open_at(directory.path(), &Looked::default(), incremental);
        assert_eq!(seen(&store, &within(u64::MAX)), 0);
        append_numbers(&store, "a", 0..2);
        assert_eq!(seen(&store, &within(1000)), 2, "nothing was kept");
        append_numbers(&store, "a", 2..3);
        now.fetch_add(999_999, Ordering::SeqCst);
        assert_eq!(seen(&store, &within(1000)), 2);
        assert_eq!(seen(&store, &within(u64::MAX)), 2);
        assert_eq!(seen(&store, &within(999)), 3);
        append_numbers(&store, "a", 3..4);
        assert_eq!(seen(&store, &within(1)), 3);
        assert_eq!(seen(&store, &within(0)), 4);
        append_numbers(&store, "a", 4..5);
        now.fetch_add(1_000_000, Ordering::SeqCst);
        assert_eq!(seen(&store, &within(1000)), 5);
        // A time in the future says nothing about the age.
        append_numbers(&store, "a", 5..6);
        now.store(START_US - 1, Ordering::SeqCst);
        assert_eq!(seen(&store, &within(u64::MAX)), 6);
        append_numbers(&store, "a", 6..7);
        assert_eq!(seen(&store, &Freshness::Consistent), 7);
    }
}

#[test]
fn a_change_that_was_not_shown_yet_is_shown_later() {
    let directory = temporary();
    let (store, now) = open_at(directory.path(), &Looked::default(), false);
    let changed = |since, freshness: &Freshness| {
        let changed = store.project_if_changed::<Carried>("a", since, freshness);
        let seen = |state: Option<Carried>| state.map_or(0, |state| state.numbers.len());
        changed
            .unwrap()
            .map(|(generation, state)| (generation, seen(state)))
    };
    append_numbers(&store, "a", 0..2);
    let (first, seen) = changed(0, &within(1000)).unwrap();
    assert_eq!(seen, 2);
    append_numbers(&store, "a", 2..3);
    // The kept state is as old as what was seen, and young enough.
    assert_eq!(changed(first, &within(1000)), None);
    assert_eq!(changed(0, &within(1000)), Some((first, 2)));
    now.fetch_add(1_000_000, Ordering::SeqCst);
    let (second, seen) = changed(first, &within(1000)).unwrap();
    assert!(second > first);
    assert_eq!(seen, 3);
    assert_eq!(changed(second, &Freshness::Consistent), None);
}
