//! Who subscribed before an append has its notification before the append is acknowledged.
//!
//! All actors are the shipping ones: writer and roller on one thread, indexer and broker on one
//! each. Each model has 5 threads with the main one; starting and closing the store runs in one
//! order.
//! - `notified`: the property, for a subscriber and two callers; every event is notified once, in
//!   order. 2 appends, one preemption; 544 executions.
//! - `subscribes meanwhile`: who subscribes beside an append is notified of it or not, and of
//!   everything behind it. 2 appends, 1 subscription, one preemption; 2,319 executions.
//! - `broker crashes`: a broker that crashes beside an append notifies of it once, before the
//!   acknowledgement. 1 append, 1 crash, two preemptions; 10,241 executions.

#![cfg(loom)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use batpak_actors::protocol::broker::{self, Notification};
use batpak_actors::runtime::channel::Receiver;
use batpak_loom_tests::store::{Asks, Right, Store, StoreOptions, append};
use batpak_loom_tests::{in_one_order, model, model_within};
use loom::thread;

/// The shipping writer, indexer and broker on a thread each.
const OPTIONS: StoreOptions = StoreOptions {
    right: Right::Shipping,
    thread_each: true,
    panics_after_groups: None,
};

/// The event that opens the segment, before anybody has subscribed.
const FIRST: u128 = 1;

fn start() -> Store {
    in_one_order(|| {
        let store = Store::start(OPTIONS);
        append(&store.writer, FIRST, Asks::default())
            .unwrap()
            .unwrap();
        store
    })
}

/// Appends an event and returns its place in the log, once it is acknowledged.
fn append_one(store: &Store, id: u128) -> impl FnOnce() -> u64 + use<> {
    let writer = store.writer.clone();
    move || {
        let receipt = append(&writer, id, Asks::default()).unwrap();
        receipt.unwrap().sequence
    }
}

/// Takes what was notified so far.
fn notified(receiver: &Receiver<Notification>) -> Vec<u64> {
    std::iter::from_fn(|| receiver.try_recv().ok())
        .map(|notification| notification.sequence)
        .collect()
}

#[test]
fn a_subscriber_is_notified_before_the_append_is_acknowledged() {
    let seen = model_within("indexer_broker: notified", 1, || {
        let store = start();
        let subscribed = in_one_order(|| store.subscribe());
        let other = thread::spawn(append_one(&store, 2));
        let sequence = append_one(&store, 3)();
        let mut all = notified(&subscribed.receiver);
        assert!(all.contains(&sequence), "{sequence} is not in {all:?}");
        let before = all.len();
        other.join().unwrap();
        all.extend(notified(&subscribed.receiver));
        assert_eq!(all, [1, 2], "each of them once, in order");
        assert_eq!(subscribed.lost.get(), 0);
        in_one_order(|| store.close());
        before
    });
    assert_eq!(
        seen.into_iter().collect::<Vec<_>>(),
        [1, 2],
        "the other one was notified before and after"
    );
}

#[test]
fn a_subscriber_that_comes_meanwhile_misses_nothing_behind_its_first() {
    let seen = model_within("indexer_broker: subscribes meanwhile", 1, || {
        let store = start();
        let other = thread::spawn(append_one(&store, 2));
        let subscribed = store.subscribe();
        append_one(&store, 3)();
        other.join().unwrap();
        let all = notified(&subscribed.receiver);
        in_one_order(|| store.close());
        all
    });
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [vec![1, 2], vec![2]]);
}

#[test]
fn a_broker_that_crashes_notifies_once() {
    model("indexer_broker: broker crashes", || {
        let store = start();
        let subscribed = in_one_order(|| store.subscribe());
        let broker = store.broker.clone().unwrap();
        let crash = thread::spawn(move || broker.tell(broker::Message::Panic).unwrap());
        let sequence = append_one(&store, 2)();
        assert_eq!(notified(&subscribed.receiver), [sequence]);
        crash.join().unwrap();
        in_one_order(|| store.close());
        assert_eq!(notified(&subscribed.receiver), [0; 0], "and not again");
    });
}
