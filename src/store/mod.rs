//! The store: what you open, append to, read, follow and close.

mod append;
mod compact;
mod config;
pub mod cursor;
#[cfg(feature = "dangerous-test-hooks")]
pub mod fault;
mod fence;
mod follow;
mod hints;
mod maintain;
pub(crate) mod open;
mod options;
mod outbox;
pub(crate) mod payload;
mod pressure;
pub mod projection;
mod react;
mod read;
pub(crate) mod repair;
pub mod segment;
mod snapshot;
mod stats;
pub mod subscription;
mod ticket;
mod transition;
mod worker;

pub use compact::{
    CompactionConfig, CompactionProgress, CompactionStage, CompactionStrategy,
    RawRetentionPredicate, RetentionPredicate,
};
pub use config::{BatchConfig, IndexConfig, StoreConfig, SyncConfig, SyncMode, WriterConfig};
pub use cursor::{Cursor, CursorPosition, ParsePositionError};
#[cfg(feature = "dangerous-test-hooks")]
pub use fault::{
    CountdownAction, CountdownInjector, FaultInjector, InjectionPoint, ProbabilisticInjector,
};
pub use fence::VisibilityFence;
pub use follow::{Follow, Followed};
pub use hints::{IndexLayout, ViewConfig};
pub use options::{AppendOptions, BatchAppendItem, CausationRef};
pub use outbox::Outbox;
pub use projection::{
    CacheCapabilities, CacheMeta, Freshness, NativeCache, NoCache, ProjectionCache,
    ProjectionWatcher,
};
pub use react::{ReactFrom, ReactionConfig, ReactionHandle};
pub use read::{Ancestors, Events, EventsWith};
pub use repair::{repair, repair_with};
pub use stats::{OpenIndexPath, OpenIndexReport, StoreDiagnostics, StoreStats, WriterPressure};
pub use subscription::{ScanSubscriptionOps, Subscription, SubscriptionOps};
pub use ticket::{AppendTicket, BatchAppendTicket};
pub use worker::{CursorWorkerAction, CursorWorkerConfig, CursorWorkerHandle};

pub use batpak_actors::engine::Placement;
pub use batpak_actors::error::{BatchStage, StoreError};
pub use batpak_actors::protocol::broker::Notification;
pub use batpak_actors::protocol::{AppendReceipt, Durability, Replay};
pub use batpak_actors::raw_event::RawEvent;
pub use batpak_actors::recovery::{RecoveryReport, Version1Report};
pub use batpak_actors::repair::{
    LeftOut, LostRange, LostSequences, MissingSegments, NotSaved, OutdatedForm, RebuiltHeader,
    RepairProgress, RepairReport, RepairStage,
};
pub use batpak_actors::runtime::{ActorHealth, RestartPolicy, Waiting};
pub use batpak_actors::verify::{BadEvent, Verification};
pub use batpak_actors::view::{DiskPos, IndexEntry};

use crate::id::IdSource;
use batpak_actors::engine::{DROP_LIMIT, Engine, EngineHandle};
use batpak_actors::runtime::{Clock, Published, Watermark};
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

/// A store that was opened for writing.
#[derive(Debug)]
pub struct Open;

/// A store that was opened for reading.
#[derive(Debug)]
pub struct ReadOnly;

/// A store that was closed: everything acknowledged is durable.
#[derive(Debug)]
pub struct Closed;

/// A handle to a store.
///
/// It can be shared between threads behind an `Arc`; every call takes `&self`. Whoever opened it
/// should [`close`](Store::close) it: dropping it does the same, for five seconds at the most, and
/// warns.
pub struct Store<State = Open> {
    shared: Arc<Shared>,
    /// The engine, unless this handle was lent to a worker.
    owned: Option<Engine>,
    state: PhantomData<fn() -> State>,
}

/// Threads may share a handle, whatever it was opened for.
const _: fn() = || {
    fn is_shared_between_threads<T: Send + Sync>() {}
    is_shared_between_threads::<Store<Open>>();
    is_shared_between_threads::<Store<ReadOnly>>();
    is_shared_between_threads::<AppendTicket>();
    is_shared_between_threads::<Subscription>();
    is_shared_between_threads::<ReactionHandle>();
};

/// What every handle to one store has in common; nothing in it keeps the engine alive.
#[derive(Debug)]
struct Shared {
    engine: EngineHandle,
    config: StoreConfig,
    clock: Arc<dyn Clock>,
    ids: IdSource,
    read_only: bool,
    /// Counts openings and ends of fences: one is open while it is odd.
    fences: Watermark,
    opened: stats::OpenIndexReport,
    recovery: RecoveryReport,
    /// The first failure of a read that cannot return one.
    read_fault: Published<Option<String>>,
    /// The first error that has ended a reaction loop.
    reaction_fault: Published<Option<String>>,
    /// States that were projected before.
    projections: projection::KeptStates,
}

impl Store<Open> {
    /// Carries out what was submitted, makes it durable, leaves the log in good order, and ends the
    /// engine.
    ///
    /// Subscriptions end, workers end, and further calls through tickets or workers are refused
    /// with [`StoreError::Closed`]. It waits for the disk as long as that takes; with a
    /// [`writer.reply_timeout`](WriterConfig::reply_timeout) for that long, or five seconds if that
    /// is longer.
    ///
    /// # Errors
    /// `FateUnknown` or `Poisoned` when the log could not be made durable, `ActorEnded` when a
    /// part of the engine had ended before. The engine has ended all the same. `TimedOut` when the
    /// disk has hung too long: what was acknowledged stands as after a kill of the process, what is
    /// queued may still be carried out, and the directory stays locked until the process ends.
    pub fn close(mut self) -> Result<Closed, StoreError> {
        self.end()
    }

    /// Returns a handle for a worker; dropping it does not close the store.
    fn lend(shared: &Arc<Shared>) -> Self {
        Self {
            shared: Arc::clone(shared),
            owned: None,
            state: PhantomData,
        }
    }
}

impl Store<ReadOnly> {
    /// Ends reading.
    ///
    /// # Errors
    /// `ActorEnded` when the reading part of the engine had ended before.
    pub fn close(mut self) -> Result<Closed, StoreError> {
        self.end()
    }
}

impl<State> Store<State> {
    /// Ends the engine if this handle owns it.
    ///
    /// A limit that is good for one answer may be short for all that is queued, and a closing that
    /// gives up keeps the directory locked, so it gets no less time than a drop.
    fn end(&mut self) -> Result<Closed, StoreError> {
        let reply_timeout = self.shared.config.writer.reply_timeout;
        let limit = reply_timeout.map(|limit| limit.max(DROP_LIMIT));
        match self.owned.take() {
            Some(engine) => engine.close(limit).map(|()| Closed),
            None => Ok(Closed),
        }
    }
}

impl<State> Drop for Store<State> {
    fn drop(&mut self) {
        let Some(engine) = self.owned.take() else {
            return;
        };
        if !self.shared.read_only {
            tracing::warn!("a store was dropped without close; closing it now");
        }
        if let Err(error) = engine.close(Some(DROP_LIMIT)) {
            tracing::error!(%error, "a dropped store could not be closed in good order");
        }
    }
}

impl<State> fmt::Debug for Store<State> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("data_dir", &self.shared.config.data_dir)
            .field("read_only", &self.shared.read_only)
            .finish_non_exhaustive()
    }
}
