//! Subscribers are told of every event before its append returns, and lose notifications rather
//! than hold up the writer.

use crate::harness::*;
use batpak::prelude::*;

#[test]
fn one_that_never_reads_loses_and_counts() {
    let directory = temporary();
    let store = Store::open(config(directory.path()).with_broadcast_capacity(16)).unwrap();
    let sleeper = store.subscribe_lossy(&Region::all());
    let elsewhere = store.subscribe_lossy(&Region::entity("b"));
    let events = scaled(20_000) as u64;
    within(
        HANG,
        "appending beside a subscriber that never reads",
        move || {
            let tickets: Vec<_> = (0..events)
                .map(|number| store.submit(&at("a"), KIND, &number).unwrap())
                .collect();
            for ticket in tickets {
                ticket.wait().unwrap();
            }
            assert_eq!(store.stats().event_count as u64, events);
            assert_eq!(sleeper.lost(), events - 16);
            assert_eq!(elsewhere.lost(), 0);
            // What it holds are the first ones, and it goes on from here.
            let held: Vec<_> = sleeper
                .receiver()
                .try_iter()
                .map(|told| told.sequence)
                .collect();
            assert_eq!(held, (0..16).collect::<Vec<_>>());
            let receipt = store.append(&at("a"), KIND, &events).unwrap();
            assert_eq!(sleeper.recv().unwrap().event_id, receipt.event_id);
            assert_eq!(sleeper.lost(), events - 16);
            store.close().unwrap();
        },
    );
}

#[test]
fn every_append_has_notified_before_it_returns() {
    let directory = temporary();
    let store = open(directory.path());
    let all = store.subscribe_lossy(&Region::all());
    let told = race(4, |thread| {
        let entity = format!("thread:{thread}");
        let own = store.subscribe_lossy(&Region::entity_exact(&entity));
        for number in 0..scaled(300) as u64 {
            let receipts = if number % 5 == 0 {
                store
                    .append_batch(vec![item(&entity, number), item(&entity, number)])
                    .unwrap()
            } else {
                vec![store.append(&at(&entity), KIND, &number).unwrap()]
            };
            for receipt in receipts {
                let told = own
                    .receiver()
                    .try_recv()
                    .expect("told before the append returned");
                assert_eq!(told.event_id, receipt.event_id);
                assert_eq!(told.sequence, receipt.sequence);
                assert_eq!(told.coord, at(&entity));
            }
        }
        own.lost()
    });
    assert_eq!(told, [0; 4]);
    let sequences: Vec<_> = all
        .receiver()
        .try_iter()
        .map(|told| told.sequence)
        .collect();
    assert_eq!(
        sequences,
        (0..store.stats().event_count as u64).collect::<Vec<_>>()
    );
}

#[test]
fn a_notification_says_what_the_event_is() {
    let directory = temporary();
    let store = open(directory.path());
    append_numbers(&store, "a", 0..3);
    let region = Region::entity("a").with_fact(KindFilter::Exact(EventKind::DATA));
    let subscription = store.subscribe_lossy(&region);
    append_numbers(&store, "a", 3..5);
    let receipt = store
        .append_reaction(&at("a"), EventKind::DATA, &1, 7, 8)
        .unwrap();
    // Nothing from before it subscribed, nothing of another kind.
    let told = subscription.receiver().try_recv().unwrap();
    let expected = Notification {
        event_id: receipt.event_id,
        correlation_id: 7,
        causation_id: Some(8),
        coord: at("a"),
        kind: EventKind::DATA,
        sequence: receipt.sequence,
    };
    assert_eq!(told, expected);
    assert!(subscription.receiver().is_empty());
}

#[test]
fn a_subscription_ends_when_the_store_closes() {
    let directory = temporary();
    let store = open(directory.path());
    let subscription = store.subscribe_lossy(&Region::all());
    append_numbers(&store, "a", 0..2);
    within(
        HANG,
        "a subscriber that waits while the store closes",
        move || {
            let waiting = std::thread::spawn(move || {
                let mut told = 0;
                while subscription.recv().is_some() {
                    told += 1;
                }
                told
            });
            store.close().unwrap();
            assert_eq!(waiting.join().unwrap(), 2);
        },
    );
}

#[test]
fn dropping_a_subscription_unsubscribes() {
    let directory = temporary();
    let store = open(directory.path());
    let (kept, dropped) = (
        store.subscribe_lossy(&Region::all()),
        store.subscribe_lossy(&Region::all()),
    );
    let receiver = dropped.receiver().clone();
    append_numbers(&store, "a", 0..1);
    drop(dropped);
    append_numbers(&store, "a", 1..2);
    assert_eq!(receiver.try_iter().count(), 1);
    assert!(receiver.recv().is_err(), "nobody sends any more");
    assert_eq!(kept.receiver().try_iter().count(), 2);
}
