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
