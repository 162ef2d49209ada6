//! The byte budget of a mailbox.

use super::*;
use crate::runtime::{NotDelivered, Reply, SystemOptions};

/// Each echo weighs its number.
fn weigh(order: &Order) -> usize {
    match order {
        Order::Echo(number, _) => usize::try_from(*number).unwrap(),
        Order::Do(_) => 0,
    }
}

fn heavy(capacity: usize, bytes: usize) -> ActorSpec<Puppet> {
    let mailbox = MailboxSpec {
        name: "heavy",
        capacity,
        byte_budget: Some((bytes, weigh)),
    };
    ActorSpec {
        mailbox,
        policy: RestartPolicy::Once,
        kept: 0,
    }
}

fn try_echo(alone: &Alone, number: u32) -> Result<Reply<String>, NotDelivered<Order>> {
    alone.address.try_ask(|to| Order::Echo(number, to))
}

#[test]
fn a_spent_byte_budget_is_back_pressure() {
    let alone = alone(heavy(8, 100), |_| {});
    let first = try_echo(&alone, 60).unwrap();
    assert!(matches!(try_echo(&alone, 41), Err(NotDelivered::Full(_))));
    let second = try_echo(&alone, 40).unwrap();
    let third = alone.address.ask(|to| Order::Echo(50, to)).unwrap();
    for (reply, number) in [(first, "60"), (second, "40"), (third, "50")] {
        assert_eq!(reply.wait(), Ok(number.to_owned()));
    }
}

#[test]
fn a_message_beyond_the_budget_is_let_in_alone() {
    let alone = alone(heavy(8, 100), |_| {});
    let giant = try_echo(&alone, 500).unwrap();
    assert!(matches!(try_echo(&alone, 1), Err(NotDelivered::Full(_))));
    assert_eq!(giant.wait(), Ok("500".to_owned()));
    assert!(try_echo(&alone, 1).is_ok());
}

#[test]
fn a_message_without_weight_always_fits() {
    let alone = alone(heavy(8, 100), |_| {});
    let _giant = try_echo(&alone, 500).unwrap();
    assert!(alone.address.try_ask::<()>(|_| Order::stop()).is_ok());
}

#[test]
fn bytes_count_until_the_actor_takes_the_message() {
    let alone = alone(heavy(8, 100), |puppet| puppet.group = 0);
    let _waiting = try_echo(&alone, 100).unwrap();
    alone.run();
    assert!(matches!(try_echo(&alone, 1), Err(NotDelivered::Full(_))));
}

#[test]
fn a_full_channel_gives_the_bytes_back() {
    let alone = alone(heavy(1, 100), |_| {});
    let first = try_echo(&alone, 60).unwrap();
    assert!(matches!(try_echo(&alone, 40), Err(NotDelivered::Full(_))));
    assert_eq!(first.wait(), Ok("60".to_owned()));
    assert!(try_echo(&alone, 100).is_ok());
}

#[test]
fn blocked_callers_go_on_when_bytes_come_free() {
    let mut system = System::threads(SystemOptions::default());
    let host = system.host("heavy");
    let journal = Journal::default();
    let address = system.spawn(host, heavy(64, 100), move |_, _| Ok(Puppet::new(&journal)));
    let running = system.start().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for number in [60, 70, 80, 120] {
                    let reply = address.ask(|to| Order::Echo(number, to)).unwrap();
                    assert_eq!(reply.wait(), Ok(number.to_string()));
                }
            });
        }
    });
    assert!(address.tell(Order::stop()).is_ok());
    assert_eq!(running.join(None), Ok(()));
}

#[test]
fn a_caller_that_waits_for_bytes_gets_its_message_back_when_the_actor_ends() {
    let mut system = System::threads(SystemOptions::default());
    let host = system.host("heavy");
    let journal = Journal::default();
    let address = system.spawn(host, heavy(64, 100), move |_, _| {
        let mut puppet = Puppet::new(&journal);
        puppet.group = 1;
        Ok(puppet)
    });
    let (go, gate) = std::sync::mpsc::channel::<()>();
    let stop_later = Order::act(move |_, _| {
        gate.recv().unwrap();
        Ok(Next::Stop)
    });
    assert!(address.tell(stop_later).is_ok());
    let running = system.start().unwrap();
    let refused = address.ask(|to| Order::Echo(100, to)).unwrap();
    std::thread::scope(|scope| {
        let blocked = scope.spawn(|| address.ask(|to| Order::Echo(50, to)).map(Reply::wait));
        go.send(()).unwrap();
        match blocked.join().unwrap() {
            Err(NotDelivered::Ended(Order::Echo(50, _), ExitReason::Stopped)) => {}
            Ok(answer) => assert_eq!(answer, Ok("refused 50: stopped".to_owned())),
            Err(_) => panic!("an ask without a limit is never given up"),
        }
    });
    assert_eq!(refused.wait(), Ok("refused 100: stopped".to_owned()));
    assert_eq!(running.join(None), Ok(()));
}
