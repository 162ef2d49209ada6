//! A state that was folded from events which a compaction has removed since is not returned any
//! more, wherever it was kept, though every hash that vouched for it still stands.

use crate::harness::*;
use crate::states::*;
use batpak::prelude::*;
use batpak::store::ProjectionWatcher;
use std::path::Path;
use std::sync::Arc;

fn incremental(directory: &Path) -> StoreConfig {
    config(directory).with_incremental_projection(true)
}

/// Reopens a store, which seals its segments, so that all of it is compacted.
fn reopened(store: Store, directory: &Path, cache: &Looked) -> Store {
    store.close().unwrap();
    open_with(directory, cache)
}

fn open_with(directory: &Path, cache: &Looked) -> Store {
    Store::open_with_cache(incremental(directory), Box::new(cache.clone())).unwrap()
}

fn strategy(removed: &'static [u64], shown: bool) -> CompactionConfig {
    let keep = move |event: &StoredEvent<serde_json::Value>| {
        let number = event.event.payload.as_u64();
        !number.is_some_and(|number| removed.contains(&number))
    };
    CompactionConfig {
        strategy: match shown {
            true => CompactionStrategy::Tombstone(Box::new(keep)),
            false => CompactionStrategy::Retention(Box::new(keep)),
        },
        min_segments: 1,
    }
}

fn remove(store: &Store, removed: &'static [u64]) {
    store.compact(&strategy(removed, false)).unwrap();
}

fn carried<S>(store: &Store<S>) -> Vec<u64> {
    project::<Carried, _>(store, "a").map_or(Vec::new(), |state| state.numbers)
}

fn stale<S>(store: &Store<S>) -> Vec<u64> {
    let stale = Freshness::MaybeStale {
        max_stale_ms: u64::MAX,
    };
    let state: Option<Carried> = store.project("a", &stale).unwrap();
    state.map_or(Vec::new(), |state| state.numbers)
}

#[test]
fn in_memory_and_in_a_cache_before_and_after_an_opening() {
    for (shown, removed) in [(false, &[1_u64, 3][..]), (true, &[1, 3]), (false, &[4])] {
        let directory = temporary();
        let cache = Looked::default();
        let store = open_with(directory.path(), &cache);
        append_numbers(&store, "a", 0..5);
        let store = reopened(store, directory.path(), &cache);
        assert_eq!(carried(&store), [0, 1, 2, 3, 4]);
        assert_eq!(projected(&store, "a"), [0, 1, 2, 3, 4]);
        let kept = cache.kept.lock().unwrap().clone();
        store.compact(&strategy(removed, shown)).unwrap();
        let left: Vec<u64> = (0..5).filter(|number| !removed.contains(number)).collect();
        assert_eq!(stale(&store), left);
        assert_eq!(projected(&store, "a"), left);
        // Once it is folded anew it is kept again, and carried on.
        folded();
        assert_eq!(
            (carried(&store), projected(&store, "a")),
            (left.clone(), left.clone())
        );
        assert_eq!(folded(), 0);
        let store = reopened(store, directory.path(), &cache);
        *cache.kept.lock().unwrap() = kept;
        assert_eq!(
            (stale(&store), projected(&store, "a")),
            (left.clone(), left.clone())
        );
        append_numbers(&store, "a", 5..6);
        folded();
        let all = [left, vec![5]].concat();
        assert_eq!(carried(&store), all);
        assert_eq!(folded(), 1, "only the new one is folded");
    }
}

#[test]
fn in_a_directory_that_another_process_shares() {
    let directory = temporary();
    let cache = temporary();
    let open = || Store::open_with_native_cache(incremental(directory.path()), cache.path());
    let store = open().unwrap();
    append_numbers(&store, "a", 0..5);
    store.close().unwrap();
    let store = open().unwrap();
    assert_eq!(carried(&store), [0, 1, 2, 3, 4]);
    let configured = incremental(directory.path());
    let reader = Store::open_read_only_with_native_cache(configured, cache.path()).unwrap();
    assert_eq!((carried(&reader), folded()), ((0..5).collect(), 5));
    remove(&store, &[0, 4]);
    // It sees at once what the other one does, in its memory and in the directory.
    assert_eq!(carried(&reader), [1, 2, 3]);
    assert_eq!(stale(&reader), [1, 2, 3]);
    assert_eq!(carried(&store), [1, 2, 3]);
}

#[test]
fn in_a_cache_that_copies_share_which_removed_others() {
    let directory = temporary();
    let cache = Looked::default();
    let open = |directory: &Path| {
        Store::open_with_cache(config(directory), Box::new(cache.clone())).unwrap()
    };
    let store = open(directory.path());
    append_numbers(&store, "a", 0..5);
    store.close().unwrap();
    let copy = directory_of(&contents(directory.path()));
    let (store, copied) = (open(directory.path()), open(copy.path()));
    remove(&store, &[1]);
    remove(&copied, &[2]);
    for _ in 0..2 {
        assert_eq!(projected(&store, "a"), [0, 2, 3, 4]);
        assert_eq!(projected(&copied, "a"), [0, 1, 3, 4]);
    }
    // As long as they removed the same, what one has folded is good for the other.
    remove(&store, &[2]);
    remove(&copied, &[1]);
    assert_eq!(projected(&store, "a"), [0, 3, 4]);
    folded();
    assert_eq!((projected(&copied, "a"), folded()), (vec![0, 3, 4], 0));
}

#[test]
fn a_merge_costs_no_state() {
    let directory = temporary();
    let cache = Looked::default();
    let small = incremental(directory.path()).with_segment_max_bytes(1500);
    let store = Store::open_with_cache(small.clone(), Box::new(cache.clone())).unwrap();
    append_numbers(&store, "a", 0..200);
    store.close().unwrap();
    let store = Store::open_with_cache(small, Box::new(cache.clone())).unwrap();
    remove(&store, &[1, 11, 21, 31, 41, 51, 61, 71, 81, 91]);
    let mut store = reopened(store, directory.path(), &cache);
    let left = projected(&store, "a");
    assert_eq!(left.len(), 190);
    let generation = store.entity_generation("a");
    for by_closing in [true, false] {
        let segments = store.stats().segments;
        if by_closing {
            // Only who has written something merges when it closes.
            append_numbers(&store, "b", 0..1);
            store = reopened(store, directory.path(), &cache);
        } else {
            store.compact(&CompactionConfig::default()).unwrap();
        }
        assert!(store.stats().segments < segments);
        folded();
        assert_eq!((projected(&store, "a"), folded()), (left.clone(), 0));
        assert_eq!(store.entity_generation("a"), generation);
    }
}

#[test]
fn generations_and_what_asks_by_them_notice() {
    for removed in [&[1_u64][..], &[2], &[0, 1, 2]] {
        let directory = temporary();
        let store = open(directory.path());
        append_numbers(&store, "a", 0..3);
        store.close().unwrap();
        let store = open(directory.path());
        let changed = |since| {
            let consistent = Freshness::Consistent;
            store.project_if_changed::<Numbers>("a", since, &consistent)
        };
        let (seen, _) = changed(0).unwrap().unwrap();
        assert_eq!(Some(seen), store.entity_generation("a"));
        assert!(changed(seen).unwrap().is_none());
        store.compact(&strategy(removed, true)).unwrap();
        let (shown, state) = changed(seen).unwrap().unwrap();
        let left: Vec<u64> = (0..3).filter(|number| !removed.contains(number)).collect();
        assert_eq!(state.map_or(Vec::new(), |state| state.numbers), left);
        assert!(shown > seen);
        assert!(changed(shown).unwrap().is_none());
        // Tombstones can go, too.
        let mut all = strategy(&[], false);
        all.strategy = CompactionStrategy::Retention(Box::new(|event| {
            event.event.header.event_kind != EventKind::TOMBSTONE
        }));
        store.compact(&all).unwrap();
        let (gone, _) = changed(shown).unwrap().unwrap();
        assert!(gone > shown);
        assert_eq!(Some(gone), store.entity_generation("a"));
        assert!(changed(gone).unwrap().is_none());
        store.close().unwrap();
        let store = open(directory.path());
        assert_eq!(Some(gone), store.entity_generation("a"));
        append_numbers(&store, "a", 3..4);
        assert!(store.entity_generation("a").unwrap() > gone);
        assert_eq!(store.entity_generation("b"), None);
    }
}

#[test]
fn a_watcher_is_woken() {
    let directory = temporary();
    let store = open(directory.path());
    append_numbers(&store, "a", 0..3);
    store.close().unwrap();
    let store = Arc::new(open(directory.path()));
    let mut watcher: ProjectionWatcher<Numbers> =
        store.watch_projection("a", Freshness::Consistent);
    for (removed, left) in [(&[1][..], vec![0, 2]), (&[0], vec![2])] {
        let waiting = std::thread::spawn(move || {
            within(HANG, "waiting for a state", move || {
                let state = watcher.recv().unwrap().unwrap();
                (watcher, state.numbers)
            })
        });
        remove(&store, removed);
        let numbers;
        (watcher, numbers) = waiting.join().unwrap();
        assert_eq!(numbers, left);
    }
    close(store);
    assert!(watcher.recv().unwrap().is_none());
}
