//! Puts the five actors together; the only place where they are wired.
//!
//! They are built from right to left, so that an actor can only hold addresses of those to its
//! right.

mod close;
mod handle;
mod maintain;
mod wiring;
mod write_now;

pub use handle::EngineHandle;

use crate::error::StoreError;
use crate::faults::Faults;
use crate::indexing::IndexPolicy;
use crate::protocol::{broker, checkpointer, indexer, roller, writer};
use crate::reader::ReaderOptions;
use crate::recovery::{
    ReadLog, ReadOptions, RecoveryReport, index_log, mend, read_log, read_log_beside_writer,
    read_log_for_writing,
};
use crate::runtime::channel::Receiver;
use crate::runtime::{
    ActorHealth, Address, Clock, RestartPolicy, Running, System, SystemOptions, TaskHandle,
    TaskNext, Waiting,
};
use crate::writer::SyncPolicy;
use batpak_log::fs::{DirectoryLock, Fs};
use batpak_log::layout::LOCK_NAME;
use std::sync::Arc;
use std::time::Duration;
use wiring::Wiring;

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
    /// What readers may use.
    pub reader: ReaderOptions,
    /// How much stays in memory before an index run takes its place.
    pub index: IndexPolicy,
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
    /// The checkpoint is renewed at least every so many events.
    pub checkpoint_every_events: u64,
    /// How long a caller waits for room in a mailbox; for ever when none.
    pub room_limit: Option<Duration>,
    /// How idle threads wait.
    pub waiting: Waiting,
    /// Which thread runs which actor.
    pub placement: Placement,
    /// Whom the writer asks for faults.
    pub faults: Faults,
}

/// A running engine; whoever holds it closes it.
#[derive(Debug)]
pub struct Engine {
    handle: EngineHandle,
    checkpointer: Option<Address<checkpointer::Message>>,
    running: Running,
    clock: Arc<dyn Clock>,
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
        let log = read_for_writing(options)?;
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
        let log = read_log_beside_writer(&options.fs, read_options(options, None))?;
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
            &self.handle.roller,
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
}

fn read_options(options: &EngineOptions, in_memory_max: Option<u64>) -> ReadOptions {
    ReadOptions {
        use_checkpoint: options.checkpoints,
        use_runs: true,
        in_memory_max,
        reader: options.reader,
    }
}

/// Reads a log and mends it; one that lacks so much of its index that it would not fit into memory
/// is indexed first.
fn read_for_writing(options: &EngineOptions) -> Result<ReadLog, StoreError> {
    let every = options.index.every_events.max(1);
    let in_memory_max = every.saturating_mul(2);
    let mut log = read_log_for_writing(&options.fs, read_options(options, Some(in_memory_max)))?;
    mend(&options.fs, &mut log)?;
    if !log.lacks_index {
        return Ok(log);
    }
    tracing::info!("the index of the log is missing and is written");
    index_log(&options.fs, &log, (1, in_memory_max))?;
    let mut indexed = read_log(&options.fs, read_options(options, None))?;
    indexed.report = log.report;
    indexed.position.next_sequence = log.position.next_sequence;
    Ok(indexed)
}

fn system(options: &EngineOptions) -> System {
    System::threads(SystemOptions {
        clock: Arc::clone(&options.clock),
        waiting: options.waiting,
        stack_size: options.stack_size,
    })
}
