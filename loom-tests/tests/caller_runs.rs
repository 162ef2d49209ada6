//! From a caller to a host that it may run itself: whoever sits there, every question is answered.
//!
//! Two preemptions; threads count the main one. The host's thread parks in between.
//! - `alone`: a caller that finds the seat free is answered, also beside the host's thread, and
//!   what it leaves is done. 2 threads, 1 question, 1 note; 182 executions.
//! - `two`: of two callers that come at once each is answered, wherever the other sits, also one
//!   that sends beside a taken seat. 3 threads, 2 questions; 1,580 executions. That a lock is given
//!   back is no step of a model, so what happens just before is not followed.
//! - `gathered`: the same while the actor gathers its callers. One preemption; 92 executions.

#![cfg(loom)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use batpak_actors::runtime::{Address, Reply};
use batpak_loom_tests::adder::{Adder, Message, spec, threads};
use batpak_loom_tests::{in_one_order, model, model_within};
use loom::thread;

fn add_here(adder: &Address<Message>, number: u32) -> u32 {
    let reply = adder.ask_here(|to| Message::Add(number, to));
    reply.map(Reply::wait).unwrap().unwrap()
}

#[test]
fn a_caller_that_runs_the_host_is_answered() {
    model("caller_runs: alone", || {
        let mut system = threads();
        let host = system.host("adder");
        let adder = system.spawn(host, spec("adder", 2), |_, sum| Ok(Adder::new(*sum)));
        let running = system.start().unwrap();
        adder.tell(Message::Note(1)).unwrap();
        assert_eq!(add_here(&adder, 2), 3, "what was told before comes first");
        adder.tell(Message::Stop).unwrap();
        running.join(None).unwrap();
    });
}

#[test]
fn two_callers_that_come_at_once_are_answered() {
    let sums = model("caller_runs: two", || two_callers(|_| {}));
    assert_eq!(sums.into_iter().collect::<Vec<_>>(), EITHER_ORDER);
}

#[test]
fn two_callers_that_are_gathered_are_answered() {
    let sums = model_within("caller_runs: gathered", 1, || {
        two_callers(|adder| adder.tell(Message::Gather).unwrap())
    });
    assert_eq!(sums.into_iter().collect::<Vec<_>>(), EITHER_ORDER);
}

/// What the main caller is answered, then what the other is.
const EITHER_ORDER: [(u32, u32); 2] = [(2, 3), (3, 1)];

fn two_callers(prepare: impl Fn(&Address<Message>)) -> (u32, u32) {
    let mut system = threads();
    let host = system.host("adder");
    let adder = system.spawn(host, spec("adder", 2), |_, sum| Ok(Adder::new(*sum)));
    let running = system.start().unwrap();
    prepare(&adder);
    let other = {
        let adder = adder.clone();
        thread::spawn(move || add_here(&adder, 1))
    };
    let mine = add_here(&adder, 2);
    let others = other.join().unwrap();
    in_one_order(|| {
        adder.tell(Message::Stop).unwrap();
        running.join(None).unwrap();
    });
    (mine, others)
}
