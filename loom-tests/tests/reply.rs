//! A reply is answered exactly once or closed, whoever comes first.

#![cfg(loom)]

use batpak_actors::runtime::{Closed, reply};
use batpak_loom_tests::model;
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
