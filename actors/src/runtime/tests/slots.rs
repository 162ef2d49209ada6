//! The order of service: answers, inbox, timer, continuation.

use super::*;
use crate::runtime::Clock;

/// A stepped pair on one host: `left` may send to `right`.
pub(super) struct Pair {
    pub(super) running: Running,
    pub(super) left: Address<Order>,
    pub(super) right: Address<Order>,
    pub(super) journal: Journal,
}

/// Starts two puppets, on one host or on two.
pub(super) fn pair(system: System, placed_together: bool, right_capacity: usize) -> Pair {
    pair_with(system, placed_together, right_capacity, |_| {})
}

pub(super) fn pair_with(
    mut system: System,
    placed_together: bool,
    right_capacity: usize,
    shape_right: impl Fn(&mut Puppet) + Send + 'static,
) -> Pair {
    let journal = Journal::default();
    let left_host = system.host("left");
    let right_host = if placed_together {
        left_host
    } else {
        system.host("right")
    };
    let noted = journal.clone();
    let right = system.spawn(right_host, spec("right", right_capacity), move |_, _| {
        let mut puppet = Puppet::new(&noted);
        shape_right(&mut puppet);
        Ok(puppet)
    });
    let noted = journal.clone();
    let left = system.spawn(left_host, spec("left", 8), move |_, _| {
        let mut puppet = Puppet::new(&noted);
        puppet.group = 1;
        Ok(puppet)
    });
    Pair {
        running: system.start().unwrap(),
        left,
        right,
        journal,
    }
}

fn stepped() -> System {
    System::stepped(Arc::new(ManualClock::new(0)), 7)
}

/// Returns an order to ask `right` for an echo, and then to go on as given.
pub(super) fn ask_right(right: &Address<Order>, number: u32, next: Next) -> Order {
    let right = right.clone();
    Order::act(move |_, turn| {
        turn.ask(&right, |to| Order::Echo(number, to), |answer| answer);
        Ok(next)
    })
}

#[test]
fn an_answer_that_is_there_is_served_before_the_inbox() {
    let pair = pair(stepped(), true, 4);
    let ask = ask_right(&pair.right, 1, Next::Open);
    assert!(pair.left.tell(ask).is_ok());
    assert!(pair.running.step());
    let _reply = pair.left.ask(|to| Order::Echo(2, to)).unwrap();
    while pair.running.step() {}
    assert_eq!(pair.journal.entries(), ["echo 1", "answer 1", "echo 2"]);
}

#[test]
fn nothing_is_taken_from_the_inbox_before_an_awaited_answer() {
    let pair = pair(stepped(), true, 4);
    assert!(
        pair.left
            .tell(ask_right(&pair.right, 1, Next::AwaitAnswer))
            .is_ok()
    );
    let reply = pair.left.ask(|to| Order::Echo(2, to)).unwrap();
    assert_eq!(reply.wait(), Ok("2".to_owned()));
    assert_eq!(pair.journal.entries(), ["echo 1", "answer 1", "echo 2"]);
}

#[test]
fn a_message_to_the_right_on_the_same_host_is_handled_in_the_same_pass() {
    let pair = pair(stepped(), true, 4);
    pair.running.step();
    assert!(
        pair.left
            .tell(ask_right(&pair.right, 1, Next::Open))
            .is_ok()
    );
    pair.running.step();
    assert_eq!(pair.journal.entries(), ["echo 1"]);
}

#[test]
fn an_answer_to_a_dead_incarnation_is_dropped() {
    let pair = pair(stepped(), true, 4);
    let right = pair.right.clone();
    let ask_and_crash = Order::act(move |_, turn| {
        turn.ask(&right, |to| Order::Echo(1, to), |answer| answer);
        Err(Fault::Crash("as told".to_owned()))
    });
    assert!(pair.left.tell(ask_and_crash).is_ok());
    let ask = ask_right(&pair.right, 2, Next::AwaitAnswer);
    assert!(pair.left.tell(ask).is_ok());
    while pair.running.step() {}
    assert_eq!(pair.journal.entries(), ["echo 1", "echo 2", "answer 2"]);
}

#[test]
fn an_ask_of_an_ended_actor_is_answered_as_closed() {
    let pair = pair(stepped(), false, 4);
    assert!(pair.right.tell(Order::stop()).is_ok());
    while pair.running.step() {}
    assert!(
        pair.left
            .tell(ask_right(&pair.right, 1, Next::AwaitAnswer))
            .is_ok()
    );
    while pair.running.step() {}
    assert_eq!(pair.journal.entries(), ["answer closed"]);
}

#[test]
fn a_crash_of_the_asked_actor_closes_the_answer() {
    let pair = pair(stepped(), false, 4);
    let right = pair.right.clone();
    let ask = Order::act(move |_, turn| {
        let held = |to: ReplyTo<String>| {
            Order::act(move |_, _| {
                let _held = to;
                panic!("as told")
            })
        };
        turn.ask(&right, held, |answer| answer);
        Ok(Next::AwaitAnswer)
    });
    assert!(pair.left.tell(ask).is_ok());
    while pair.running.step() {}
    assert_eq!(pair.journal.entries(), ["answer closed"]);
}

#[test]
fn to_wait_for_an_answer_without_having_asked_is_a_crash() {
    let alone = alone(spec("puppet", 4), |_| {});
    alone.order(|_, _| Ok(Next::AwaitAnswer));
    alone.run();
    let fault = alone.running.health().remove(0).last_fault;
    assert_eq!(
        fault.as_deref(),
        Some("waits for an answer without having asked")
    );
}

#[test]
fn more_asks_than_the_slot_holds_are_all_answered_in_order() {
    let pair = pair(stepped(), false, 64);
    let right = pair.right.clone();
    let ask_many = Order::act(move |_, turn| {
        for number in 0..50 {
            turn.ask(&right, |to| Order::Echo(number, to), |answer| answer);
        }
        Ok(Next::Open)
    });
    assert!(pair.left.tell(ask_many).is_ok());
    while pair.running.step() {}
    let answers: Vec<_> = pair
        .journal
        .entries()
        .into_iter()
        .filter(|entry| entry.starts_with("answer"))
        .collect();
    let expected: Vec<_> = (0..50).map(|number| format!("answer {number}")).collect();
    assert_eq!(answers, expected);
}

#[test]
fn a_timer_fires_once_when_its_time_has_come() {
    let alone = alone(spec("puppet", 4), |_| {});
    alone.order(|_, turn| {
        turn.set_timer(turn.clock().monotonic_us() + 100);
        Ok(Next::Open)
    });
    alone.run();
    alone.clock.advance(99);
    alone.run();
    assert!(alone.journal.entries().is_empty());
    alone.clock.advance(1);
    alone.run();
    alone.clock.advance(1000);
    alone.run();
    assert_eq!(alone.journal.entries(), ["timer"]);
}

#[test]
fn a_timer_that_was_cleared_does_not_fire() {
    let alone = alone(spec("puppet", 4), |_| {});
    alone.order(|_, turn| {
        turn.set_timer(1);
        turn.clear_timer();
        Ok(Next::Open)
    });
    alone.run();
    alone.clock.advance(10);
    alone.run();
    assert!(alone.journal.entries().is_empty());
}

#[test]
fn a_waiter_moves_the_clock_to_the_timer_that_answers_it() {
    let alone = alone(spec("puppet", 4), |_| {});
    let reply = alone
        .address
        .ask::<u64>(|to| {
            Order::act(move |puppet, turn| {
                turn.set_timer(250);
                puppet.on_timer = Some(Box::new(move |_, turn| {
                    to.answer(turn.clock().monotonic_us());
                    Ok(Next::Open)
                }));
                Ok(Next::Open)
            })
        })
        .unwrap();
    assert_eq!(reply.wait(), Ok(250));
    assert_eq!(alone.clock.monotonic_us(), 250);
}

#[test]
fn a_continuation_is_served_last_but_not_starved() {
    let alone = alone(spec("puppet", 4), |puppet| puppet.group = 1);
    alone.order(|_, turn| {
        turn.continue_later();
        Ok(Next::Open)
    });
    for number in 1..=2 {
        let note = move |puppet: &mut Puppet, turn: &mut Turn<'_, Puppet>| {
            puppet.journal.note(format!("order {number}"));
            turn.set_timer(0);
            turn.continue_later();
            Ok(Next::Open)
        };
        alone.order(note);
    }
    alone.run();
    let expected = [
        "resume", "order 1", "timer", "resume", "order 2", "timer", "resume",
    ];
    assert_eq!(alone.journal.entries(), expected);
}

#[test]
fn a_timer_does_not_end_the_wait_for_an_answer() {
    let pair = pair_with(stepped(), false, 4, |right| right.group = 0);
    let right = pair.right.clone();
    let ask = Order::act(move |_, turn| {
        turn.ask(&right, |to| Order::Echo(1, to), |answer| answer);
        turn.set_timer(0);
        Ok(Next::AwaitAnswer)
    });
    assert!(pair.left.tell(ask).is_ok());
    let waiting = pair.left.ask(|to| Order::Echo(2, to)).unwrap();
    while pair.running.step() {}
    assert_eq!(pair.journal.entries(), ["timer"]);
    assert!(waiting.try_take().is_none());
}
