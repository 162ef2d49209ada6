//! The actor that the models run: small, and with every way to go wrong.

#![allow(
    dead_code,
    reason = "each model file is a crate of its own and uses some of this"
)]

use std::sync::Arc;

use batpak_actors::runtime::{
    Actor, ActorSpec, Address, Closed, ExitReason, Fault, MailboxSpec, ManualClock, Next, Queued,
    ReplyTo, RestartPolicy, System, SystemOptions, Turn, Waiting,
};

/// What an [`Adder`] is told.
pub enum Message {
    /// Adds and answers the sum.
    Add(u32, ReplyTo<u32>),
    /// Adds.
    Note(u32),
    /// Gathers its callers from now on.
    Gather,
    /// Notes a one so often to the next actor, then asks it for the sum.
    Forward(u32, ReplyTo<u32>),
    /// Asks the next actor to crash over the question.
    ForwardCrash(ReplyTo<u32>),
    /// Panics, holding the reply.
    Crash(ReplyTo<u32>),
    /// Ends.
    Stop,
}

/// What a refused question is answered with.
pub const REFUSED: u32 = 1000;

/// Adds numbers; the sum is kept through restarts.
pub struct Adder {
    sum: u32,
    next: Option<Address<Message>>,
    asked: Option<ReplyTo<u32>>,
}

impl Adder {
    /// Returns an adder that begins with this sum.
    pub fn new(sum: u32) -> Self {
        Self {
            sum,
            next: None,
            asked: None,
        }
    }

    /// Returns an adder that can forward to the next.
    pub fn before(next: Address<Message>) -> Self {
        Self {
            sum: 0,
            next: Some(next),
            asked: None,
        }
    }

    fn add(&mut self, number: u32, turn: &mut Turn<'_, Self>) -> u32 {
        self.sum += number;
        *turn.kept() = self.sum;
        self.sum
    }

    fn forward(&mut self, notes: u32, to: ReplyTo<u32>, turn: &mut Turn<'_, Self>) -> Next {
        if let Some(next) = &self.next {
            for _ in 0..notes {
                let _told = turn.tell(next, Message::Note(1));
            }
        }
        self.ask_next(|to| Message::Add(0, to), to, turn)
    }

    fn ask_next(
        &mut self,
        question: fn(ReplyTo<u32>) -> Message,
        to: ReplyTo<u32>,
        turn: &mut Turn<'_, Self>,
    ) -> Next {
        let Some(next) = &self.next else {
            return Next::Open;
        };
        turn.ask(next, question, |answer| answer);
        self.asked = Some(to);
        Next::AwaitAnswer
    }
}

impl Actor for Adder {
    type Message = Message;
    type Answer = Result<u32, Closed>;
    type Kept = u32;

    fn handle(
        &mut self,
        queued: &mut Queued<Message>,
        turn: &mut Turn<'_, Self>,
    ) -> Result<Next, Fault> {
        while let Some(message) = queued.pop() {
            match message {
                Message::Add(number, to) => to.answer(self.add(number, turn)),
                Message::Note(number) => drop(self.add(number, turn)),
                Message::Gather => turn.expect_again(1),
                Message::Forward(notes, to) => return Ok(self.forward(notes, to, turn)),
                Message::ForwardCrash(to) => {
                    return Ok(self.ask_next(Message::Crash, to, turn));
                }
                Message::Crash(_to) => return Err(Fault::Crash("as told".to_owned())),
                Message::Stop => return Ok(Next::Stop),
            }
        }
        Ok(Next::Open)
    }

    fn answered(
        &mut self,
        answer: Self::Answer,
        _turn: &mut Turn<'_, Self>,
    ) -> Result<Next, Fault> {
        if let (Some(to), Ok(sum)) = (self.asked.take(), answer) {
            to.answer(sum);
        }
        Ok(Next::Open)
    }

    fn refuse(message: Message, _reason: &ExitReason) {
        if let Message::Add(_, to) = message {
            to.answer(REFUSED);
        }
    }
}

/// Returns the spec of an adder.
pub fn spec(name: &'static str, capacity: usize) -> ActorSpec<Adder> {
    ActorSpec {
        mailbox: MailboxSpec {
            name,
            capacity,
            byte_budget: None,
        },
        policy: RestartPolicy::Once,
        kept: 0,
    }
}

/// Returns the spec of an adder whose mailbox holds one question at a time, by its bytes.
pub fn spec_of_one_question(name: &'static str) -> ActorSpec<Adder> {
    let mut spec = spec(name, 4);
    spec.mailbox.byte_budget = Some((1, |message| match message {
        Message::Add(..) => 1,
        Message::Note(_)
        | Message::Gather
        | Message::Forward(..)
        | Message::ForwardCrash(_)
        | Message::Crash(_)
        | Message::Stop => 0,
    }));
    spec
}

/// Returns a system on loom's threads, whose clock stands still.
pub fn threads() -> System {
    let clock = Arc::new(ManualClock::new(0));
    System::threads(SystemOptions {
        clock,
        waiting: Waiting::Park,
        stack_size: None,
    })
}
