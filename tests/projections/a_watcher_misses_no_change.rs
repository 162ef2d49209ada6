//! A watcher returns a state with every event that it was woken for, once, and ends with the store.

use crate::harness::*;
use crate::states::*;
use batpak::prelude::*;
use batpak::store::ProjectionWatcher;
use std::sync::Arc;

type Watcher = ProjectionWatcher<Numbers>;

fn watch(store: &Arc<Store>) -> Watcher {
    store.watch_projection::<Numbers>("a", Freshness::Consistent)
}

/// Waits for the next state, on a thread of its own lest it hangs.
fn next(mut watcher: Watcher) -> (Watcher, Option<Numbers>) {
    within(HANG, "waiting for a state", move || {
        let state = watcher.recv().unwrap();
        (watcher, state)
    })
}

fn numbers_of(state: Option<Numbers>) -> Vec<u64> {
    state.expect("a state").numbers
}

#[test]
fn what_was_there_is_seen_and_what_comes_is_told() {
    let directory = temporary();
    let store = Arc::new(open(directory.path()));
    append_numbers(&store, "a", 0..3);
    let mut watcher = watch(&store);
    for number in 3..10 {
        append_numbers(&store, "a", number..number + 1);
        let state;
        (watcher, state) = next(watcher);
        assert_eq!(numbers_of(state), (0..=number).collect::<Vec<_>>());
    }
    // Several changes that were not looked at are one.
    append_numbers(&store, "a", 10..20);
    let (watcher, state) = next(watcher);
    assert_eq!(numbers_of(state), (0..20).collect::<Vec<_>>());
    let closing = std::thread::spawn(move || next(watcher).1);
    close(store);
    assert_eq!(closing.join().unwrap(), None, "nothing is told twice");
}

#[test]
fn other_entities_and_kinds_are_waited_through() {
    let directory = temporary();
    let store = Arc::new(open(directory.path()));
    let watcher = watch(&store);
    let waiting = std::thread::spawn(move || next(watcher));
    for number in 0..50 {
        store.append(&at("a"), NOTE, &number).unwrap();
        // Its name begins in the same way.
        append_numbers(&store, "ab", number..number + 1);
    }
    append_numbers(&store, "a", 7..8);
    let (watcher, state) = waiting.join().unwrap();
    assert_eq!(numbers_of(state), [7]);
    store.append(&at("a"), NOTE, &0u64).unwrap();
    close(store);
    assert_eq!(next(watcher).1, None);
}

#[test]
fn the_last_change_of_a_race_is_told() {
    let directory = temporary();
    let configured = config(directory.path())
        .with_broadcast_capacity(1)
        .with_incremental_projection(true);
    let store = Arc::new(Store::open(configured).unwrap());
    let events = scaled(2000) as u64;
    let watchers: Vec<_> = (0..3)
        .map(|_| {
            let mut watcher = watch(&store);
            std::thread::spawn(move || {
                let mut last = Vec::new();
                while let Some(state) = watcher.recv().unwrap() {
                    assert!(state.numbers.len() > last.len(), "nothing is told twice");
                    assert!(state.numbers.starts_with(&last));
                    last = state.numbers;
                    if last.len() as u64 == events {
                        return;
                    }
                }
                panic!("the last change was not told");
            })
        })
        .collect();
    let tickets: Vec<_> = (0..events)
        .map(|number| store.submit(&at("a"), KIND, &number).unwrap())
        .collect();
    tickets
        .into_iter()
        .for_each(|ticket| assert!(ticket.wait().is_ok()));
    within(HANG, "watchers of a race", || {
        watchers
            .into_iter()
            .for_each(|watcher| watcher.join().unwrap());
    });
}

#[test]
fn it_ends_with_the_store() {
    for close in [true, false] {
        let directory = temporary();
        let store = Arc::new(open(directory.path()));
        let (mut waits, later) = (watch(&store), watch(&store));
        let waiting = std::thread::spawn(move || {
            let end = waits.recv_or_end();
            assert!(matches!(end, Err(StoreError::Closed)), "{end:?}");
            assert_eq!(waits.recv().unwrap(), None);
        });
        append_numbers(&store, "b", 0..1);
        let store = Arc::into_inner(store).expect("watchers hold none");
        match close {
            true => drop(store.close().unwrap()),
            false => drop(store),
        }
        within(HANG, "a watcher of a store that has ended", || {
            waiting.join().unwrap();
        });
        assert_eq!(next(later).1, None);
    }
}

#[test]
fn a_change_to_no_state_is_told_to_who_asks() {
    let directory = temporary();
    let store = Arc::new(open(directory.path()));
    let watch = || store.watch_projection::<Carried>("a", Freshness::Consistent);
    let (mut telling, mut waiting) = (watch(), watch());
    append_numbers(&store, "a", 1000..1001);
    let told = within(HANG, "waiting for no state", move || telling.recv_or_end());
    assert_eq!(told.unwrap(), None);
    let waiting = std::thread::spawn(move || waiting.recv());
    close(store);
    let end = within(HANG, "the end of a watcher", || waiting.join().unwrap());
    assert_eq!(end.unwrap(), None);
}

#[test]
fn it_can_be_waited_for_beside_other_things() {
    let directory = temporary();
    let store = Arc::new(open(directory.path()));
    let watcher = watch(&store);
    append_numbers(&store, "a", 0..1);
    // Whoever takes the notification takes no change.
    let told = watcher.subscription().receiver().recv_timeout(HANG);
    assert_eq!(told.unwrap().coord.entity(), "a");
    assert_eq!(numbers_of(next(watcher).1), [0]);
}

#[test]
fn a_fold_that_fails_is_told_and_tried_again() {
    let directory = temporary();
    let store = Arc::new(open(directory.path()));
    let mut watcher = watch(&store);
    store.append(&at("a"), KIND, &f64::NAN).unwrap();
    within(HANG, "a fold that fails", move || {
        for _ in 0..2 {
            let error = watcher.recv().unwrap_err();
            assert!(matches!(error, StoreError::Serialization(_)), "{error}");
        }
    });
}

#[test]
fn it_is_told_when_nobody_wakes_it_any_more() {
    let directory = temporary();
    let store = Arc::new(open(directory.path()));
    let mut watcher = watch(&store);
    for _ in 0..2 {
        store.panic_actor_for_test("broker");
    }
    let error = within(HANG, "a watcher without a broker", move || {
        watcher.recv().unwrap_err()
    });
    assert!(matches!(error, StoreError::ActorEnded { .. }), "{error}");
}
