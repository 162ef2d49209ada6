//! An actor that stops while it is asked: the ask is answered, refused or given back, and never
//! hangs; nothing is left in the mailbox.
//!
//! Two preemptions; threads count the main one, 3 in each model.
//! - `room`: the property, for an ask that finds room. 1 question and a stop, room for 2;
//!   593 executions.
//! - `full`: the property, for an ask that may have to wait for room. 1 question and a stop, room
//!   for 1; 564 executions.
//! - `bytes`: the property, for two asks of which one may have to wait for bytes. 2 questions and a
//!   stop, bytes for 1 question; 7,333 executions.

#![cfg(loom)]

use batpak_actors::runtime::{ActorSpec, Address, NotDelivered};
use batpak_loom_tests::adder::{Adder, Message, REFUSED, spec, spec_of_one_question, threads};
use batpak_loom_tests::model;
use loom::thread;

/// How an ask ended that raced with a stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Answered,
    Refused,
    GivenBack,
}

fn ask(address: &Address<Message>) -> Fate {
    match address.ask(|to| Message::Add(1, to)) {
        Ok(reply) => match reply.wait() {
            Ok(REFUSED) => Fate::Refused,
            answer => {
                assert_eq!(answer, Ok(1));
                Fate::Answered
            }
        },
        Err(NotDelivered::Ended(Message::Add(1, _), _)) => Fate::GivenBack,
        Err(other) => panic!("an ask without a limit is never given up: {other:?}"),
    }
}

/// Lets one ask race with the end of an actor of this spec.
fn ask_while_stopping(name: &str, spec: fn() -> ActorSpec<Adder>) {
    let fates = model(name, move || {
        let mut system = threads();
        let host = system.host("adder");
        let address = system.spawn(host, spec(), |_, sum| Ok(Adder::new(*sum)));
        let running = system.start().expect("a model starts threads");
        let asker = {
            let address = address.clone();
            thread::spawn(move || ask(&address))
        };
        assert!(address.tell(Message::Stop).is_ok());
        assert_eq!(running.join(None), Ok(()));
        let fate = asker.join().expect("the asker does not panic");
        assert_eq!(
            address.depth(),
            0,
            "nothing lies in the mailbox of an ended actor"
        );
        fate
    });
    assert_eq!(fates.len(), 3, "every fate was met: {fates:?}");
}

#[test]
fn an_ask_with_room() {
    ask_while_stopping("shutdown: room", || spec("adder", 2));
}

#[test]
fn an_ask_that_waits_for_room() {
    ask_while_stopping("shutdown: full", || spec("adder", 1));
}

#[test]
fn an_ask_that_waits_for_bytes() {
    let fates = model("shutdown: bytes", || {
        let mut system = threads();
        let host = system.host("adder");
        let spec = spec_of_one_question("adder");
        let address = system.spawn(host, spec, |_, sum| Ok(Adder::new(*sum)));
        let running = system.start().unwrap();
        let asker = {
            let address = address.clone();
            thread::spawn(move || ask(&address))
        };
        address.tell(Message::Stop).unwrap();
        let behind = address.try_ask(|to| Message::Add(0, to));
        let fate = asker.join().unwrap();
        running.join(None).unwrap();
        if let Ok(reply) = behind {
            assert!(matches!(reply.wait(), Ok(0 | 1 | REFUSED)));
        }
        fate
    });
    assert_eq!(fates.len(), 3, "every fate was met: {fates:?}");
}
