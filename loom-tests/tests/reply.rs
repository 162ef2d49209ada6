//! From whoever answers back to whoever asked: a reply is answered exactly once or closed.
//!
//! Two preemptions; threads count the main one.
//! - `answer`: an answer reaches a caller that waits. 2 threads, 1 answer; 7 executions.
//! - `drop`: a caller that waits learns that its reply was dropped. 2 threads, 1 drop;
//!   7 executions.
//! - `leave`: an answer may come while the caller leaves, and is never taken for a closed reply.
//!   2 threads, 1 answer; 6 executions.
//! - `actor, answer`: an answer reaches an actor that asked, on a host that may have parked.
//!   3 threads, 2 questions; 1,553 executions.
//! - `actor, crash`: an actor that asked one that crashes over it learns that, and goes on.
//!   3 threads, 2 questions, 1 crash; 1,769 executions.

#![cfg(loom)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use batpak_actors::runtime::{Closed, Reply, ReplyTo, reply};
use batpak_loom_tests::adder::{Adder, Message, spec, threads};
use batpak_loom_tests::{in_one_order, model};
use loom::thread;

#[test]
fn an_answer_reaches_a_waiter() {
    model("reply: answer", || {
        let (to, reply) = reply();
        let answerer = thread::spawn(move || to.answer(7));
        assert_eq!(reply.wait(), Ok(7));
        answerer.join().unwrap();
    });
}

#[test]
fn a_drop_reaches_a_waiter() {
    model("reply: drop", || {
        let (to, reply) = reply::<u32>();
        let dropper = thread::spawn(move || drop(to));
        assert_eq!(reply.wait(), Err(Closed));
        dropper.join().unwrap();
    });
}

#[test]
fn an_answer_may_race_with_a_waiter_that_leaves() {
    let seen = model("reply: leave", || {
        let (to, reply) = reply();
        let answerer = thread::spawn(move || to.answer(7));
        let taken = reply.try_take();
        assert!(
            taken.is_none() || taken == Some(Ok(7)),
            "never closed: {taken:?}"
        );
        drop(reply);
        answerer.join().unwrap();
        taken.is_some()
    });
    assert_eq!(
        seen.len(),
        2,
        "the waiter left before the answer and after it"
    );
}

/// Asks an actor that asks the next one, each on a thread of its own, and returns how it ended.
fn ask_through(message: fn(ReplyTo<u32>) -> Message) -> Result<u32, Closed> {
    let mut system = threads();
    let (left, right) = (system.host("left"), system.host("right"));
    let last = system.spawn(right, spec("right", 2), |_, sum| Ok(Adder::new(*sum)));
    let next = last.clone();
    let first = system.spawn(left, spec("left", 2), move |_, _| {
        Ok(Adder::before(next.clone()))
    });
    let running = system.start().unwrap();
    let answer = first.ask(message).map(Reply::wait).unwrap();
    in_one_order(|| {
        first.tell(Message::Stop).unwrap();
        last.tell(Message::Stop).unwrap();
        running.join(None).unwrap();
    });
    answer
}

#[test]
fn an_answer_reaches_an_actor_that_asked() {
    model("reply: actor, answer", || {
        let answer = ask_through(|to| Message::Forward(0, to));
        assert_eq!(answer, Ok(0));
    });
}

#[test]
fn a_crash_closes_the_reply_of_an_actor_that_asked() {
    model("reply: actor, crash", || {
        let answer = ask_through(Message::ForwardCrash);
        assert_eq!(answer, Err(Closed), "the asker learned it and let go");
    });
}
