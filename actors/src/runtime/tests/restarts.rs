//! Crashes, restarts and their budget.

use super::*;
use crate::runtime::NotDelivered;

fn bounded(max_restarts: u32) -> ActorSpec<Puppet> {
    let policy = RestartPolicy::Bounded {
        max_restarts,
        within_ms: 10,
    };
    ActorSpec {
        policy,
        ..spec("puppet", 8)
    }
}

#[test]
fn what_is_queued_behind_a_panic_is_handled_by_the_next_incarnation() {
    let alone = alone(spec("puppet", 4), |_| {});
    assert!(alone.address.tell(Order::crash()).is_ok());
    let reply = alone.address.ask(|to| Order::Echo(1, to)).unwrap();
    assert_eq!(reply.wait(), Ok("1".to_owned()));
    let health = alone.running.health().remove(0);
    assert_eq!(
        (health.name, health.alive, health.restarts),
        ("puppet", true, 1)
    );
    assert_eq!(health.last_fault.as_deref(), Some("as told"));
}

#[test]
fn a_panic_closes_the_reply_of_the_message_in_hand() {
    let alone = alone(spec("puppet", 4), |_| {});
    let reply = alone
        .address
        .ask::<()>(|to| {
            Order::act(move |_, _| {
                let _held = to;
                Err(Fault::Crash("as told".to_owned()))
            })
        })
        .unwrap();
    assert_eq!(reply.wait(), Err(Closed));
}

#[test]
fn one_restart_is_the_default() {
    let alone = alone(spec("puppet", 4), |_| {});
    assert!(alone.address.tell(Order::crash()).is_ok());
    assert!(alone.address.tell(Order::crash()).is_ok());
    let waiting = alone.address.ask(|to| Order::Echo(1, to)).unwrap();
    let refused = "refused 1: failed too often, last: as told";
    assert_eq!(waiting.wait(), Ok(refused.to_owned()));
    let spent = ExitReason::BudgetSpent("as told".to_owned());
    let health = alone.running.health().remove(0);
    assert_eq!(
        (health.alive, health.restarts, health.exit),
        (false, 1, Some(spent.clone()))
    );
    let back = alone.address.try_ask(|to| Order::Echo(2, to)).unwrap_err();
    assert!(matches!(back, NotDelivered::Ended(Order::Echo(2, _), reason) if reason == spent));
}

#[test]
fn a_budget_counts_within_its_span_only() {
    let alone = alone(bounded(2), |_| {});
    for _ in 0..5 {
        assert!(alone.address.tell(Order::crash()).is_ok());
        alone.run();
        alone.clock.advance(6_000);
    }
    assert!(alone.address.is_open());
    for _ in 0..2 {
        assert!(alone.address.tell(Order::crash()).is_ok());
        alone.run();
    }
    assert!(!alone.address.is_open());
    assert_eq!(alone.running.health()[0].restarts, 6);
}

#[test]
fn poison_is_final() {
    let alone = alone(bounded(100), |_| {});
    alone.order(|_, _| Err(Fault::Poison("disk".to_owned())));
    alone.run();
    assert_eq!(
        alone.address.exit_reason(),
        Some(ExitReason::Poisoned("disk".to_owned()))
    );
    assert_eq!(alone.running.health()[0].restarts, 0);
}

#[test]
fn kept_state_outlives_a_restart_and_the_rest_does_not() {
    let alone = alone(spec("puppet", 4), |_| {});
    alone.order(|puppet, turn| {
        puppet.group = 1;
        *turn.kept() = 42;
        turn.set_timer(5);
        turn.continue_later();
        Err(Fault::Crash("as told".to_owned()))
    });
    alone.run();
    alone.clock.advance(10);
    alone.order(|puppet, turn| {
        let (kept, restarts) = (*turn.kept(), turn.restarts());
        puppet
            .journal
            .note(format!("{kept} {restarts} {}", puppet.group == usize::MAX));
        Ok(Next::Open)
    });
    alone.run();
    assert_eq!(alone.journal.entries(), ["42 1 true"]);
}

#[test]
fn faults_and_panics_of_the_factory_count() {
    let mut system = System::stepped(Arc::new(ManualClock::new(0)), 1);
    let host = system.host("host");
    let journal = Journal::default();
    let made_with = journal.clone();
    let address = system.spawn(host, bounded(2), move |restart, kept: &mut u32| {
        *kept += 1;
        made_with.note(format!("build {} {kept}", restart.count));
        match restart.count {
            0 => Err(Fault::Crash("not yet".to_owned())),
            1 => panic!("nor now"),
            _ => Ok(Puppet::new(&made_with)),
        }
    });
    let running = system.start().unwrap();
    let reply = address.ask(|to| Order::Echo(1, to)).unwrap();
    assert_eq!(reply.wait(), Ok("1".to_owned()));
    assert_eq!(
        journal.entries(),
        ["build 0 1", "build 1 2", "build 2 3", "echo 1"]
    );
    assert_eq!(running.health()[0].last_fault.as_deref(), Some("nor now"));
}

#[test]
fn a_factory_that_never_succeeds_spends_the_budget() {
    let mut system = System::stepped(Arc::new(ManualClock::new(0)), 1);
    let host = system.host("host");
    let address = system.spawn(host, bounded(3), |_, _| {
        Err::<Puppet, _>(Fault::Crash("never".to_owned()))
    });
    let running = system.start().unwrap();
    while running.step() {}
    assert_eq!(
        address.exit_reason(),
        Some(ExitReason::BudgetSpent("never".to_owned()))
    );
    assert_eq!(running.join(None), Ok(()));
}

#[test]
fn what_an_ended_actor_is_sent_is_counted_once() {
    let alone = alone(bounded(0), |_| {});
    let refused = || alone.running.health()[0].refused;
    assert!(alone.address.tell(Order::crash()).is_ok());
    // Queued before the end, and refused by it.
    let waiting = alone.address.ask(|to| Order::Echo(1, to)).unwrap();
    assert_eq!(refused(), 0);
    alone.run();
    assert!(waiting.wait().is_ok_and(|text| text.starts_with("refused")));
    assert_eq!(refused(), 1);
    // Given back to whoever comes later, in each way there is to send.
    assert!(alone.address.try_ask(|to| Order::Echo(2, to)).is_err());
    assert!(alone.address.ask(|to| Order::Echo(3, to)).is_err());
    let limit = std::time::Duration::from_secs(1);
    let within = alone.address.ask_within(|to| Order::Echo(4, to), limit);
    assert!(within.is_err());
    assert!(alone.address.tell(Order::stop()).is_err());
    assert_eq!(refused(), 5);
}

/// Notes, when it is dropped, whether the actor that kept it is marked as ended.
struct Witness {
    address: Arc<std::sync::OnceLock<Address<()>>>,
    saw_the_end: Arc<Mutex<Option<bool>>>,
}

impl Drop for Witness {
    fn drop(&mut self) {
        let ended = self.address.get().map(|address| !address.is_open());
        *self.saw_the_end.lock().unwrap() = ended;
    }
}

struct Crashing;

impl Actor for Crashing {
    type Message = ();
    type Answer = ();
    type Kept = Witness;

    fn handle(&mut self, _: &mut Queued<()>, _: &mut Turn<'_, Self>) -> Outcome {
        Err(Fault::Crash("as told".to_owned()))
    }
}

#[test]
fn whoever_learns_of_an_end_finds_the_reason_marked() {
    let (address, saw_the_end) = (Arc::default(), Arc::default());
    let mut system = System::stepped(Arc::new(ManualClock::new(0)), 1);
    let host = system.host("host");
    let spec = ActorSpec {
        mailbox: MailboxSpec {
            name: "crashing",
            capacity: 1,
            byte_budget: None,
        },
        policy: RestartPolicy::Once,
        kept: Witness {
            address: Arc::clone(&address),
            saw_the_end: Arc::clone(&saw_the_end),
        },
    };
    let crashing = system.spawn(host, spec, |_, _| Ok(Crashing));
    let running = system.start().unwrap();
    assert!(address.set(crashing.clone()).is_ok());
    assert!(crashing.tell(()).is_ok());
    while running.step() {}
    assert!(!crashing.is_open());
    assert_eq!(*saw_the_end.lock().unwrap(), Some(true));
}
