//! No wake-up is lost: a task that sleeps until it is woken handles every event.
//!
//! The task is the runtime's, with a worker in it that reads the view as a cursor's does; it is
//! woken through a registration of capacity one. All actors are the shipping ones. Threads count
//! the main one. Starting and closing the store runs in one order.
//! - `every event`: a worker handles all events, though wake-ups are folded into one. 5 threads
//!   (writer and roller, indexer, broker, task), 2 appends, one preemption; 3,083 executions.
//! - `started meanwhile`: a worker that registers and then looks misses no append beside it.
//!   4 threads (all actors on one), 1 append, two preemptions; 10,489 executions.
//! - `end`: a worker whose registration is removed beside an append ends. 4 threads (all actors on
//!   one), 1 append, two preemptions; 11,916 executions.

#![cfg(loom)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::Arc;

use batpak_actors::protocol::broker;
use batpak_actors::protocol::broker::Registered;
use batpak_actors::runtime::{TaskHandle, TaskNext};
use batpak_log::Region;
use batpak_loom_tests::store::{Asks, Right, Store, StoreOptions, append};
use batpak_loom_tests::{in_one_order, model, model_within};
use loom::sync::Mutex;
use loom::thread;

/// What a worker has handled, in sequences.
type Handled = Arc<Mutex<Vec<u64>>>;

/// The event that opens the segment, before any worker looks.
const FIRST: u128 = 1;

fn start(thread_each: bool) -> Store {
    in_one_order(|| {
        let store = Store::start(StoreOptions {
            right: Right::Shipping,
            thread_each,
            panics_after_groups: None,
        });
        append_one(&store, FIRST)();
        store
    })
}

fn append_one(store: &Store, id: u128) -> impl FnOnce() + use<> {
    let writer = store.writer.clone();
    move || {
        let answer = append(&writer, id, Asks::default()).unwrap();
        answer.unwrap();
    }
}

/// Starts a worker like a cursor's: it handles one event behind [`FIRST`] after the other, sleeps
/// when it finds no more, and ends after so many.
fn start_worker(store: &Store, watched: Registered<()>, events: usize) -> (TaskHandle, Handled) {
    let handled = Handled::default();
    let (reader, done) = (Arc::clone(&store.reader), Arc::clone(&handled));
    let mut next_sequence = 1;
    let work = move || {
        let Some(entry) = reader.events(&Region::all(), next_sequence).next() else {
            return TaskNext::WaitForWake;
        };
        let entry = entry.expect("an index in memory is read");
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
        append_one(&store, 2)();
        append_one(&store, 3)();
        task.join().unwrap();
        assert_eq!(*handled.lock().unwrap(), [1, 2]);
        in_one_order(|| store.close());
    });
}

#[test]
fn a_worker_that_is_started_meanwhile_handles_every_event() {
    model("cursor_wake_up: started meanwhile", || {
        let store = start(false);
        let other = thread::spawn(append_one(&store, 2));
        let watched = store.watch();
        let (task, handled) = start_worker(&store, watched, 1);
        task.join().unwrap();
        other.join().unwrap();
        assert_eq!(*handled.lock().unwrap(), [1]);
        in_one_order(|| store.close());
    });
}

#[test]
fn a_worker_that_nobody_can_wake_ends() {
    model("cursor_wake_up: end", || {
        let store = start(false);
        let watched = in_one_order(|| store.watch());
        let subscriber = watched.subscriber;
        let (task, handled) = start_worker(&store, watched, 2);
        let other = thread::spawn(append_one(&store, 2));
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
