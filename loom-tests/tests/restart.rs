//! A crash between two asks: the one in hand closes, the queued one survives and sees kept state.
//!
//! - `crash between two asks`: the property, whatever the order of the asks and the crash.
//!   3 threads with the main one, 4 questions of which one is crashed over, two preemptions;
//!   3,846 executions.

#![cfg(loom)]

use batpak_actors::runtime::Closed;
use batpak_loom_tests::adder::{Adder, Message, spec, threads};
use batpak_loom_tests::model;
use loom::thread;

#[test]
fn the_ask_in_hand_closes_and_the_others_are_answered() {
    model("restart: crash between two asks", || {
        let mut system = threads();
        let host = system.host("adder");
        let address = system.spawn(host, spec("adder", 3), |_, sum| Ok(Adder::new(*sum)));
        let running = system.start().unwrap();
        let first = address.ask(|to| Message::Add(1, to)).unwrap();
        let crasher = {
            let address = address.clone();
            thread::spawn(move || address.ask(Message::Crash).unwrap().wait())
        };
        let second = address.ask(|to| Message::Add(2, to)).unwrap();
        assert_eq!(first.wait(), Ok(1));
        assert_eq!(
            second.wait(),
            Ok(3),
            "what was queued behind the crash survives"
        );
        assert_eq!(crasher.join().unwrap(), Err(Closed));
        let last = address.ask(|to| Message::Add(0, to)).unwrap();
        assert_eq!(last.wait(), Ok(3));
        assert_eq!(running.health()[0].restarts, 1);
        address.tell(Message::Stop).unwrap();
        running.join(None).unwrap();
    });
}
