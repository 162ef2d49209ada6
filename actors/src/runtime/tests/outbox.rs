//! What finds no room waits in the outbox, in order.

use super::slots::{Pair, pair, pair_with};
use super::*;
use crate::runtime::host::HostSignal;
use crate::runtime::mailbox::Mailbox;
use crate::runtime::outbox::Outbox;
use crate::runtime::{NotDelivered, SystemOptions};

const TOLD: u32 = 20;

/// Tells `right` many numbers in one call, far more than its mailbox holds.
fn tell_many(pair: &Pair) {
    let right = pair.right.clone();
    let tell = Order::act(move |_, turn| {
        for number in 0..TOLD {
            let note = Order::act(move |puppet, _| {
                puppet.journal.note(format!("told {number}"));
                Ok(Next::Open)
            });
            assert!(turn.tell(&right, note).is_ok());
        }
        Ok(Next::Open)
    });
    assert!(pair.left.tell(tell).is_ok());
}

fn check_all_told_in_order(pair: &Pair) {
    tell_many(pair);
    let reply = pair.left.ask(|to| Order::Echo(0, to)).unwrap();
    assert_eq!(reply.wait(), Ok("0".to_owned()));
    let last = pair.right.ask(|to| Order::Echo(1, to)).unwrap();
    assert_eq!(last.wait(), Ok("1".to_owned()));
    let told: Vec<_> = pair
        .journal
        .entries()
        .into_iter()
        .filter(|entry| entry.starts_with("told"))
        .collect();
    let expected: Vec<_> = (0..TOLD).map(|number| format!("told {number}")).collect();
    assert_eq!(told, expected);
}

fn stepped(seed: u64) -> System {
    System::stepped(Arc::new(ManualClock::new(0)), seed)
}

/// Tells a number to a mailbox whose refusals are ignored.
fn tell_number(outbox: &mut Outbox, mailbox: &Arc<Mailbox<u32>>, number: u32) {
    assert_eq!(outbox.tell(mailbox, number), Ok(()));
}

#[test]
fn a_later_message_does_not_overtake_what_waits() {
    let signal = Arc::new(HostSignal::new());
    let spec = MailboxSpec {
        name: "numbers",
        capacity: 1,
        byte_budget: None,
    };
    let mailbox = Arc::new(Mailbox::new(spec, |_, _| {}, Arc::clone(&signal)));
    let mut outbox = Outbox::new(signal, 1);
    for number in 1..=2 {
        tell_number(&mut outbox, &mailbox, number);
    }
    assert_eq!(mailbox.take(), Some(1));
    tell_number(&mut outbox, &mailbox, 3);
    for number in 2..=3 {
        assert!(outbox.flush());
        assert_eq!(mailbox.take(), Some(number));
    }
    assert!(outbox.is_empty());
}

#[test]
fn nothing_is_lost_to_a_full_neighbour_on_the_same_host() {
    check_all_told_in_order(&pair(stepped(1), true, 1));
}

#[test]
fn nothing_is_lost_to_a_full_neighbour_on_another_host() {
    for seed in 0..20 {
        check_all_told_in_order(&pair(stepped(seed), false, 1));
    }
}

#[test]
fn nothing_is_lost_to_a_full_neighbour_on_threads() {
    for together in [true, false] {
        let pair = pair(System::threads(SystemOptions::default()), together, 1);
        check_all_told_in_order(&pair);
        assert!(pair.left.tell(Order::stop()).is_ok());
        assert!(pair.right.tell(Order::stop()).is_ok());
        assert_eq!(pair.running.join(None), Ok(()));
    }
}

#[test]
fn an_actor_gets_no_message_while_its_outbox_holds_something() {
    let pair = pair_with(stepped(1), false, 1, |right| right.group = 0);
    tell_many(&pair);
    while pair.running.step() {}
    let waiting = pair.left.ask(|to| Order::Echo(9, to)).unwrap();
    while pair.running.step() {}
    assert!(waiting.try_take().is_none());
}

#[test]
fn an_outbox_survives_a_crash_of_its_actor() {
    let pair = pair(stepped(1), false, 1);
    tell_many(&pair);
    assert!(pair.left.tell(Order::crash()).is_ok());
    while pair.running.step() {}
    assert_eq!(pair.journal.entries().len(), usize::try_from(TOLD).unwrap());
}

#[test]
fn what_was_told_before_a_stop_is_still_delivered() {
    let pair = pair(stepped(1), false, 1);
    let right = pair.right.clone();
    let tell_and_stop = Order::act(move |_, turn| {
        for _ in 0..3 {
            let note = Order::act(|puppet, _| {
                puppet.journal.note("told");
                Ok(Next::Open)
            });
            assert!(turn.tell(&right, note).is_ok());
        }
        assert!(turn.tell(&right, Order::stop()).is_ok());
        Ok(Next::Stop)
    });
    assert!(pair.left.tell(tell_and_stop).is_ok());
    assert_eq!(pair.running.join(None), Ok(()));
    assert_eq!(pair.journal.entries(), ["told", "told", "told"]);
}

#[test]
fn a_tell_to_an_ended_actor_gives_the_message_back() {
    let pair = pair(stepped(1), false, 1);
    assert!(pair.right.tell(Order::stop()).is_ok());
    while pair.running.step() {}
    let right = pair.right.clone();
    let tell = Order::act(move |puppet, turn| {
        let back = turn.tell(&right, Order::stop());
        let ended = matches!(
            back,
            Err(NotDelivered::Ended(Order::Do(_), ExitReason::Stopped))
        );
        puppet.journal.note(format!("back: {ended}"));
        Ok(Next::Open)
    });
    assert!(pair.left.tell(tell).is_ok());
    while pair.running.step() {}
    assert_eq!(pair.journal.entries(), ["back: true"]);
}

#[test]
fn what_waits_for_an_actor_that_ends_is_refused_by_it() {
    let pair = pair_with(stepped(1), true, 1, |right| right.group = 1);
    let right = pair.right.clone();
    let ask_behind_a_stop = Order::act(move |_, turn| {
        assert!(turn.tell(&right, Order::stop()).is_ok());
        turn.ask(&right, |to| Order::Echo(1, to), |answer| answer);
        Ok(Next::AwaitAnswer)
    });
    assert!(pair.left.tell(ask_behind_a_stop).is_ok());
    while pair.running.step() {}
    assert_eq!(pair.journal.entries(), ["answer refused 1: stopped"]);
}
