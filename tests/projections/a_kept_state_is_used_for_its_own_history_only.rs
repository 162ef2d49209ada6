//! A state from a cache is used only for the history that it was folded from, and under its own
//! name and version.

use crate::harness::*;
use crate::states::*;
use batpak::prelude::*;
use std::path::Path;

fn open_with(directory: &Path, cache: &Looked) -> Store {
    Store::open_with_cache(config(directory), Box::new(cache.clone())).unwrap()
}

#[test]
fn it_saves_the_fold_also_after_reopening() {
    let directory = temporary();
    let cache = Looked::default();
    let store = open_with(directory.path(), &cache);
    append_numbers(&store, "a", 0..10);
    assert_eq!(projected(&store, "a"), (0..10).collect::<Vec<_>>());
    assert_eq!((folded(), cache.take_asked().len()), (10, 2));
    for _ in 0..3 {
        assert_eq!(projected(&store, "a"), (0..10).collect::<Vec<_>>());
        assert_eq!(folded(), 0);
    }
    store.close().unwrap();
    let store = open_with(directory.path(), &cache);
    assert_eq!(projected(&store, "a"), (0..10).collect::<Vec<_>>());
    assert_eq!(folded(), 0);
    // Other entities do not matter, a new event does.
    append_numbers(&store, "b", 0..1);
    assert_eq!(projected(&store, "a").len(), 10);
    assert_eq!(folded(), 0);
    append_numbers(&store, "a", 10..11);
    assert_eq!(projected(&store, "a"), (0..11).collect::<Vec<_>>());
    assert_eq!(folded(), 11);
    assert_eq!(cache.take_asked().last(), Some(&Asked::Put(11)));
}

#[test]
fn another_store_with_as_many_events_has_its_own() {
    let cache = Looked::default();
    for offset in [0, 100, 200] {
        let directory = temporary();
        let store = open_with(directory.path(), &cache);
        append_numbers(&store, "a", offset..offset + 10);
        let expected: Vec<_> = (offset..offset + 10).collect();
        assert_eq!(projected(&store, "a"), expected);
        let stale = Freshness::MaybeStale {
            max_stale_ms: u64::MAX,
        };
        let state: Option<Numbers> = store.project("a", &stale).unwrap();
        assert_eq!(state.unwrap().numbers, expected);
    }
}

#[test]
fn a_history_that_was_restored_from_a_copy_has_its_own() {
    let directory = temporary();
    let cache = Looked::default();
    let store = open_with(directory.path(), &cache);
    append_numbers(&store, "a", 0..5);
    store.close().unwrap();
    let copy = directory_of(&contents(directory.path()));
    let store = open_with(directory.path(), &cache);
    append_numbers(&store, "a", 5..10);
    assert_eq!(projected(&store, "a").len(), 10);
    store.close().unwrap();
    let stale = Freshness::MaybeStale {
        max_stale_ms: u64::MAX,
    };
    // The copy is behind what is kept, then goes on in another way, then is further.
    let store = open_with(copy.path(), &cache);
    let kept = cache.kept.lock().unwrap().clone();
    for (numbers, expected) in [(0..0, 5), (100..105, 10), (105..110, 15)] {
        append_numbers(&store, "a", numbers);
        let expected: Vec<_> = (0..5).chain(100..110).take(expected).collect();
        for freshness in [&stale, &Freshness::Consistent] {
            *cache.kept.lock().unwrap() = kept.clone();
            let state: Option<Numbers> = store.project("a", freshness).unwrap();
            assert_eq!(state.unwrap().numbers, expected);
        }
    }
}

#[test]
fn whatever_a_cache_returns() {
    let directory = temporary();
    let cache = Looked::default();
    let store = open_with(directory.path(), &cache);
    append_numbers(&store, "a", 0..4);
    let expected: Vec<_> = (0..4).collect();
    assert_eq!(projected(&store, "a"), expected);
    let (key, (value, meta)) = cache.kept.lock().unwrap().pop_first().unwrap();
    let put = |value: &[u8], watermark| {
        let mut meta = meta.clone();
        meta.watermark = watermark;
        let kept = (value.to_vec(), meta);
        cache.kept.lock().unwrap().insert(key.clone(), kept);
    };
    for length in 0..value.len() {
        put(&value[..length], 3);
        assert_eq!(projected(&store, "a"), expected, "cut to {length}");
    }
    for watermark in [0, 2, 4, u64::MAX] {
        put(&value, watermark);
        assert_eq!(projected(&store, "a"), expected, "moved to {watermark}");
    }
    // The version, the clock and the hash; the state itself is for the cache to keep whole.
    for at in 0..1 + 4 + 32 {
        let mut flipped = value.clone();
        flipped[at] ^= 1;
        put(&flipped, 3);
        assert_eq!(projected(&store, "a"), expected, "flipped at {at}");
    }
    folded();
    put(&value, 3);
    assert_eq!((projected(&store, "a"), folded()), (expected, 0));
}

#[test]
fn under_its_name_and_version_and_the_same_in_every_build() {
    /// As [`Numbers`], with a name and a version of its own.
    macro_rules! numbers {
        ($type:ident, $name:literal, $version:literal) => {
            #[derive(serde::Serialize, serde::Deserialize)]
            struct $type(Numbers);

            impl EventSourced for $type {
                type Input = ValueInput;

                fn from_events(events: &[ProjectionEvent<Self>]) -> Option<Self> {
                    Numbers::from_events(events).map(Self)
                }

                fn apply_event(&mut self, event: &ProjectionEvent<Self>) {
                    self.0.apply_event(event);
                }

                fn relevant_event_kinds() -> &'static [EventKind] {
                    Numbers::relevant_event_kinds()
                }

                fn schema_version() -> u64 {
                    $version
                }

                fn projection_name() -> &'static str {
                    $name
                }
            }
        };
    }
    numbers!(Moved, "numbers", 0);
    numbers!(Newer, "numbers", 1);
    numbers!(Other, "others", 0);

    let directory = temporary();
    let cache = Looked::default();
    let store = open_with(directory.path(), &cache);
    append_numbers(&store, "a", 0..4);
    projected(&store, "a");
    let keys = || -> Vec<Vec<u8>> { cache.kept.lock().unwrap().keys().cloned().collect() };
    let hex = |bytes: &[u8]| -> String { bytes.iter().map(|b| format!("{b:02x}")).collect() };
    assert_eq!(hex(&keys()[0]), NUMBERS_KEY);
    assert_eq!(folded(), 4);
    assert_eq!(project::<Moved, _>(&store, "a").unwrap().0.numbers.len(), 4);
    assert_eq!(
        (folded(), keys().len()),
        (0, 1),
        "the same name and version"
    );
    assert_eq!(project::<Newer, _>(&store, "a").unwrap().0.numbers.len(), 4);
    assert_eq!((folded(), keys().len()), (4, 2));
    assert_eq!(project::<Other, _>(&store, "a").unwrap().0.numbers.len(), 4);
    assert_eq!((folded(), keys().len()), (4, 3));
    assert!(keys().iter().all(|key| key.starts_with(b"a\0")));
}

/// "a", a zero byte, and the first 16 bytes of blake3(0 as u64, big-endian | "numbers").
const NUMBERS_KEY: &str = "61000409afce13f92d75af451c71dca7e271";

#[test]
fn a_type_that_changed_its_form_is_folded_anew() {
    let directory = temporary();
    let cache = Looked::default();
    let store = open_with(directory.path(), &cache);
    append_numbers(&store, "a", 0..4);
    projected(&store, "a");
    for kept in cache.kept.lock().unwrap().values_mut() {
        // A map with another field.
        kept.0.truncate(1 + 4 + 32);
        kept.0.extend_from_slice(b"\x81\xa5other\x01");
    }
    folded();
    assert_eq!(projected(&store, "a").len(), 4);
    assert_eq!(folded(), 4);
}

#[test]
fn a_cache_that_fails_costs_no_answer() {
    let directory = temporary();
    let cache = Looked {
        fails: true,
        prefetches: true,
        ..Looked::default()
    };
    let store = open_with(directory.path(), &cache);
    append_numbers(&store, "a", 0..4);
    assert_eq!(projected(&store, "a").len(), 4);
    let asked = [Asked::Prefetch(3), Asked::Get, Asked::Put(3)];
    assert_eq!(cache.take_asked(), asked);
}

#[test]
fn a_cache_is_told_ahead_if_it_wants() {
    let directory = temporary();
    let cache = Looked {
        prefetches: true,
        ..Looked::default()
    };
    let store = open_with(directory.path(), &cache);
    append_numbers(&store, "a", 0..2);
    projected(&store, "a");
    append_numbers(&store, "a", 2..3);
    projected(&store, "a");
    let (fetch, put) = (Asked::Prefetch, Asked::Put);
    let asked = [fetch(1), Asked::Get, put(1), fetch(2), Asked::Get, put(2)];
    assert_eq!(cache.take_asked(), asked);
}
