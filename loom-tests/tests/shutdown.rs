//! A stop that races with an ask: the ask is answered, refused or given back, and never hangs.

#![cfg(loom)]

use batpak_actors::runtime::{Address, NotDelivered};
use batpak_loom_tests::adder::{Adder, Message, REFUSED, spec, threads};
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

/// Lets one ask race with the end of an actor, with so much room in its mailbox.
fn ask_while_stopping(name: &str, capacity: usize) {
    let fates = model(name, move || {
        let mut system = threads();
        let host = system.host("adder");
        let address = system.spawn(host, spec("adder", capacity), |_, sum| Ok(Adder::new(*sum)));
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
    ask_while_stopping("shutdown: room", 2);
}

#[test]
fn an_ask_that_waits_for_room() {
    ask_while_stopping("shutdown: full", 1);
}
