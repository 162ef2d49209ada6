//! No wake-up is lost: a task that sleeps until it is woken handles every event.
#![cfg(loom)]

use std::sync::Arc;

use batpak_actors::protocol::broker;
use batpak_actors::protocol::broker::Registered;
use batpak_actors::runtime::{TaskHandle, TaskNext};
use batpak_loom_tests::store::{Asks, Right, Store, StoreOptions, append};
use batpak_loom_tests::{in_one_order, model_within};
use loom::sync::Mutex;
use loom::thread;

/// What a worker has handled, in sequences.
type Handled = Arc<Mutex<Vec<u64>>>;

fn start(thread_each: bool) -> Store {
    in_one_order(|| {
        Store::start(StoreOptions {
            right: Right::Shipping,
            thread_each,
            panics_after_groups: None,
        })
    })
}

fn append_one(store: &Store, id: u128) -> impl FnOnce() + use<> {
    let writer = store.writer.clone();
    move || {
        let answer = append(&writer, id, Asks::default()).unwrap();
        answer.unwrap();
    }
}

/// Starts a worker like a cursor's: it handles one event after the other, sleeps when it finds no
/// more, and ends after so many.
fn start_worker(store: &Store, watched: Registered<()>, events: usize) -> (TaskHandle, Handled) {
    let handled = Handled::default();
    let (view, done) = (Arc::clone(&store.view), Arc::clone(&handled));
    let mut next_sequence = 0;
    let work = move || {
        let Some(entry) = view.entries_from(next_sequence).next() else {
            return TaskNext::WaitForWake;
        };
        next_sequence = entry.global_sequence + 1;
        let mut done = done.lock().unwrap();
        done.push(entry.global_sequence);
        match done.len() == events {
            true => TaskNext::Done,
            false => TaskNext::Again,
        }
    };
    let task = store
        .running
        .spawn_task("worker", watched.receiver, work)
        .unwrap();
    (task, handled)
}

#[test]
fn a_worker_that_is_woken_handles_every_event() {
    model_within("cursor_wake_up: every event", 1, || {
        let store = start(true);
        let watched = in_one_order(|| store.watch());
        let (task, handled) = start_worker(&store, watched, 2);
        append_one(&store, 1)();
        append_one(&store, 2)();
        task.join().unwrap();
        assert_eq!(*handled.lock().unwrap(), [0, 1]);
        in_one_order(|| store.close());
    });
}

#[test]
fn a_worker_that_is_started_meanwhile_handles_every_event() {
    model_within("cursor_wake_up: started meanwhile", 1, || {
        let store = start(false);
        let other = thread::spawn(append_one(&store, 1));
        let watched = store.watch();
        let (task, handled) = start_worker(&store, watched, 1);
        task.join().unwrap();
        other.join().unwrap();
        assert_eq!(*handled.lock().unwrap(), [0]);
        in_one_order(|| store.close());
    });
}

#[test]
fn a_worker_that_nobody_can_wake_ends() {
    model_within("cursor_wake_up: end", 1, || {
        let store = start(false);
        let watched = in_one_order(|| store.watch());
        let subscriber = watched.subscriber;
        let (task, handled) = start_worker(&store, watched, 2);
        let other = thread::spawn(append_one(&store, 1));
        let broker = store.broker.clone().unwrap();
        broker
            .tell(broker::Message::Unsubscribe { subscriber })
            .unwrap();
        task.join().unwrap();
        other.join().unwrap();
        let handled = handled.lock().unwrap().len();
        in_one_order(|| store.close());
        handled
    });
}
