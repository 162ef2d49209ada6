//! From a caller's thread into an actor's mailbox, and from there to the actor.
//!
//! Two preemptions; threads count the main one.
//! - `two callers`: no message is lost, and each ask is answered exactly once. 3 threads,
//!   2 questions, room for 1; 4,230 executions.
//! - `full`: a caller that finds the mailbox full waits and goes on when there is room. 2 threads,
//!   3 messages, room for 1; 476 executions.
//! - `bytes`: a caller that finds the byte budget spent waits and goes on when bytes are given
//!   back. 2 threads, 2 questions, bytes for 1; 340 executions.
//! - `outbox`: an actor that finds its neighbour on another thread full delivers everything, in
//!   order. 3 threads, 4 messages, room for 1; 14,501 executions.

#![cfg(loom)]

use std::sync::Arc;

use batpak_actors::runtime::{Address, Running, System};
use batpak_loom_tests::adder::{Adder, Message, spec, spec_of_one_question, threads};
use batpak_loom_tests::model;
use loom::sync::Mutex;
use loom::thread;

fn start(capacity: usize) -> (Running, Address<Message>) {
    let mut system: System = threads();
    let host = system.host("adder");
    let address = system.spawn(host, spec("adder", capacity), |_, sum| Ok(Adder::new(*sum)));
    (system.start().expect("a model starts threads"), address)
}

fn add(address: &Address<Message>, number: u32) -> u32 {
    address
        .ask(|to| Message::Add(number, to))
        .expect("an open actor takes every question")
        .wait()
        .expect("an actor that does not crash answers")
}

#[test]
fn two_callers_are_each_answered_once() {
    let seen = model("mailbox: two callers", || {
        let (running, address) = start(1);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let other = {
            let (address, seen) = (address.clone(), Arc::clone(&seen));
            thread::spawn(move || {
                let sum = add(&address, 1);
                seen.lock().unwrap().push(sum);
            })
        };
        let sum = add(&address, 2);
        seen.lock().unwrap().push(sum);
        other.join().unwrap();
        let mut sums = seen.lock().unwrap().clone();
        sums.sort_unstable();
        assert!(
            sums == [1, 3] || sums == [2, 3],
            "both were added once: {sums:?}"
        );
        address.tell(Message::Stop).unwrap();
        running.join(None).unwrap();
        sums
    });
    assert_eq!(seen.len(), 2, "either caller came first: {seen:?}");
}

#[test]
fn a_full_mailbox_makes_a_caller_wait_and_lets_it_go_on() {
    model("mailbox: full", || {
        let (running, address) = start(1);
        for number in 1..=2 {
            address.tell(Message::Note(number)).unwrap();
        }
        assert_eq!(add(&address, 4), 7);
        address.tell(Message::Stop).unwrap();
        running.join(None).unwrap();
    });
}

#[test]
fn a_caller_that_waits_for_bytes_goes_on() {
    model("mailbox: bytes", || {
        let mut system = threads();
        let host = system.host("adder");
        let spec = spec_of_one_question("adder");
        let address = system.spawn(host, spec, |_, sum| Ok(Adder::new(*sum)));
        let running = system.start().unwrap();
        let first = address.ask(|to| Message::Add(1, to)).unwrap();
        let second = address.ask(|to| Message::Add(2, to)).unwrap();
        assert_eq!((first.wait(), second.wait()), (Ok(1), Ok(3)));
        address.tell(Message::Stop).unwrap();
        running.join(None).unwrap();
    });
}

#[test]
fn a_neighbour_on_another_thread_gets_what_found_no_room() {
    model("mailbox: outbox", || {
        let mut system = threads();
        let (left, right) = (system.host("left"), system.host("right"));
        let adder = system.spawn(right, spec("right", 1), |_, sum| Ok(Adder::new(*sum)));
        let next = adder.clone();
        let forward = system.spawn(left, spec("left", 1), move |_, _| {
            Ok(Adder::before(next.clone()))
        });
        let running = system.start().unwrap();
        let reply = forward.ask(|to| Message::Forward(3, to)).unwrap();
        assert_eq!(
            reply.wait(),
            Ok(3),
            "three notes and the question, in order"
        );
        forward.tell(Message::Stop).unwrap();
        adder.tell(Message::Stop).unwrap();
        running.join(None).unwrap();
    });
}
