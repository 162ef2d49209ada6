//! A store of shipping actors on a disk in memory; what is right of the modelled edge is a stub
//! that answers at once.

use std::sync::Arc;

use batpak_actors::broker::{Broker, Subscribers};
use batpak_actors::error::StoreError;
use batpak_actors::faults::Faults;
use batpak_actors::follow::Follower;
use batpak_actors::indexer::Indexer;
use batpak_actors::indexing::IndexPolicy;
use batpak_actors::protocol::broker::{Notification, Registered};
use batpak_actors::protocol::{
    Append, AppendReceipt, Durability, Envelopes, Expectation, broker, indexer, roller, writer,
};
use batpak_actors::reader::{Reader, ReaderOptions};
use batpak_actors::recovery::empty_position;
use batpak_actors::roller::{Roller, RollerOptions};
use batpak_actors::runtime::{
    Actor, ActorSpec, Address, Closed, HostId, MailboxSpec, ReplyTo, RestartPolicy, Running, System,
};
use batpak_actors::view::{ReadView, ViewWriter};
use batpak_actors::writer::{SyncPolicy, Writer, WriterOptions};
use batpak_log::coordinate::Region;
use batpak_log::event::hash::payload_hash;
use batpak_log::fs::Fs;
use batpak_log::log_position::LogPosition;
use batpak_log::{Coordinate, EventKind};

use crate::adder::threads;
use crate::disk::Disk;
use crate::stubs::{BrokerStub, IndexerStub};

/// The entity of all events of these models.
pub const ENTITY: &str = "account";

/// What a model's readers may use: a cache keeps nothing in a model.
pub const READER: ReaderOptions = ReaderOptions {
    fd_budget: 4,
    cache_bytes: 0,
};

/// How often an append is tried before a model takes it for lost.
const TRIES: u32 = 3;

/// What an append came to: its answer, or nothing when an actor crashed over it.
pub type Answer = Result<Result<AppendReceipt, StoreError>, Closed>;

/// What a model's store is made of.
#[derive(Clone, Copy, Debug, Default)]
pub struct StoreOptions {
    /// What is right of the writer.
    pub right: Right,
    /// Writer, indexer and broker have a thread each, rather than one together; the roller is on
    /// the writer's in either case, and a stub beside its neighbour to the left.
    pub thread_each: bool,
    /// The writer panics when it has written the group after so many.
    pub panics_after_groups: Option<u64>,
}

/// Which actors are the shipping ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Right {
    /// A stub answers the writer.
    #[default]
    StubIndexer,
    /// As `StubIndexer`, but it crashes over one group, counted from 0, and so loses its answers.
    IndexerCrashesOver(u64),
    /// The shipping indexer, and a stub that answers it.
    StubBroker,
    /// All of them.
    Shipping,
}

/// A running store.
#[derive(Debug)]
pub struct Store {
    /// Its threads.
    pub running: Running,
    /// What readers look into.
    pub view: Arc<ReadView>,
    /// Reads events.
    pub reader: Arc<Reader>,
    /// Asked for appends.
    pub writer: Address<writer::Message>,
    /// The shipping one, or a stub.
    pub indexer: Address<indexer::Message>,
    /// The shipping one, or a stub; `None` where a stub answers the writer.
    pub broker: Option<Address<broker::Message>>,
    roller: Address<roller::Message>,
    disk: Arc<Disk>,
}

/// Builds the actors from right to left.
struct Builder {
    options: StoreOptions,
    system: System,
    shared: HostId,
    fs: Arc<dyn Fs>,
    reader: Arc<Reader>,
}

impl Store {
    /// Starts a store on an empty disk.
    pub fn start(options: StoreOptions) -> Self {
        let disk = Arc::new(Disk::new(options.panics_after_groups));
        let mut system = threads();
        let shared = system.host("writer");
        let view = Arc::new(ReadView::default());
        let fs = Arc::clone(&disk) as Arc<dyn Fs>;
        let reader = Arc::new(Reader::new(Arc::clone(&fs), Arc::clone(&view), READER));
        let mut builder = Builder {
            options,
            system,
            shared,
            fs,
            reader: Arc::clone(&reader),
        };
        let (indexer, broker) = match options.right {
            Right::StubIndexer => (builder.stub_indexer(None), None),
            Right::IndexerCrashesOver(group) => (builder.stub_indexer(Some(group)), None),
            Right::StubBroker => {
                let host = builder.host("indexer");
                let broker = builder
                    .system
                    .spawn(host, spec("broker", ()), |_, ()| Ok(BrokerStub));
                (builder.indexer(host, &broker), Some(broker))
            }
            Right::Shipping => {
                let host = builder.host("broker");
                let broker = builder.broker(host);
                let host = builder.host("indexer");
                (builder.indexer(host, &broker), Some(broker))
            }
        };
        let roller = builder.roller(&indexer);
        let writer = builder.writer(&reader, &roller, &indexer);
        Self {
            running: builder.system.start().expect("a model starts threads"),
            view,
            reader,
            writer,
            indexer,
            broker,
            roller,
            disk,
        }
    }

    /// Asks for notifications of all events.
    pub fn subscribe(&self) -> Registered<Notification> {
        let (region, capacity) = (Box::new(Region::all()), 8);
        let broker = self.broker.as_ref().expect("the store has a broker");
        ask(broker, |reply| broker::Message::Subscribe {
            region,
            capacity,
            reply,
        })
    }

    /// Asks to be woken for all events.
    pub fn watch(&self) -> Registered<()> {
        let region = Box::new(Region::all());
        let broker = self.broker.as_ref().expect("the store has a broker");
        ask(broker, |reply| broker::Message::Watch { region, reply })
    }

    /// Closes the actors from left to right and returns the ids of the events on the disk.
    pub fn close(self) -> Vec<u128> {
        ask(&self.writer, |reply| writer::Message::Close { reply })
            .expect("the disk takes everything");
        ask(&self.indexer, |reply| indexer::Message::Close { reply }).expect("nothing fails");
        if let Some(broker) = &self.broker {
            ask(broker, |reply| broker::Message::Close { reply });
        }
        let closed = None;
        ask(&self.roller, |reply| roller::Message::Close {
            closed,
            reply,
        })
        .expect("nothing fails");
        self.running.join(None).expect("every actor has ended");
        self.disk.stored()
    }
}

impl Builder {
    /// Returns the host of one actor.
    fn host(&mut self, name: &str) -> HostId {
        match self.options.thread_each {
            true => self.system.host(name),
            false => self.shared,
        }
    }

    fn stub_indexer(&mut self, crashes_over: Option<u64>) -> Address<indexer::Message> {
        self.system
            .spawn(self.shared, spec("indexer", 0), move |_, _| {
                Ok(IndexerStub { crashes_over })
            })
    }

    fn broker(&mut self, host: HostId) -> Address<broker::Message> {
        let reader = Arc::clone(&self.reader);
        let spec = spec("broker", Subscribers::default());
        self.system.spawn(host, spec, move |_, _| {
            Ok(Broker::resume(Arc::clone(&reader)))
        })
    }

    fn indexer(
        &mut self,
        host: HostId,
        broker: &Address<broker::Message>,
    ) -> Address<indexer::Message> {
        let (reader, broker) = (Arc::clone(&self.reader), broker.clone());
        let spec = spec("indexer", empty_position());
        self.system
            .spawn(host, spec, move |restart, published: &mut LogPosition| {
                let follower = Follower::new(Arc::clone(&reader), *published, None);
                let writer = ViewWriter::resume(Arc::clone(reader.view()));
                let broker = Some(broker.clone());
                let mut indexer = Indexer::new(writer, follower, broker, None, u64::MAX);
                if restart.count > 0 {
                    indexer.read_on()?;
                }
                Ok(indexer)
            })
    }

    fn roller(&mut self, indexer: &Address<indexer::Message>) -> Address<roller::Message> {
        let options = RollerOptions {
            fs: Arc::clone(&self.fs),
            reader: Arc::clone(&self.reader),
            segment_max_bytes: 1 << 20,
            sync_all: false,
            index: IndexPolicy::default(),
        };
        let indexer = indexer.clone();
        self.system
            .spawn(self.shared, spec("roller", ()), move |_, ()| {
                Ok(Roller::new(options.clone(), indexer.clone()))
            })
    }

    fn writer(
        &mut self,
        reader: &Arc<Reader>,
        roller: &Address<roller::Message>,
        indexer: &Address<indexer::Message>,
    ) -> Address<writer::Message> {
        let options = WriterOptions {
            fs: Arc::clone(&self.fs),
            envelopes: Envelopes::default(),
            reader: Arc::clone(reader),
            store_id: [7; 16],
            segment_max_bytes: 1 << 20,
            sync: SyncPolicy {
                every_n_events: 1000,
                max_delay_us: 1_000_000,
                sync_all: false,
            },
            start: empty_position(),
            index: IndexPolicy::default(),
            not_indexed: None,
            faults: Faults::default(),
        };
        let (roller, indexer) = (roller.clone(), indexer.clone());
        self.system
            .spawn(self.shared, spec("writer", ()), move |restart, ()| {
                let (roller, indexer) = (roller.clone(), indexer.clone());
                Writer::resume(options.clone(), roller, indexer, restart.count > 0)
            })
    }
}

/// What an append of a model asks for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asks {
    /// The id is an idempotency key.
    pub keyed: bool,
    /// What must be true of the entity.
    pub expectation: Expectation,
}

/// Asks for an append and waits for its answer.
pub fn append(writer: &Address<writer::Message>, id: u128, asks: Asks) -> Answer {
    let append = event(id, asks).into();
    writer
        .ask(|reply| writer::Message::Append { append, reply })
        .expect("an open writer takes every append")
        .wait()
}

/// Asks for an append under a key, again and again until it is answered.
///
/// # Errors
/// What the append is answered with.
pub fn append_until_answered(
    writer: &Address<writer::Message>,
    key: u128,
    expectation: Expectation,
) -> Result<AppendReceipt, StoreError> {
    let asks = Asks {
        keyed: true,
        expectation,
    };
    let mut tries = (0..TRIES).map(|_| append(writer, key, asks));
    tries
        .find_map(Result::ok)
        .expect("one of the tries is answered")
}

/// Makes an event of the one entity.
pub fn event(id: u128, asks: Asks) -> Append {
    let payload = vec![0xc0];
    Append {
        event_id: id,
        keyed: asks.keyed,
        strict: false,
        coordinate: Coordinate::new(ENTITY, "bank").expect("a valid name"),
        kind: EventKind::DATA,
        flags: 0,
        correlation_id: id,
        causation_id: None,
        expectation: asks.expectation,
        durability: Durability::Configured,
        proposed_wall_us: 1,
        payload_hash: payload_hash(&payload),
        payload,
    }
}

/// Asks an actor that must answer.
fn ask<M, T>(address: &Address<M>, message: impl FnOnce(ReplyTo<T>) -> M) -> T {
    let reply = address.ask(message).expect("an open actor takes it");
    reply.wait().expect("it answers")
}

fn spec<A: Actor>(name: &'static str, kept: A::Kept) -> ActorSpec<A> {
    ActorSpec {
        mailbox: MailboxSpec {
            name,
            capacity: 4,
            byte_budget: None,
        },
        policy: RestartPolicy::Once,
        kept,
    }
}
