//! Who reads a store beside the process that compacts it sees what stays, and never takes the new
//! segments for another history.

use crate::harness::*;
use batpak::prelude::*;

fn even_stay() -> CompactionConfig {
    CompactionConfig {
        strategy: CompactionStrategy::Retention(Box::new(|event| {
            event
                .event
                .payload
                .as_u64()
                .is_some_and(|number| number % 2 == 0)
        })),
        min_segments: 1,
    }
}

#[test]
fn with_a_store_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    append_numbers(&store, 0..100);
    store.close().unwrap();
    let store = open(directory.path());
    let reader = Store::open_read_only(config(directory.path())).unwrap();
    let before = told(&reader);
    assert_eq!(before.len(), 100);
    let mut cursor = reader.cursor_guaranteed(&Region::all());
    let seen = cursor.poll_batch(50);
    let position = cursor.position();
    store.compact(&even_stay()).unwrap();
    append_numbers(&store, 100..110);
    reader.refresh().unwrap();
    let after = told(&reader);
    assert_eq!(after, told(&store));
    assert_eq!(after.len(), 60);
    assert!(matches!(reader.get(key(1)), Err(StoreError::NotFound(_))));
    // What comes behind what was seen, from a cursor that was there and from one that is resumed.
    let last = seen.last().unwrap().global_sequence;
    let expected: Vec<u64> = after
        .iter()
        .map(|told| told.0)
        .filter(|at| *at > last)
        .collect();
    let found: Vec<u64> = std::iter::from_fn(|| cursor.poll())
        .map(|entry| entry.global_sequence)
        .collect();
    assert_eq!(found, expected);
    let mut resumed = store.cursor_at(&Region::all(), &position).unwrap();
    assert_eq!(resumed.poll_batch(1000).len(), expected.len());
    assert_eq!(reader.diagnostics().read_fault, None);
    assert_sound(&reader);
    reader.close().unwrap();
}

#[test]
fn with_every_walk_and_from_either_end() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let first = append_number(&store, 0);
    let caused: Vec<_> = (1..20_u64)
        .map(|number| {
            let coord = at("caused");
            store
                .append_reaction(&coord, KIND, &number, first.event_id, first.event_id)
                .unwrap()
        })
        .collect();
    append_numbers(&store, 20..100);
    store.close().unwrap();
    for keep_runs in [true, false] {
        let store = open(directory.path());
        if keep_runs {
            store.compact(&even_stay()).unwrap();
        }
        let forward: Vec<u64> = store
            .events(&Region::all(), 0)
            .map(|entry| entry.unwrap().global_sequence)
            .collect();
        let mut backward: Vec<u64> = store
            .events(&Region::all(), 0)
            .rev()
            .map(|entry| entry.unwrap().global_sequence)
            .collect();
        backward.reverse();
        assert_eq!(forward, backward);
        assert_eq!(forward.len(), 50);
        let effects = store.effects(first.event_id, 100);
        assert_eq!(effects.len(), 9, "every other one of nineteen is gone");
        let kept = &caused[17];
        let causes = store.causes(kept.event_id, 10);
        assert_eq!(causes.len(), 1);
        let chain = store.walk_ancestors(kept.event_id, 100);
        assert_eq!(chain.len(), 9, "those that are left of its entity");
        assert!(
            chain
                .iter()
                .all(|event| event.event.payload.as_u64().unwrap() % 2 == 0)
        );
        store.close().unwrap();
        for entry in std::fs::read_dir(directory.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|end| end == "fbix") {
                std::fs::remove_file(path).unwrap();
            }
        }
    }
}

/// Removes those numbers whose remainder by 10 is one of these.
fn without(remainders: &'static [u64]) -> CompactionConfig {
    CompactionConfig {
        strategy: CompactionStrategy::Retention(Box::new(|event| {
            let number = event.event.payload.as_u64();
            number.is_none_or(|number| !remainders.contains(&(number % 10)))
        })),
        min_segments: 1,
    }
}

#[test]
fn in_a_segment_that_is_replaced_again_and_again() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    append_numbers(&store, 0..200);
    store.close().unwrap();
    let store = open(directory.path());
    let mut walk = store.events(&Region::all(), 0);
    walk.next().unwrap().unwrap();
    for remainders in [&[1_u64][..], &[2, 3], &[4]] {
        store.compact(&without(remainders)).unwrap();
    }
    let left = told(&store);
    assert_eq!(left.len(), 120);
    // The files of before are there, and are taken for what they are by whoever opens the store,
    // now or after a crash, and by a part of the engine that begins again.
    let reader = Store::open_read_only(config(directory.path())).unwrap();
    assert_eq!(told(&reader), left);
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(directory.path()).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    assert!(segment_files(copy.path()) > store.stats().segments);
    let copied = open(copy.path());
    assert_eq!(told(&copied), left);
    assert_eq!(segment_files(copy.path()), copied.stats().segments);
    for actor in ["indexer", "writer"] {
        store.panic_actor_for_test(actor);
        append_number(&store, 0);
    }
    assert_eq!(walk.map(Result::unwrap).count(), 199);
    let _walk = store.events(&Region::all(), 0);
    store.compact(&without(&[5])).unwrap();
    store.close().unwrap();
    let store = open(directory.path());
    assert_eq!(told(&store).len(), 100);
    assert_sound(&store);
}
