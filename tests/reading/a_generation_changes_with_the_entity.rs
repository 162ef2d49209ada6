//! A generation changes exactly when its entity gets a new visible event.

use crate::harness::*;
use batpak::prelude::*;
use batpak::testkit::Machine;

#[test]
fn with_every_event_of_the_entity_and_with_nothing_else() {
    let directory = temporary();
    let store = open(directory.path());
    assert_eq!(store.entity_generation("a"), None);
    assert_eq!(store.try_entity_generation("a").unwrap(), None);
    let mut last = None;
    for number in 0..10 {
        append_numbers(&store, "b", 0..3);
        append_numbers(&store, "aa", 0..1);
        assert_eq!(store.entity_generation("a"), last);
        let coord = Coordinate::new("a", format!("scope:{}", number % 3)).unwrap();
        store.append(&coord, KIND, &number).unwrap();
        let generation = store.entity_generation("a");
        assert!(generation > last, "{generation:?} after {last:?}");
        last = generation;
    }
    let items = (0..3).map(|number| {
        let options = AppendOptions::new();
        BatchAppendItem::new(at("a"), KIND, &number, options, CausationRef::None).unwrap()
    });
    store.append_batch(items.collect()).unwrap();
    assert!(store.entity_generation("a") > last);
    // A key that is there already adds nothing.
    let options = AppendOptions::new().with_idempotency(7);
    store
        .append_with_options(&at("a"), KIND, &0, options)
        .unwrap();
    let generation = store.entity_generation("a");
    store
        .append_with_options(&at("a"), KIND, &0, options)
        .unwrap();
    assert_eq!(store.entity_generation("a"), generation);
    store.sync().unwrap();
    store.close().unwrap();
    let store = open(directory.path());
    assert_eq!(store.entity_generation("a"), generation);
    append_numbers(&store, "a", 0..1);
    assert!(store.entity_generation("a") > generation);
}

#[test]
fn the_same_wherever_the_latest_event_is_found() {
    let random = &mut seeded("generations");
    for _ in 0..scaled(5) {
        let machine = Machine::new(random.u64(..));
        let store = history(&machine, 200, random);
        let of_all = |store: &Store| ENTITIES.map(|entity| store.entity_generation(entity));
        let told = of_all(&store);
        for (entity, generation) in ENTITIES.iter().zip(told) {
            assert_eq!(generation, Some(store.stream(entity).len() as u64));
        }
        let read_only = machine.open_read_only(small_segments()).unwrap();
        for (entity, generation) in ENTITIES.iter().zip(told) {
            assert_eq!(read_only.entity_generation(entity), generation);
        }
        read_only.close().unwrap();
        store.close().unwrap();
        assert_eq!(of_all(&machine.open(small_segments()).unwrap()), told);
    }
}

#[test]
fn a_reader_beside_the_writer_sees_it_after_a_look() {
    let directory = temporary();
    let store = open(directory.path());
    append_numbers(&store, "a", 0..3);
    let reader = Store::open_read_only(StoreConfig::new(directory.path())).unwrap();
    assert_eq!(reader.entity_generation("a"), Some(3));
    append_numbers(&store, "a", 3..4);
    assert_eq!(
        reader.entity_generation("a"),
        Some(3),
        "as it was when it looked"
    );
    assert_eq!(reader.try_entity_generation("a").unwrap(), Some(4));
}

#[test]
fn what_a_fence_hides_counts_once_it_is_committed() {
    let directory = temporary();
    let store = open(directory.path());
    append_numbers(&store, "a", 0..2);
    let mut follow = store.follow(&Region::all()).unwrap();
    let mut cursor = store.cursor_guaranteed(&Region::all());
    assert_eq!(cursor.poll_batch(10).len(), 2);
    for commits in [false, true] {
        let fence = store.begin_visibility_fence().unwrap();
        let ticket = fence.submit(&at("a"), KIND, &2).unwrap();
        store.sync().unwrap();
        assert_eq!(store.entity_generation("a"), Some(2));
        assert_eq!(cursor.poll(), None);
        assert_eq!(store.events(&Region::all(), 0).rev().count(), 2);
        match commits {
            false => fence.cancel().unwrap(),
            true => fence.commit().unwrap(),
        }
        assert_eq!(ticket.wait().is_ok(), commits);
    }
    assert_eq!(store.entity_generation("a"), Some(3));
    let committed = cursor.poll_batch(10);
    assert_eq!(committed.len(), 1);
    let followed: Vec<_> = (0..4).map(|_| follow.recv().unwrap()).collect();
    assert_eq!(
        followed
            .iter()
            .filter(|followed| **followed == Followed::CaughtUp)
            .count(),
        1
    );
    assert!(followed.contains(&Followed::Event(committed[0].clone())));
    let walked = store.walk_ancestors(committed[0].event_id, 10);
    assert_eq!(walked.len(), 3);
}
