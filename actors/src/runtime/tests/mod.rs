//! The behaviour of the runtime, stepped where order matters and on threads where races do.

#![expect(clippy::disallowed_types, reason = "tests note what actors did")]

mod asks;
mod budget;
mod outbox;
mod restarts;
mod shared;
mod slots;
mod tasks;
mod threads;

use std::sync::{Arc, Mutex};

use super::{
    Actor, ActorSpec, Address, Closed, ExitReason, Fault, MailboxSpec, ManualClock, Next, Queued,
    ReplyTo, RestartPolicy, Running, System, Turn,
};

/// What happened, in order.
#[derive(Clone, Default)]
struct Journal(Arc<Mutex<Vec<String>>>);

impl Journal {
    fn note(&self, entry: impl Into<String>) {
        self.0.lock().unwrap().push(entry.into());
    }

    fn entries(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

type Outcome = Result<Next, Fault>;
type Act = Box<dyn FnOnce(&mut Puppet, &mut Turn<'_, Puppet>) -> Outcome + Send>;

/// What a puppet is told.
enum Order {
    /// Notes the number and answers with it.
    Echo(u32, ReplyTo<String>),
    /// Does anything.
    Do(Act),
}

impl Order {
    fn act(
        act: impl FnOnce(&mut Puppet, &mut Turn<'_, Puppet>) -> Outcome + Send + 'static,
    ) -> Self {
        Self::Do(Box::new(act))
    }

    fn crash() -> Self {
        Self::act(|_, _| panic!("as told"))
    }

    fn stop() -> Self {
        Self::act(|_, _| Ok(Next::Stop))
    }
}

/// An actor that does what it is told, at most `group` orders in one call.
struct Puppet {
    journal: Journal,
    group: usize,
    on_resume: Option<Act>,
    on_timer: Option<Act>,
    on_answer: Next,
}

impl Puppet {
    fn new(journal: &Journal) -> Self {
        Self {
            journal: journal.clone(),
            group: usize::MAX,
            on_resume: None,
            on_timer: None,
            on_answer: Next::Open,
        }
    }

    fn obey(&mut self, order: Order, turn: &mut Turn<'_, Self>) -> Outcome {
        match order {
            Order::Echo(number, to) => {
                self.journal.note(format!("echo {number}"));
                to.answer(number.to_string());
                Ok(Next::Open)
            }
            Order::Do(act) => act(self, turn),
        }
    }
}

impl Actor for Puppet {
    type Message = Order;
    type Answer = Result<String, Closed>;
    type Kept = u32;

    fn handle(&mut self, queued: &mut Queued<Order>, turn: &mut Turn<'_, Self>) -> Outcome {
        for _ in 0..self.group {
            let Some(order) = queued.pop() else { break };
            match self.obey(order, turn)? {
                Next::Open => {}
                next @ (Next::AwaitAnswer | Next::Stop) => return Ok(next),
            }
        }
        Ok(Next::Open)
    }

    fn answered(&mut self, answer: Self::Answer, _turn: &mut Turn<'_, Self>) -> Outcome {
        self.journal.note(match answer {
            Ok(text) => format!("answer {text}"),
            Err(Closed) => "answer closed".to_owned(),
        });
        Ok(self.on_answer)
    }

    fn timer(&mut self, turn: &mut Turn<'_, Self>) -> Outcome {
        self.journal.note("timer");
        match self.on_timer.take() {
            Some(act) => act(self, turn),
            None => Ok(Next::Open),
        }
    }

    fn resume(&mut self, turn: &mut Turn<'_, Self>) -> Outcome {
        self.journal.note("resume");
        match self.on_resume.take() {
            Some(act) => act(self, turn),
            None => Ok(Next::Open),
        }
    }

    fn refuse(message: Order, reason: &ExitReason) {
        match message {
            Order::Echo(number, to) => to.answer(format!("refused {number}: {reason}")),
            Order::Do(_) => {}
        }
    }
}

/// Returns the spec of a puppet whose mailbox holds so many orders.
fn spec(name: &'static str, capacity: usize) -> ActorSpec<Puppet> {
    ActorSpec {
        mailbox: MailboxSpec {
            name,
            capacity,
            byte_budget: None,
        },
        policy: RestartPolicy::default(),
        kept: 0,
    }
}

/// A stepped system of one puppet.
struct Alone {
    running: Running,
    address: Address<Order>,
    clock: Arc<ManualClock>,
    journal: Journal,
}

/// Starts one stepped puppet; `shape` changes each new incarnation.
fn alone(spec: ActorSpec<Puppet>, mut shape: impl FnMut(&mut Puppet) + Send + 'static) -> Alone {
    let clock = Arc::new(ManualClock::new(0));
    let journal = Journal::default();
    let mut system = System::stepped(Arc::clone(&clock), 1);
    let host = system.host("alone");
    let made_with = journal.clone();
    let address = system.spawn(host, spec, move |_, _| {
        let mut puppet = Puppet::new(&made_with);
        shape(&mut puppet);
        Ok(puppet)
    });
    let running = system.start().unwrap();
    Alone {
        running,
        address,
        clock,
        journal,
    }
}

impl Alone {
    fn order(
        &self,
        act: impl FnOnce(&mut Puppet, &mut Turn<'_, Puppet>) -> Outcome + Send + 'static,
    ) {
        assert!(self.address.tell(Order::act(act)).is_ok());
    }

    fn run(&self) {
        while self.running.step() {}
    }
}
