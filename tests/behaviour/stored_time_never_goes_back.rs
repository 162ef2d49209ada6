//! Whatever the clock shows, stored time never decreases and (wall_ms, counter) always increases.

use crate::harness::*;
use batpak::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A clock that shows these times, one after the other, then the last one for ever.
fn showing(times: Vec<i64>) -> Option<Arc<dyn Fn() -> i64 + Send + Sync>> {
    let next = AtomicUsize::new(0);
    Some(Arc::new(move || {
        let at = next.fetch_add(1, Ordering::Relaxed);
        times[at.min(times.len() - 1)]
    }))
}

fn assert_increasing(store: &Store, events: usize) -> u64 {
    let entries = store.query(&Region::all());
    assert_eq!(entries.len(), events);
    let mut before: Option<(u64, u16)> = None;
    let mut stamped = 0;
    for entry in &entries {
        let header = store.get_raw(entry.event_id).unwrap().event.header;
        let time = (header.position.wall_ms, header.position.counter);
        assert!(before < Some(time), "{before:?} then {time:?}");
        assert!(stamped <= header.timestamp_us, "stored time went back");
        assert_eq!(entry.wall_ms, time.0);
        (before, stamped) = (Some(time), header.timestamp_us);
    }
    assert_sound(store, events);
    before.unwrap().0
}

fn check(times: Vec<i64>) -> u64 {
    let directory = temporary();
    let events = times.len().max(50);
    let configured = |times| config(directory.path()).with_clock(showing(times));
    let store = Store::open(configured(times)).unwrap();
    for number in 0..events {
        store
            .append(&at(if number % 2 == 0 { "a" } else { "b" }), KIND, &number)
            .unwrap();
    }
    assert_increasing(&store, events);
    store.close().unwrap();
    // After a restart the clock may have been set back.
    let store = Store::open(configured(vec![0])).unwrap();
    append_numbers(&store, "a", 0..5);
    assert_increasing(&store, events + 5)
}

#[test]
fn a_clock_that_goes_on() {
    assert_eq!(
        check(
            (0..100)
                .map(|ms| 1_700_000_000_000_000 + ms * 1000)
                .collect()
        ) / 1000,
        1_700_000_000
    );
}

#[test]
fn a_clock_that_stands_still() {
    check(vec![1_700_000_000_000_000]);
    check(vec![0]);
}

#[test]
fn a_clock_that_goes_back() {
    check((0..100).map(|second| (100 - second) * 1_000_000).collect());
    let mut random = seeded("a clock of chance");
    check((0..200).map(|_| random.i64(..)).collect());
}

#[test]
fn a_clock_of_extremes() {
    check(vec![i64::MIN]);
    check(vec![-1, 0, 1, i64::MIN, 999, 1000, 1001]);
    check(vec![i64::MAX]);
    check(vec![i64::MAX, i64::MIN, 0, i64::MAX - 1]);
}

/// The counter of one millisecond has 16 bits; when it is spent, time goes ahead of the clock.
#[test]
fn more_events_in_a_millisecond_than_its_counter_counts() {
    const EVENTS: usize = 70_000;
    let directory = temporary();
    let configured = StoreConfig::new(directory.path()).with_clock(showing(vec![5_000_000]));
    let store = Store::open(configured).unwrap();
    let tickets: Vec<_> = (0..EVENTS / 250)
        .map(|_| {
            store
                .submit_batch((0..250).map(|number| item("a", number)).collect())
                .unwrap()
        })
        .collect();
    for ticket in tickets {
        ticket.wait().unwrap();
    }
    assert_eq!(assert_increasing(&store, EVENTS), 5001);
}
