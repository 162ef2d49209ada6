//! Filters and maps apply in the order in which they were asked for, a limit ends the chain, and
//! what was lost is told through it.

use crate::harness::*;
use batpak::prelude::*;
use batpak::store::subscription::ScanSubscriptionOps;

const OTHER: EventKind = EventKind::custom(0xF, 2);

fn sequences(mut ops: SubscriptionOps, count: usize) -> Vec<u64> {
    let next = |_| ops.recv().map(|told| told.sequence);
    (0..count).map_while(next).collect()
}

#[test]
fn filters_and_maps_in_any_order() {
    let directory = temporary();
    let store = open(directory.path());
    let subscribe = || store.subscribe_lossy(&Region::all()).ops();
    let even = subscribe().filter(|told| told.sequence.is_multiple_of(2));
    let even_of_even = subscribe()
        .filter(|told| told.sequence.is_multiple_of(2))
        .filter(|told| told.sequence.is_multiple_of(3));
    let halved = |told: &Notification| {
        let sequence = told.sequence / 2;
        told.sequence.is_multiple_of(2).then(|| Notification {
            sequence,
            ..told.clone()
        })
    };
    // A filter behind a map sees what the map has made.
    let mapped_first = subscribe().map(halved).filter(|told| told.sequence > 2);
    let filtered_first = subscribe().filter(|told| told.sequence > 2).map(halved);
    let mapped_twice = subscribe().map(halved).map(halved);
    append_numbers(&store, "a", 0..10);
    assert_eq!(sequences(even, 5), [0, 2, 4, 6, 8]);
    assert_eq!(sequences(even_of_even, 2), [0, 6]);
    assert_eq!(sequences(mapped_first, 2), [3, 4]);
    assert_eq!(sequences(filtered_first, 3), [2, 3, 4]);
    assert_eq!(sequences(mapped_twice, 3), [0, 1, 2]);
}

#[test]
fn a_limit_counts_what_comes_through() {
    let directory = temporary();
    let store = open(directory.path());
    let mut taken = store
        .subscribe_lossy(&Region::all())
        .ops()
        .filter(|told| told.kind == OTHER)
        .take(2);
    let mut none = store.subscribe_lossy(&Region::all()).ops().take(0);
    for number in 0..6u64 {
        let kind = if number % 2 == 0 { KIND } else { OTHER };
        store.append(&at("a"), kind, &number).unwrap();
    }
    assert_eq!(none.recv(), None);
    assert_eq!(taken.recv().unwrap().sequence, 1);
    assert_eq!(taken.recv_or_end().unwrap().unwrap().sequence, 3);
    // It does not wait for more.
    assert!(taken.recv_or_end().unwrap().is_none());
    assert_eq!(taken.recv(), None);
}

#[test]
fn a_scan_folds_what_comes_through() {
    let directory = temporary();
    let store = open(directory.path());
    let fold: fn(&mut u64, &Notification) -> Option<u64> = |sum, told| {
        *sum += told.sequence;
        sum.is_multiple_of(2).then_some(*sum)
    };
    let mut scan: ScanSubscriptionOps<u64, _> = store
        .subscribe_lossy(&Region::all())
        .ops()
        .filter(|told| told.sequence > 0)
        .take(8)
        .scan(100, fold);
    append_numbers(&store, "a", 0..10);
    // A state that the fold keeps to itself is kept all the same.
    let states: Vec<_> = std::iter::from_fn(|| scan.recv()).collect();
    assert_eq!(states, [106, 110, 128, 136]);
}

#[test]
fn losses_are_told_through_the_chain() {
    let directory = temporary();
    let store = Store::open(config(directory.path()).with_broadcast_capacity(4)).unwrap();
    let subscribe = || store.subscribe_lossy(&Region::all()).ops();
    let mut ops = subscribe().filter(|told| told.sequence > 1);
    let mut scan = subscribe().scan(0u64, |sum, told| {
        *sum += told.sequence;
        Some(*sum)
    });
    assert_eq!((ops.lost(), scan.lost()), (0, 0));
    append_numbers(&store, "a", 0..10);
    assert_eq!((ops.lost(), scan.lost()), (6, 6));
    assert_eq!(ops.recv().unwrap().sequence, 2);
    assert_eq!(scan.recv(), Some(0));
    assert_eq!((ops.lost(), scan.lost()), (6, 6));
}

#[test]
fn it_ends_when_the_store_closes() {
    let directory = temporary();
    let store = open(directory.path());
    let mut ops = store.subscribe_lossy(&Region::all()).ops();
    let mut scan = store
        .subscribe_lossy(&Region::all())
        .ops()
        .scan((), |(), _| Some(()));
    append_numbers(&store, "a", 0..1);
    let waiting = std::thread::spawn(move || {
        assert_eq!(ops.recv().unwrap().sequence, 0);
        let end = ops.recv_or_end();
        assert!(matches!(end, Err(StoreError::Closed)), "{end:?}");
        assert_eq!(ops.recv(), None);
        assert_eq!((scan.recv(), scan.recv()), (Some(()), None));
    });
    store.close().unwrap();
    within(HANG, "a chain of a closed store", || {
        waiting.join().unwrap();
    });
}
