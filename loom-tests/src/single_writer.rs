//! The shipping writer and roller over an in-memory disk, on one host; what is right of the writer
//! is a stub that answers at once.

use std::sync::Arc;

use batpak_actors::error::StoreError;
use batpak_actors::protocol::{
    Append, AppendReceipt, Durability, Expectation, indexer, roller, writer,
};
use batpak_actors::reader::Reader;
use batpak_actors::recovery::{empty_position, read_log};
use batpak_actors::roller::{Roller, RollerOptions};
use batpak_actors::runtime::{
    Actor, ActorSpec, Address, Closed, Fault, MailboxSpec, Next, Queued, RestartPolicy, Running,
    Turn,
};
use batpak_actors::view::{IndexEntry, ReadView};
use batpak_actors::writer::{SyncPolicy, Writer, WriterOptions};
use batpak_log::event::hash::payload_hash;
use batpak_log::fs::{Fs, MemoryFs};
use batpak_log::{Coordinate, EventKind};

use crate::adder::threads;

/// What an append came to: its answer, or nothing when the writer crashed first.
pub type Answer = Result<Result<AppendReceipt, StoreError>, Closed>;

/// A writer that can be asked.
#[derive(Debug)]
pub struct SingleWriter {
    running: Running,
    writer: Address<writer::Message>,
    roller: Address<roller::Message>,
    indexer: Address<indexer::Message>,
    fs: Arc<dyn Fs>,
}

impl SingleWriter {
    /// Starts a writer on an empty disk, every append durable before its answer if `every_n_events`
    /// is 1.
    pub fn start(every_n_events: u64) -> Self {
        let fs: Arc<dyn Fs> = Arc::new(MemoryFs::new());
        let view = Arc::new(ReadView::default());
        let sync = SyncPolicy {
            every_n_events,
            max_delay_us: 1_000_000,
            sync_all: false,
        };
        let mut system = threads();
        let host = system.host("engine");
        let indexer = system.spawn(host, spec("indexer"), |_, ()| Ok(AnswersAtOnce));
        let rolls = RollerOptions {
            fs: Arc::clone(&fs),
            view: Arc::clone(&view),
            segment_max_bytes: 1 << 20,
            sync_all: false,
        };
        let roller = system.spawn(host, spec("roller"), move |_, ()| {
            Ok(Roller::new(rolls.clone()))
        });
        let options = WriterOptions {
            fs: Arc::clone(&fs),
            reader: Arc::new(Reader::new(Arc::clone(&fs), view, 4)),
            store_id: [7; 16],
            segment_max_bytes: 1 << 20,
            sync,
            start: empty_position(),
        };
        let right = (roller.clone(), indexer.clone());
        let writer = system.spawn(host, spec("writer"), move |restart, ()| {
            let (roller, indexer) = right.clone();
            Writer::resume(options.clone(), roller, indexer, restart.count > 0)
        });
        let running = system.start().expect("a model starts threads");
        Self {
            running,
            writer,
            roller,
            indexer,
            fs,
        }
    }

    /// Returns the writer's address, for a caller on another thread.
    pub fn address(&self) -> Address<writer::Message> {
        self.writer.clone()
    }

    /// Closes the writer and returns the events that its disk holds.
    pub fn close(self) -> Vec<IndexEntry> {
        let asked = self.writer.ask(|reply| writer::Message::Close { reply });
        let closed = asked
            .expect("an open writer takes it")
            .wait()
            .expect("it answers");
        closed.expect("the disk takes everything");
        let asked = self.roller.ask(|reply| roller::Message::Close {
            closed: None,
            reply,
        });
        asked
            .expect("an open roller takes it")
            .wait()
            .expect("it answers")
            .expect("nothing fails");
        let asked = self.indexer.ask(|reply| indexer::Message::Close { reply });
        asked
            .expect("an open indexer takes it")
            .wait()
            .expect("it answers")
            .expect("nothing fails");
        self.running.join(None).expect("every actor has ended");
        let log = read_log(&self.fs, false).expect("the log is whole");
        log.view.entries_from(0).collect()
    }
}

/// Asks for an append to the one entity of these models.
pub fn append(address: &Address<writer::Message>, id: u128, asks: Asks) -> Answer {
    let payload = vec![0xc0];
    let append = Box::new(Append {
        event_id: id,
        keyed: asks.keyed,
        strict: false,
        coordinate: Coordinate::new("account", "bank").expect("a valid name"),
        kind: EventKind::DATA,
        flags: 0,
        correlation_id: id,
        causation_id: None,
        expectation: asks.expectation,
        durability: Durability::Configured,
        proposed_wall_us: 1,
        payload_hash: payload_hash(&payload),
        payload,
    });
    address
        .ask(|reply| writer::Message::Append { append, reply })
        .expect("an open writer takes every append")
        .wait()
}

/// What an append of a model asks for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asks {
    /// The id is an idempotency key.
    pub keyed: bool,
    /// What must be true of the entity.
    pub expectation: Expectation,
}

fn spec<A: Actor<Kept = ()>>(name: &'static str) -> ActorSpec<A> {
    ActorSpec {
        mailbox: MailboxSpec {
            name,
            capacity: 4,
            byte_budget: None,
        },
        policy: RestartPolicy::Once,
        kept: (),
    }
}

/// Stands for everything to the right of the writer.
struct AnswersAtOnce;

impl Actor for AnswersAtOnce {
    type Message = indexer::Message;
    type Answer = ();
    type Kept = ();

    fn handle(
        &mut self,
        queued: &mut Queued<indexer::Message>,
        _: &mut Turn<'_, Self>,
    ) -> Result<Next, Fault> {
        while let Some(message) = queued.pop() {
            match message {
                indexer::Message::Publish(group) => {
                    for acknowledgement in group.acknowledgements {
                        acknowledgement.deliver();
                    }
                }
                indexer::Message::Close { reply } => {
                    reply.answer(Ok(()));
                    return Ok(Next::Stop);
                }
                indexer::Message::CatchUp { .. }
                | indexer::Message::ReadOn
                | indexer::Message::Panic => {}
            }
        }
        Ok(Next::Open)
    }
}
