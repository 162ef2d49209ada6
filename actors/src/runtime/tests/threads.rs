//! What only threads can show.

use std::sync::Barrier;
use std::time::Duration;

use super::slots::{ask_right, pair};
use super::*;
use crate::runtime::{NotDelivered, Reply, StillRunning, SystemOptions, Waiting};

fn threads(waiting: Waiting) -> System {
    System::threads(SystemOptions {
        waiting,
        ..SystemOptions::default()
    })
}

fn both_ways_to_wait() -> [Waiting; 2] {
    [Waiting::Park, Waiting::default()]
}

#[test]
fn every_ask_of_many_threads_is_answered() {
    for waiting in both_ways_to_wait() {
        let pair = pair(threads(waiting), true, 2);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let left = pair.left.clone();
                scope.spawn(move || {
                    for step in 0..500 {
                        let number = thread * 1000 + step;
                        let reply = left.ask(|to| Order::Echo(number, to)).unwrap();
                        assert_eq!(reply.wait(), Ok(number.to_string()));
                    }
                });
            }
        });
        assert_eq!(pair.journal.entries().len(), 2000);
    }
}

#[test]
fn an_answer_crosses_threads() {
    for waiting in both_ways_to_wait() {
        let pair = pair(threads(waiting), false, 2);
        assert!(
            pair.left
                .tell(ask_right(&pair.right, 1, Next::AwaitAnswer))
                .is_ok()
        );
        let reply = pair.left.ask(|to| Order::Echo(2, to)).unwrap();
        assert_eq!(reply.wait(), Ok("2".to_owned()));
        assert_eq!(pair.journal.entries(), ["echo 1", "answer 1", "echo 2"]);
    }
}

#[test]
fn a_timer_wakes_a_parked_thread() {
    let pair = pair(threads(Waiting::Park), true, 2);
    let (reply_to, reply) = crate::runtime::reply::<()>();
    let arm = Order::act(move |puppet, turn| {
        turn.set_timer(turn.clock().monotonic_us() + 2000);
        puppet.on_timer = Some(Box::new(move |_, _| {
            reply_to.answer(());
            Ok(Next::Open)
        }));
        Ok(Next::Open)
    });
    assert!(pair.left.tell(arm).is_ok());
    assert_eq!(reply.wait(), Ok(()));
}

#[test]
fn an_idle_thread_parks_and_stays_parked() {
    for waiting in both_ways_to_wait() {
        let pair = pair(threads(waiting), true, 2);
        let reply = pair.left.ask(|to| Order::Echo(1, to)).unwrap();
        assert!(reply.wait().is_ok());
        let signal = Arc::clone(&pair.left.mailbox().signal);
        while signal.is_busy() {
            std::thread::yield_now();
        }
        for _ in 0..1000 {
            std::thread::yield_now();
            assert!(!signal.is_busy());
        }
    }
}

#[test]
fn a_stop_that_races_with_asks_leaves_none_hanging() {
    for _ in 0..200 {
        let pair = pair(threads(Waiting::Park), true, 1);
        let start = Barrier::new(3);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    start.wait();
                    for number in 0..20 {
                        match pair.left.ask(|to| Order::Echo(number, to)).map(Reply::wait) {
                            Ok(Ok(_)) | Err(NotDelivered::Ended(..)) => {}
                            other => panic!("neither answered nor given back: {}", other.is_ok()),
                        }
                    }
                });
            }
            start.wait();
            assert!(pair.left.tell(Order::stop()).is_ok());
        });
        assert!(pair.right.tell(Order::stop()).is_ok());
        assert_eq!(pair.running.join(None), Ok(()));
    }
}

#[test]
fn a_join_with_a_limit_gives_up_and_one_without_waits() {
    let pair = pair(threads(Waiting::Park), false, 1);
    assert_eq!(
        pair.running.join(Some(Duration::from_millis(1))),
        Err(StillRunning)
    );
    assert!(pair.left.tell(Order::stop()).is_ok());
    assert!(pair.right.tell(Order::stop()).is_ok());
}

#[test]
fn a_wait_with_a_limit_ends_by_time_and_may_be_repeated() {
    let pair = pair(threads(Waiting::default()), true, 1);
    let (go, gate) = std::sync::mpsc::channel::<()>();
    let reply = pair
        .left
        .ask::<()>(|to| {
            Order::act(move |_, _| {
                gate.recv().unwrap();
                to.answer(());
                Ok(Next::Open)
            })
        })
        .unwrap();
    let limit = Duration::from_millis(1);
    assert_eq!(reply.wait_for(limit), Err(crate::runtime::Waited::TimedOut));
    go.send(()).unwrap();
    assert_eq!(reply.wait(), Ok(()));
}
