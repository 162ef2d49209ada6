//! Asks, replies and the end of an actor.

use super::*;
use crate::runtime::{NotDelivered, Waited, reply};
use std::time::Duration;

#[test]
fn an_ask_is_answered() {
    let alone = alone(spec("puppet", 4), |_| {});
    let reply = alone.address.ask(|to| Order::Echo(7, to)).unwrap();
    assert_eq!(reply.wait(), Ok("7".to_owned()));
}

#[test]
fn orders_of_one_caller_are_obeyed_in_order() {
    let alone = alone(spec("puppet", 2), |_| {});
    let replies: Vec<_> = (0..10)
        .map(|number| alone.address.ask(|to| Order::Echo(number, to)).unwrap())
        .collect();
    for (number, reply) in replies.into_iter().enumerate() {
        assert_eq!(reply.wait(), Ok(number.to_string()));
    }
    let expected: Vec<_> = (0..10).map(|number| format!("echo {number}")).collect();
    assert_eq!(alone.journal.entries(), expected);
}

#[test]
fn a_reply_that_is_dropped_closes() {
    let (to, reply) = reply::<u32>();
    assert!(reply.try_take().is_none());
    assert_eq!(reply.wait_for(Duration::ZERO), Err(Waited::TimedOut));
    drop(to);
    assert_eq!(reply.try_take(), Some(Err(Closed)));
    assert_eq!(reply.wait_for(Duration::ZERO), Err(Waited::Closed));
    assert_eq!(reply.wait(), Err(Closed));
}

#[test]
fn a_full_mailbox_gives_the_message_back() {
    let alone = alone(spec("puppet", 1), |_| {});
    alone.order(|_, _| Ok(Next::Open));
    let refused = alone.address.try_ask(|to| Order::Echo(1, to)).unwrap_err();
    assert!(matches!(refused, NotDelivered::Full(Order::Echo(1, _))));
    assert_eq!((alone.address.depth(), alone.address.capacity()), (1, 1));
}

#[test]
fn a_mailbox_that_stays_full_is_given_up_within_the_limit() {
    let alone = alone(spec("puppet", 1), |puppet| puppet.group = 0);
    for _ in 0..2 {
        alone.order(|_, _| Ok(Next::Open));
    }
    let limit = Duration::from_millis(5);
    let refused = alone
        .address
        .ask_within(|to| Order::Echo(1, to), limit)
        .unwrap_err();
    assert!(matches!(refused, NotDelivered::Full(_)));
    use crate::runtime::Clock;
    assert_eq!(alone.clock.monotonic_us(), 5000);
}

#[test]
fn a_stopped_actor_refuses_what_waits_and_gives_later_messages_back() {
    let alone = alone(spec("puppet", 4), |_| {});
    assert!(alone.address.tell(Order::stop()).is_ok());
    let waiting = alone.address.ask(|to| Order::Echo(1, to)).unwrap();
    assert_eq!(waiting.wait(), Ok("refused 1: stopped".to_owned()));
    assert!(!alone.address.is_open());
    let back = alone.address.ask(|to| Order::Echo(2, to)).unwrap_err();
    assert!(matches!(
        back,
        NotDelivered::Ended(Order::Echo(2, _), ExitReason::Stopped)
    ));
    assert_eq!(alone.running.join(None), Ok(()));
}

/// Notes its number when it is dropped.
struct NotedDrop(Journal, u32);

impl Drop for NotedDrop {
    fn drop(&mut self) {
        self.0.note(format!("dropped {}", self.1));
    }
}

#[test]
fn refusals_come_in_the_order_of_the_messages() {
    let alone = alone(spec("puppet", 2), |puppet| puppet.group = 1);
    alone.order(|_, _| Ok(Next::Open));
    assert!(alone.address.tell(Order::stop()).is_ok());
    assert!(alone.running.step());
    for number in 1..=2 {
        let noted = NotedDrop(alone.journal.clone(), number);
        alone.order(move |_, _| {
            drop(noted);
            Ok(Next::Open)
        });
    }
    alone.run();
    assert_eq!(alone.journal.entries(), ["dropped 1", "dropped 2"]);
}

#[test]
fn a_wait_that_nothing_can_end_closes() {
    let alone = alone(spec("puppet", 1), |puppet| puppet.group = 0);
    let reply = alone.address.ask(|to| Order::Echo(1, to)).unwrap();
    assert_eq!(reply.wait(), Err(Closed));
}

#[test]
fn a_system_that_is_dropped_closes_every_reply() {
    let alone = alone(spec("puppet", 1), |puppet| puppet.group = 0);
    let reply = alone.address.ask(|to| Order::Echo(1, to)).unwrap();
    drop(alone.running);
    assert_eq!(reply.wait(), Ok("refused 1: stopped".to_owned()));
    assert_eq!(alone.address.exit_reason(), Some(ExitReason::Stopped));
}

#[test]
fn a_call_that_takes_nothing_is_not_repeated_for_nothing() {
    let alone = alone(spec("puppet", 4), |puppet| puppet.group = 0);
    alone.order(|_, _| Ok(Next::Open));
    alone.run();
    assert_eq!(alone.address.depth(), 1);
}

#[test]
fn an_answer_is_received_on_a_channel_that_was_asked_for_before_it_or_after() {
    for answered_first in [false, true] {
        let (to, reply) = reply();
        if answered_first {
            to.answer(7);
            assert_eq!(reply.receiver().recv(), Ok(7));
        } else {
            let receiver = reply.receiver().clone();
            assert!(receiver.try_recv().is_err());
            to.answer(7);
            assert_eq!(receiver.recv(), Ok(7));
        }
        assert_eq!(reply.try_take(), Some(Err(Closed)));
        assert_eq!(reply.wait(), Err(Closed));
    }
    let (to, reply) = reply::<u32>();
    let receiver = reply.receiver().clone();
    drop(to);
    assert!(
        receiver.recv().is_err(),
        "a closed reply closes its channel"
    );
}
