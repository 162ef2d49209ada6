//! A kept state is carried on where the type and the configuration agree, and never else.

use crate::harness::*;
use crate::states::*;
use batpak::prelude::*;
use batpak::store::ProjectionCache;
use std::path::Path;

fn open_with(directory: &Path, cache: impl ProjectionCache, incremental: bool) -> Store {
    let config = config(directory).with_incremental_projection(incremental);
    Store::open_with_cache(config, Box::new(cache)).unwrap()
}

/// Appends in several steps and returns how many events each projection folded.
fn steps<T>(store: &Store, numbers: impl Fn(T) -> Vec<u64>) -> Vec<usize>
where
    T: EventSourced + serde::Serialize + serde::de::DeserializeOwned + 'static,
{
    folded();
    let mut steps = Vec::new();
    for end in [10, 11, 11, 20] {
        let there = store.stream("a").len() as u64;
        append_numbers(store, "a", there..end);
        let state: T = project(store, "a").unwrap();
        assert_eq!(numbers(state), (0..end).collect::<Vec<_>>());
        steps.push(folded());
    }
    steps
}

#[test]
fn where_both_agree_in_a_cache_and_in_memory() {
    let carried = |state: Carried| state.numbers;
    let directory = temporary();
    let cache = Looked::default();
    let store = open_with(directory.path(), cache.clone(), true);
    assert_eq!(steps(&store, carried), [10, 1, 0, 9]);
    assert_eq!(project::<Carried, _>(&store, "a").unwrap().applied, 10);
    // In memory it is found without the cache.
    assert_eq!(
        cache
            .take_asked()
            .iter()
            .filter(|asked| **asked == Asked::Get)
            .count(),
        1
    );
    store.close().unwrap();
    // A later process goes on from the cache.
    let store = open_with(directory.path(), cache, true);
    append_numbers(&store, "a", 20..25);
    folded();
    let state: Carried = project(&store, "a").unwrap();
    assert_eq!((folded(), state.applied), (5, 15));
    // Without a cache of its own it is kept in memory.
    let directory = temporary();
    let store = open_with(directory.path(), NoCache, true);
    assert_eq!(steps(&store, carried), [10, 1, 0, 9]);
    // Also beside a writer.
    let read_only = config(directory.path()).with_incremental_projection(true);
    let reader = Store::open_read_only(read_only).unwrap();
    for (end, new) in [(20, 20), (22, 2), (22, 0)] {
        let there = store.stream("a").len() as u64;
        append_numbers(&store, "a", there..end);
        let state: Carried = project(&reader, "a").unwrap();
        assert_eq!((state.numbers.len() as u64, folded()), (end, new));
    }
}

#[test]
fn where_one_of_them_does_not_agree() {
    let directory = temporary();
    let store = open_with(directory.path(), Looked::default(), true);
    assert_eq!(
        steps(&store, |state: Numbers| state.numbers),
        [10, 11, 0, 20]
    );
    let directory = temporary();
    let store = open_with(directory.path(), Looked::default(), false);
    assert_eq!(
        steps(&store, |state: Carried| state.numbers),
        [10, 11, 0, 20]
    );
    assert_eq!(project::<Carried, _>(&store, "a").unwrap().applied, 0);
    let directory = temporary();
    let store = open_with(directory.path(), NoCache, false);
    assert_eq!(
        steps(&store, |state: Carried| state.numbers),
        [10, 11, 11, 20]
    );
}

#[test]
fn a_long_history_is_folded_in_pieces() {
    let directory = temporary();
    let store = open_with(directory.path(), NoCache, true);
    let events = 5000;
    let tickets: Vec<_> = (0..events)
        .map(|number| store.submit(&at("a"), KIND, &(number % 999)).unwrap())
        .collect();
    tickets
        .into_iter()
        .for_each(|ticket| assert!(ticket.wait().is_ok()));
    let state: Carried = project(&store, "a").unwrap();
    let expected: Vec<u64> = (0..events).map(|number| number % 999).collect();
    assert_eq!(state.numbers, expected);
    assert!(
        state.applied > 3000,
        "{} were not in one piece",
        state.applied
    );
}

#[test]
fn a_history_whose_start_makes_no_state() {
    let directory = temporary();
    let cache = Looked::default();
    let store = open_with(directory.path(), cache.clone(), true);
    append_numbers(&store, "a", 1000..1001);
    for end in [0, 10, 20] {
        append_numbers(&store, "a", 0..end);
        assert_eq!(project::<Carried, _>(&store, "a"), None);
        // No state is kept, so nothing can be carried on from it.
        assert!(cache.kept.lock().unwrap().is_empty());
    }
}
