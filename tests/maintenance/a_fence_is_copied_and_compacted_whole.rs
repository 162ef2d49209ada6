//! A snapshot has all of a visibility fence or nothing of it, and compaction keeps what a fence has
//! shown.

use crate::harness::*;
use batpak::prelude::*;

#[test]
fn by_a_snapshot() {
    let (directory, copies) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(directory.path());
    append_numbers(&store, 0..20);
    let fence = store.begin_visibility_fence().unwrap();
    let tickets: Vec<_> = (0..10_u64)
        .map(|number| fence.submit(&at("fenced"), KIND, &number).unwrap())
        .collect();
    for ticket in &tickets {
        ticket.wait_durable().unwrap();
    }
    let before = told(&store);
    assert_eq!(before.len(), 20);
    store.snapshot(&copies.path().join("open")).unwrap();
    fence.commit().unwrap();
    let after = told(&store);
    assert_eq!(after.len(), 30);
    store.snapshot(&copies.path().join("committed")).unwrap();
    let fence = store.begin_visibility_fence().unwrap();
    fence.submit(&at("fenced"), KIND, &1).unwrap();
    fence.cancel().unwrap();
    store.snapshot(&copies.path().join("cancelled")).unwrap();
    let next = append_number(&store, 20).sequence;
    for (name, expected) in [
        ("open", &before),
        ("committed", &after),
        ("cancelled", &after),
    ] {
        let copy = open(&copies.path().join(name));
        assert_eq!(&told(&copy), expected, "{name}");
        assert!(!copy.diagnostics().recovery.unclean);
        assert_sound(&copy);
        if name == "cancelled" {
            assert_eq!(
                append_number(&copy, 20).sequence,
                next,
                "used sequences stay used"
            );
        }
    }
}

#[test]
fn by_a_compaction() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    for round in 0..4 {
        append_numbers(&store, round * 100..round * 100 + 30);
        let fence = store.begin_visibility_fence().unwrap();
        for number in 0..10_u64 {
            fence
                .submit(&at("fenced"), KIND, &(round * 10 + number))
                .unwrap();
        }
        if round % 2 == 0 {
            fence.commit().unwrap();
        } else {
            fence.cancel().unwrap();
        }
    }
    let before = told(&store);
    assert_eq!(before.len(), 4 * 30 + 2 * 10);
    store.close().unwrap();
    let store = Store::open(StoreConfig::new(directory.path())).unwrap();
    let done = store.compact(&CompactionConfig::default()).unwrap();
    assert!(done.segments_removed > 2);
    assert_eq!(told(&store), before);
    assert_sound(&store);
    let even = CompactionConfig {
        strategy: CompactionStrategy::Retention(Box::new(|event| {
            event
                .event
                .payload
                .as_u64()
                .is_some_and(|number| number % 2 == 0)
        })),
        min_segments: 1,
    };
    store.compact(&even).unwrap();
    assert_eq!(told(&store).len(), before.len() / 2);
    store.close().unwrap();
    let store = open(directory.path());
    assert_eq!(told(&store).len(), before.len() / 2);
    assert_sound(&store);
}
