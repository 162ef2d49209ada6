//! Puts the five actors together; the only place where they are wired.
//!
//! They are built from right to left, so that an actor can only hold addresses of those to its
//! right.

use crate::broker::{Broker, Subscribers};
use crate::checkpointer::Checkpointer;
use crate::error::StoreError;
use crate::follow::Follower;
use crate::indexer::Indexer;
use crate::protocol::broker::{Notification, Registered};
use crate::protocol::{Append, AppendReceipt, broker, checkpointer, indexer, roller, writer};
use crate::reader::Reader;
use crate::recovery::{ReadLog, RecoveryReport, mend, read_log};
use crate::roller::{Roller, RollerOptions};
use crate::runtime::channel::Receiver;
use crate::runtime::{
    ActorHealth, ActorSpec, Address, Clock, Closed, HostId, MailboxSpec, NotDelivered, Reply,
    RestartPolicy, Running, System, SystemOptions, TaskHandle, TaskNext, Waiting,
};
use crate::view::ViewWriter;
use crate::writer::{SyncPolicy, Writer, WriterOptions};
use batpak_log::checkpoint::Checkpoint;
use batpak_log::coordinate::Region;
use batpak_log::fs::{DirectoryLock, Fs};
use batpak_log::layout::{GROUP_EVENTS_MAX, LOCK_NAME};
use batpak_log::log_position::LogPosition;
use std::sync::Arc;
use std::time::Duration;

/// How long a store that is dropped without `close` waits for its actors.
pub const DROP_LIMIT: Duration = Duration::from_secs(5);

/// Which thread runs which actor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Placement {
    /// Writer, indexer and broker on one thread, roller and checkpointer on another: an append
    /// costs two switches between threads.
    #[default]
    Shared,
    /// One thread for each actor.
    ThreadEach,
}

/// What an engine works on, and how.
#[derive(Clone)]
pub struct EngineOptions {
    /// The data directory.
    pub fs: Arc<dyn Fs>,
    /// The data directory's name, for errors.
    pub directory: String,
    /// Time, for timers and restart budgets; events bring their own.
    pub clock: Arc<dyn Clock>,
    /// The id that a new store gets.
    pub new_store_id: [u8; 16],
    /// A segment of at least this size is full, in bytes.
    pub segment_max_bytes: u64,
    /// How many files readers keep open.
    pub fd_budget: usize,
    /// How many commands the writer's mailbox holds.
    pub writer_capacity: usize,
    /// Stack size of the engine's threads, in bytes; the system's default when none.
    pub stack_size: Option<usize>,
    /// How often each actor may be restarted.
    pub restart_policy: RestartPolicy,
    /// When acknowledged events are made durable.
    pub sync: SyncPolicy,
    /// Whether checkpoints are written and believed.
    pub checkpoints: bool,
    /// How idle threads wait.
    pub waiting: Waiting,
    /// Which thread runs which actor.
    pub placement: Placement,
}

/// Addresses and the reader: everything that a caller needs, and nothing that keeps the engine
/// alive.
#[derive(Clone, Debug)]
pub struct EngineHandle {
    reader: Arc<Reader>,
    writer: Option<Address<writer::Message>>,
    indexer: Address<indexer::Message>,
    broker: Option<Address<broker::Message>>,
}

/// A running engine; whoever holds it closes it.
#[derive(Debug)]
pub struct Engine {
    handle: EngineHandle,
    roller: Option<Address<roller::Message>>,
    checkpointer: Option<Address<checkpointer::Message>>,
    running: Running,
    /// Held until every actor has ended.
    lock: Option<Box<dyn DirectoryLock>>,
    report: RecoveryReport,
    store_id: Option<[u8; 16]>,
}

impl Engine {
    /// Opens a store for writing, on threads of its own.
    ///
    /// # Errors
    /// `Locked` when somebody else has it open for writing, and the refusals of
    /// [`read_log`].
    pub fn open(options: &EngineOptions) -> Result<Self, StoreError> {
        Self::open_on(system(options), options)
    }

    /// Opens a store for writing on a system that the caller has made, which may be a stepped one.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_on(system: System, options: &EngineOptions) -> Result<Self, StoreError> {
        let locked = || StoreError::Locked {
            directory: options.directory.clone(),
        };
        let lock = options.fs.lock(LOCK_NAME)?.ok_or_else(locked)?;
        let mut log = read_log(&options.fs, options.checkpoints)?;
        mend(&options.fs, &mut log)?;
        Wiring { options, log: &log }.writable(system, lock)
    }

    /// Opens a store for reading, beside whoever may be writing it. Writes and creates nothing.
    ///
    /// # Errors
    /// The refusals of [`read_log`].
    pub fn open_read_only(options: &EngineOptions) -> Result<Self, StoreError> {
        Self::open_read_only_on(system(options), options)
    }

    /// As [`open_read_only`](Self::open_read_only), on a system that the caller has made.
    ///
    /// # Errors
    /// As [`open_read_only`](Self::open_read_only).
    pub fn open_read_only_on(system: System, options: &EngineOptions) -> Result<Self, StoreError> {
        let log = read_beside_writer(options)?;
        Wiring { options, log: &log }.read_only(system)
    }

    /// Returns what callers use.
    pub fn handle(&self) -> &EngineHandle {
        &self.handle
    }

    /// Returns what opening found and mended.
    pub fn report(&self) -> &RecoveryReport {
        &self.report
    }

    /// Returns the health of every actor, from left to right.
    pub fn health(&self) -> Vec<ActorHealth> {
        let mut health = self.running.health();
        health.reverse();
        health
    }

    /// Starts a task that runs when `wake` says so, and ends when it is disconnected.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn spawn_task(
        &self,
        name: &str,
        wake: Receiver<()>,
        task: impl FnMut() -> TaskNext + Send + 'static,
    ) -> Result<TaskHandle, StoreError> {
        Ok(self.running.spawn_task(name, wake, task)?)
    }

    /// Runs one step of a stepped system; `false` when nothing can run.
    pub fn step(&self) -> bool {
        self.running.step()
    }

    /// Makes an actor panic, as a bug would.
    pub fn panic_for_test(&self, actor: &str) {
        // An actor that has ended cannot panic any more.
        match (
            actor,
            &self.handle.writer,
            &self.roller,
            &self.handle.broker,
            &self.checkpointer,
        ) {
            ("writer", Some(writer), ..) => drop(writer.tell(writer::Message::Panic)),
            ("roller", _, Some(roller), ..) => drop(roller.tell(roller::Message::Panic)),
            ("indexer", ..) => drop(self.handle.indexer.tell(indexer::Message::Panic)),
            ("broker", _, _, Some(broker), _) => drop(broker.tell(broker::Message::Panic)),
            ("checkpointer", .., Some(checkpointer)) => {
                drop(checkpointer.tell(checkpointer::Message::Panic));
            }
            _ => {}
        }
    }

    /// Ends the actors from left to right: everything queued is carried out, made durable and
    /// marked clean. `limit` bounds each wait; none waits as long as it takes.
    ///
    /// # Errors
    /// The first failure on the way; the actors have ended all the same, or `TimedOut`.
    pub fn close(self, limit: Option<Duration>) -> Result<(), StoreError> {
        let (first_failure, last) = self.close_log(limit);
        let asked = self
            .handle
            .indexer
            .ask(|reply| indexer::Message::Close { reply });
        let indexer = answer("indexer", asked, limit).and_then(|closed| closed);
        if let Some(broker) = &self.handle.broker {
            let asked = broker.ask(|reply| broker::Message::Close { reply });
            // A broker that has ended has closed its subscribers' queues with it.
            let _ = answer("broker", asked, limit);
        }
        let checkpointed = self.close_checkpointer(last, limit);
        let joined = self.running.join(limit).map_err(|_| timed_out(limit));
        if joined.is_err() {
            // A writer that hangs in a call may still write: nobody else may, until the process
            // ends and the operating system frees the lock.
            std::mem::forget(self.lock);
        }
        first_failure.and(indexer).and(checkpointed).and(joined)
    }

    fn close_log(&self, limit: Option<Duration>) -> (Result<(), StoreError>, Option<LogPosition>) {
        let (Some(writer), Some(roller)) = (&self.handle.writer, &self.roller) else {
            return (Ok(()), None);
        };
        let asked = writer.ask(|reply| writer::Message::Close { reply });
        let written = answer("writer", asked, limit).and_then(|closed| closed);
        let closed = written.as_ref().ok().copied().flatten();
        let asked = roller.ask(|reply| roller::Message::Close { closed, reply });
        let rolled = answer("roller", asked, limit).and_then(|closed| closed);
        let last = rolled.as_ref().ok().copied().flatten().or(closed);
        (written.and(rolled).map(|_| ()), last)
    }

    fn close_checkpointer(
        &self,
        last: Option<LogPosition>,
        limit: Option<Duration>,
    ) -> Result<(), StoreError> {
        let Some(checkpointer) = &self.checkpointer else {
            return Ok(());
        };
        let store_id = self.store_id.unwrap_or_default();
        let last = last.map(|position| Checkpoint { store_id, position });
        let asked = checkpointer.ask(|reply| checkpointer::Message::Close { last, reply });
        answer("checkpointer", asked, limit).and_then(|closed| closed)
    }
}

/// Reads a log whose segments another process may be merging: a listed file that is gone is looked
/// for again.
fn read_beside_writer(options: &EngineOptions) -> Result<ReadLog, StoreError> {
    const TRIES: usize = 8;
    let mut tries = 1;
    loop {
        match read_log(&options.fs, options.checkpoints) {
            Err(StoreError::Io(error))
                if error.kind() == std::io::ErrorKind::NotFound && tries < TRIES =>
            {
                tries += 1;
            }
            read => return read,
        }
    }
}

fn system(options: &EngineOptions) -> System {
    System::threads(SystemOptions {
        clock: Arc::clone(&options.clock),
        waiting: options.waiting,
        stack_size: options.stack_size,
    })
}

fn timed_out(limit: Option<Duration>) -> StoreError {
    let after_ms = limit.map_or(0, |limit| {
        u64::try_from(limit.as_millis()).unwrap_or(u64::MAX)
    });
    StoreError::TimedOut { after_ms }
}

/// Waits for an actor's answer.
fn answer<M, T>(
    actor: &'static str,
    asked: Result<Reply<T>, NotDelivered<M>>,
    limit: Option<Duration>,
) -> Result<T, StoreError> {
    let reply = asked.map_err(|error| not_delivered(actor, &error))?;
    let crashed = StoreError::ActorEnded {
        actor,
        detail: "it crashed before it answered".into(),
    };
    match limit {
        None => reply.wait().map_err(|Closed| crashed),
        Some(limit) => reply.wait_for(limit).map_err(|waited| match waited {
            crate::runtime::Waited::Closed => crashed,
            crate::runtime::Waited::TimedOut => timed_out(Some(limit)),
        }),
    }
}

fn not_delivered<M>(actor: &'static str, error: &NotDelivered<M>) -> StoreError {
    match error {
        NotDelivered::Ended(_, reason) => StoreError::ended(actor, reason),
        NotDelivered::Full(_) => StoreError::ActorEnded {
            actor,
            detail: "its mailbox stays full".into(),
        },
    }
}

impl EngineHandle {
    /// Returns the reader.
    pub fn reader(&self) -> &Arc<Reader> {
        &self.reader
    }

    fn writer(&self) -> Result<&Address<writer::Message>, StoreError> {
        let read_only = || StoreError::Configuration("the store is open read-only".into());
        self.writer.as_ref().ok_or_else(read_only)
    }

    /// Asks the writer to append; waits while its mailbox is full.
    ///
    /// # Errors
    /// What says that nothing was written: `Closed`, `Poisoned`, `ActorEnded`.
    pub fn append(
        &self,
        append: Box<Append>,
    ) -> Result<Reply<Result<AppendReceipt, StoreError>>, StoreError> {
        let asked = self
            .writer()?
            .ask(|reply| writer::Message::Append { append, reply });
        asked.map_err(|error| not_delivered("writer", &error))
    }

    /// Asks the writer to append all or nothing; waits while its mailbox is full.
    ///
    /// # Errors
    /// As [`append`](Self::append); `Configuration` for more than 65,535 items.
    pub fn append_batch(
        &self,
        items: Vec<Append>,
    ) -> Result<Reply<Result<Vec<AppendReceipt>, StoreError>>, StoreError> {
        if items.len() > GROUP_EVENTS_MAX {
            let text = format!("a batch holds at most {GROUP_EVENTS_MAX} events");
            return Err(StoreError::Configuration(text));
        }
        let asked = self
            .writer()?
            .ask(|reply| writer::Message::AppendBatch { items, reply });
        asked.map_err(|error| not_delivered("writer", &error))
    }

    /// Asks the writer to make everything acknowledged durable.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn sync(&self) -> Result<Reply<Result<(), StoreError>>, StoreError> {
        let asked = self.writer()?.ask(|reply| writer::Message::Sync { reply });
        asked.map_err(|error| not_delivered("writer", &error))
    }

    /// Returns how many commands wait for the writer, and how many may.
    pub fn writer_queue(&self) -> (usize, usize) {
        self.writer
            .as_ref()
            .map_or((0, 0), |writer| (writer.depth(), writer.capacity()))
    }

    /// Reads what others have written since; returns the sequence below which all is visible.
    ///
    /// # Errors
    /// What reading the log returns.
    pub fn refresh(&self) -> Result<u64, StoreError> {
        let asked = self
            .indexer
            .ask(|reply| indexer::Message::CatchUp { reply });
        answer("indexer", asked, None)?
    }

    /// Registers for notifications.
    ///
    /// # Errors
    /// `Closed` or `ActorEnded`; `Configuration` when the store is open read-only.
    pub fn subscribe(
        &self,
        region: &Region,
        capacity: usize,
    ) -> Result<Registered<Notification>, StoreError> {
        let region = Box::new(region.clone());
        let message = |reply| broker::Message::Subscribe {
            region,
            capacity,
            reply,
        };
        answer("broker", self.broker()?.ask(message), None)
    }

    /// Registers to be woken.
    ///
    /// # Errors
    /// As [`subscribe`](Self::subscribe).
    pub fn watch(&self, region: &Region) -> Result<Registered<()>, StoreError> {
        let region = Box::new(region.clone());
        let message = |reply| broker::Message::Watch { region, reply };
        answer("broker", self.broker()?.ask(message), None)
    }

    /// Removes a subscriber; its receiver is disconnected.
    pub fn unsubscribe(&self, subscriber: u64) {
        if let Ok(broker) = self.broker() {
            // A broker that has ended has no subscribers.
            let _ = broker.tell(broker::Message::Unsubscribe { subscriber });
        }
    }

    fn broker(&self) -> Result<&Address<broker::Message>, StoreError> {
        let read_only = || StoreError::Configuration("the store is open read-only".into());
        self.broker.as_ref().ok_or_else(read_only)
    }
}

/// What the actors are made from.
struct Wiring<'a> {
    options: &'a EngineOptions,
    log: &'a ReadLog,
}

impl Wiring<'_> {
    fn writable(
        self,
        mut system: System,
        lock: Box<dyn DirectoryLock>,
    ) -> Result<Engine, StoreError> {
        let commit = system.host("batpak-commit");
        let background = system.host("batpak-background");
        let each = self.options.placement == Placement::ThreadEach;
        let own = |system: &mut System, name, shared| {
            if each { system.host(name) } else { shared }
        };
        let host = own(&mut system, "batpak-checkpointer", background);
        let checkpointer = self.checkpointer(&mut system, host);
        let host = own(&mut system, "batpak-broker", commit);
        let broker = self.broker(&mut system, host);
        let host = own(&mut system, "batpak-indexer", commit);
        let indexer = self.indexer(
            &mut system,
            host,
            Some(broker.clone()),
            Some(checkpointer.clone()),
        );
        let roller = self.roller(&mut system, background);
        let store_id = self
            .log
            .newest
            .as_ref()
            .map_or(self.options.new_store_id, |header| header.store_id);
        let reader = self.reader();
        let writer = self.writer(
            &mut system,
            commit,
            WriterOptions {
                fs: Arc::clone(&self.options.fs),
                reader: Arc::clone(&reader),
                store_id,
                segment_max_bytes: self.options.segment_max_bytes,
                sync: self.options.sync,
                start: self.log.position,
            },
            (roller.clone(), indexer.clone()),
        );
        Ok(Engine {
            handle: EngineHandle {
                reader,
                writer: Some(writer),
                indexer,
                broker: Some(broker),
            },
            roller: Some(roller),
            checkpointer: Some(checkpointer),
            running: system.start()?,
            lock: Some(lock),
            report: self.log.report.clone(),
            store_id: Some(store_id),
        })
    }

    fn read_only(self, mut system: System) -> Result<Engine, StoreError> {
        let host = system.host("batpak-follow");
        let indexer = self.indexer(&mut system, host, None, None);
        Ok(Engine {
            handle: EngineHandle {
                reader: self.reader(),
                writer: None,
                indexer,
                broker: None,
            },
            roller: None,
            checkpointer: None,
            running: system.start()?,
            lock: None,
            report: self.log.report.clone(),
            store_id: None,
        })
    }

    fn reader(&self) -> Arc<Reader> {
        let fs = Arc::clone(&self.options.fs);
        Arc::new(Reader::new(
            fs,
            Arc::clone(&self.log.view),
            self.options.fd_budget,
        ))
    }

    fn spec<A: crate::runtime::Actor>(
        &self,
        name: &'static str,
        capacity: usize,
        kept: A::Kept,
    ) -> ActorSpec<A> {
        ActorSpec {
            mailbox: MailboxSpec {
                name,
                capacity,
                byte_budget: None,
            },
            policy: self.options.restart_policy.clone(),
            kept,
        }
    }

    fn checkpointer(&self, system: &mut System, host: HostId) -> Address<checkpointer::Message> {
        let fs = Arc::clone(&self.options.fs);
        let enabled = self.options.checkpoints;
        let spec = self.spec("checkpointer", checkpointer::INBOX_CAPACITY, ());
        system.spawn(host, spec, move |_, _| {
            Ok(Checkpointer::new(Arc::clone(&fs), enabled))
        })
    }

    fn broker(&self, system: &mut System, host: HostId) -> Address<broker::Message> {
        let view = Arc::clone(&self.log.view);
        let kept = Subscribers::default();
        let spec = self.spec("broker", broker::INBOX_CAPACITY, kept);
        system.spawn(host, spec, move |_, _| {
            Ok(Broker::resume(Arc::clone(&view)))
        })
    }

    fn indexer(
        &self,
        system: &mut System,
        host: HostId,
        broker: Option<Address<broker::Message>>,
        checkpointer: Option<Address<checkpointer::Message>>,
    ) -> Address<indexer::Message> {
        let view = Arc::clone(&self.log.view);
        let fs = Arc::clone(&self.options.fs);
        let start = self.log.position;
        let store_id = self.log.newest.as_ref().map(|header| header.store_id);
        let spec = self.spec("indexer", indexer::INBOX_CAPACITY, start);
        system.spawn(host, spec, move |restart, published: &mut LogPosition| {
            let follower = Follower::new(Arc::clone(&fs), *published, store_id);
            let writer = ViewWriter::resume(Arc::clone(&view));
            let mut indexer = Indexer::new(writer, follower, broker.clone(), checkpointer.clone());
            if restart.count > 0 {
                indexer.read_on()?;
            }
            Ok(indexer)
        })
    }

    fn roller(&self, system: &mut System, host: HostId) -> Address<roller::Message> {
        let options = RollerOptions {
            fs: Arc::clone(&self.options.fs),
            view: Arc::clone(&self.log.view),
            segment_max_bytes: self.options.segment_max_bytes,
            sync_all: self.options.sync.sync_all,
        };
        let spec = self.spec("roller", roller::INBOX_CAPACITY, ());
        system.spawn(host, spec, move |_, _| Ok(Roller::new(options.clone())))
    }

    fn writer(
        &self,
        system: &mut System,
        host: HostId,
        options: WriterOptions,
        (roller, indexer): (Address<roller::Message>, Address<indexer::Message>),
    ) -> Address<writer::Message> {
        let mut spec = self.spec("writer", self.options.writer_capacity, ());
        spec.mailbox.byte_budget = Some((writer::BYTE_BUDGET, writer::Message::weight));
        system.spawn(host, spec, move |restart, _| {
            let crashed = restart.count > 0;
            Writer::resume(options.clone(), roller.clone(), indexer.clone(), crashed)
        })
    }
}
