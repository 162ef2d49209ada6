//! A counter that crashes on a bad number, is rebuilt, and goes on with what was queued.
//!
//! Run it with `cargo run -p batpak-actors --example supervised_counter`. Panics are expected: the
//! runtime catches them, and the report at the end shows them.

use batpak_actors::runtime::{
    Actor, ActorSpec, Address, Closed, ExitReason, Fault, MailboxSpec, Next, NotDelivered, Queued,
    ReplyTo, RestartPolicy, System, SystemOptions, Turn,
};

/// More orders than this wait outside, in `ask`.
const MAILBOX_CAPACITY: usize = 16;

/// The counter cannot count this.
const BAD_NUMBER: u64 = 13;

/// What the counter is told.
enum Message {
    Add {
        number: u64,
        reply: ReplyTo<Result<u64, String>>,
    },
    Close,
}

/// Counts; the total is kept by the runtime, so a crash does not lose it.
struct Counter;

impl Counter {
    fn add(number: u64, total: &mut u64) -> u64 {
        assert_ne!(number, BAD_NUMBER, "cannot count {BAD_NUMBER}");
        *total += number;
        *total
    }
}

impl Actor for Counter {
    type Message = Message;
    type Answer = ();
    type Kept = u64;

    fn handle(
        &mut self,
        queued: &mut Queued<Message>,
        turn: &mut Turn<'_, Self>,
    ) -> Result<Next, Fault> {
        while let Some(message) = queued.pop() {
            match message {
                Message::Add { number, reply } => {
                    reply.answer(Ok(Self::add(number, turn.kept())));
                }
                Message::Close => return Ok(Next::Stop),
            }
        }
        Ok(Next::Open)
    }

    fn refuse(message: Message, reason: &ExitReason) {
        if let Message::Add { reply, .. } = message {
            reply.answer(Err(reason.to_string()));
        }
    }
}

/// Adds one number and tells what became of it: one of the three things that can.
fn add(counter: &Address<Message>, number: u64) -> String {
    match counter.ask(|reply| Message::Add { number, reply }) {
        Err(NotDelivered::Full(_)) => "not accepted: full".to_owned(),
        Err(NotDelivered::Ended(_, reason)) => format!("not accepted: {reason}"),
        Ok(reply) => match reply.wait() {
            Ok(Ok(total)) => format!("the total is {total}"),
            Ok(Err(reason)) => format!("refused: {reason}"),
            Err(Closed) => "unknown: the counter crashed".to_owned(),
        },
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut system = System::threads(SystemOptions::default());
    let host = system.host("counting");
    let spec = ActorSpec {
        mailbox: MailboxSpec {
            name: "counter",
            capacity: MAILBOX_CAPACITY,
            byte_budget: None,
        },
        policy: RestartPolicy::Bounded {
            max_restarts: 3,
            within_ms: 1000,
        },
        kept: 0,
    };
    let counter = system.spawn(host, spec, |restart, total: &mut u64| {
        println!("incarnation {} begins at {total}", restart.count);
        Ok(Counter)
    });
    let running = system.start()?;

    for number in [1, 2, BAD_NUMBER, 3] {
        println!("add {number}: {}", add(&counter, number));
    }
    println!("{:#?}", running.health());

    counter.tell(Message::Close)?;
    running.join(None)?;
    println!("after the end: {}", add(&counter, 4));
    Ok(())
}
