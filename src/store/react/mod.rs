//! Reactions: events that are appended because of others.

mod chain;
mod worker;

use super::payload::{decode, decode_json};
use super::{Open, RestartPolicy, Store, StoreError};
use crate::coordinate::Region;
use crate::event::Reactive;
use batpak_actors::engine::EngineHandle;
use batpak_actors::runtime::{TaskHandle, Watermark};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use worker::{Given, Worker};

/// The name of a loop's thread.
const THREAD_NAME: &str = "batpak-reactor";

/// Where a reaction loop begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReactFrom {
    /// With the events that become visible once the loop has started.
    #[default]
    Now,
    /// With the first event whose global sequence is at least this one: 0 for all that there are.
    Sequence(u64),
}

/// How a reaction loop works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReactionConfig {
    /// Names the reactor for ever. The ids of its reactions then follow from this name, the event
    /// and their place among its reactions, so that a loop which meets an event again, after a
    /// crash or because it begins earlier, stores nothing twice: what was stored first stays.
    /// Without a name, which is the default, no event is reacted to twice within one loop.
    pub name: Option<String>,
    /// Where the loop begins; by default with what comes from now on.
    pub from: ReactFrom,
    /// How many reactions may follow from each other, reaction to reaction, whichever loops append
    /// them; 16 by default. Causes that a program states itself are not counted.
    pub depth_max: u32,
    /// How often the loop tries again, with the same event, when its reactor panicked or an append
    /// failed that may succeed later.
    pub restart: RestartPolicy,
}

impl Default for ReactionConfig {
    fn default() -> Self {
        Self {
            name: None,
            from: ReactFrom::Now,
            depth_max: 16,
            restart: RestartPolicy::Once,
        }
    }
}

/// What a loop and its handle share.
#[derive(Debug)]
struct Progress {
    /// Raised when the handle asks the loop to end.
    stopped: Watermark,
    /// Every event below this sequence was reacted to.
    position: Watermark,
    /// Why the loop has ended by itself.
    error: OnceLock<StoreError>,
}

/// Looks after a reaction loop. Dropping it stops the loop.
#[derive(Debug)]
pub struct ReactionHandle {
    engine: EngineHandle,
    subscriber: u64,
    progress: Arc<Progress>,
    task: Option<TaskHandle>,
}

impl ReactionHandle {
    /// Asks the loop to end once it has reacted to the event in hand.
    pub fn stop(&self) {
        self.progress.stopped.raise(1);
        self.engine.unsubscribe(self.subscriber);
    }

    /// Returns the sequence below which the loop has reacted to every event: from there another
    /// loop goes on.
    pub fn position(&self) -> u64 {
        self.progress.position.get()
    }

    /// Returns the error that has ended the loop, if one did.
    pub fn error(&self) -> Option<StoreError> {
        self.progress.error.get().map(StoreError::copied)
    }

    /// Returns whether the loop has ended, by whatever.
    pub fn is_finished(&self) -> bool {
        self.task.as_ref().is_none_or(TaskHandle::is_finished)
    }

    /// Stops the loop and waits until it has ended.
    ///
    /// # Errors
    /// The error that had ended it before: `ReactionTooDeep`, `ReactorPanicked`, `ActorEnded` when
    /// the broker that wakes it has spent its restarts, `Serialization` for a payload that is not
    /// the reactor's, and what reading and appending return. The event that it is about is not
    /// reacted to, and [`position`](Self::position) names it.
    pub fn join(mut self) -> Result<(), StoreError> {
        self.stop();
        if let Some(task) = self.task.take() {
            // Its panics are errors already.
            let _ended = task.join();
        }
        self.error().map_or(Ok(()), Err)
    }
}

/// A loop ends with its handle.
impl Drop for ReactionHandle {
    fn drop(&mut self) {
        if self.task.is_some() {
            self.stop();
        }
    }
}

impl Store<Open> {
    /// Starts a loop that reacts to every event of a region that becomes visible from now on, each
    /// once and in order; it ends when the store closes. Payloads are JSON, as
    /// [`get`](Self::get) gives them.
    ///
    /// Works as [`react_with`](Self::react_with) with the default configuration, for programs that
    /// start a loop and leave it alone: dropping what is returned does not stop it. Why it has
    /// ended, if by an error, stands in
    /// [`diagnostics`](super::StoreDiagnostics::reaction_fault).
    ///
    /// # Errors
    /// As [`react_with`](Self::react_with); `Configuration` on a stepped machine, which has no
    /// threads.
    pub fn react_loop<R>(
        self: &Arc<Self>,
        region: &Region,
        reactor: R,
    ) -> Result<JoinHandle<()>, StoreError>
    where
        R: Reactive<Value> + Send + 'static,
    {
        let config = ReactionConfig::default();
        let mut handle = self.start_reacting(region, config, reactor, decode_json)?;
        // The handle has no task any more, so dropping it stops nothing.
        let thread = handle.task.take().and_then(TaskHandle::into_thread);
        thread.ok_or_else(|| {
            StoreError::Configuration("no thread runs this store: use react_with".into())
        })
    }

    /// Starts a loop that reacts to the events of a region, in order, until its handle stops it or
    /// the store closes.
    ///
    /// For each event it
    /// 1. decodes the payload as [`get_as`](Self::get_as) does and asks the reactor;
    /// 2. appends what that returns, as one batch where it fits into one (`batch.max_size`,
    ///    `batch.max_bytes`), else one after the other; the reactions are in the event's
    ///    correlation, name it as their cause, and bear the flag
    ///    [`FLAG_REACTION`](crate::event::header::FLAG_REACTION);
    /// 3. goes on to the next event.
    ///
    /// No event is passed over. What fails and may succeed later is tried again with the same
    /// reactions, as often as `config.restart` allows; any other error ends the loop, and nothing
    /// is lost: a loop from [`position`](ReactionHandle::position) goes on at the event in hand. A
    /// loop that is stopped in the middle of several reactions may have appended some of them; with
    /// a [name](ReactionConfig::name) the rest can be appended later.
    ///
    /// Reactions that lie in the region are reacted to as well, down to
    /// [`depth_max`](ReactionConfig::depth_max).
    ///
    /// # Errors
    /// `Closed` or `ActorEnded` when the store has ended, `Io` when no thread can be started,
    /// `Configuration` when it is started from a worker.
    pub fn react_with<P, R>(
        self: &Arc<Self>,
        region: &Region,
        config: ReactionConfig,
        reactor: R,
    ) -> Result<ReactionHandle, StoreError>
    where
        P: Serialize + DeserializeOwned + Send + 'static,
        R: Reactive<P> + Send + 'static,
    {
        self.start_reacting(region, config, reactor, |payload| decode(payload))
    }

    fn start_reacting<P, R>(
        &self,
        region: &Region,
        config: ReactionConfig,
        reactor: R,
        decode: fn(&[u8]) -> Result<P, StoreError>,
    ) -> Result<ReactionHandle, StoreError>
    where
        P: Serialize + Send + 'static,
        R: Reactive<P> + Send + 'static,
    {
        let Some(owned) = &self.owned else {
            let text = "a worker cannot start a reaction loop";
            return Err(StoreError::Configuration(text.into()));
        };
        let engine = self.shared.engine.clone();
        // Registered before the first look, so that nothing falls between the two.
        let registered = engine.watch(region)?;
        let subscriber = registered.subscriber;
        let from = match config.from {
            ReactFrom::Now => engine.reader().view().visible(),
            ReactFrom::Sequence(sequence) => sequence,
        };
        let progress = Arc::new(Progress {
            stopped: Watermark::new(0),
            position: Watermark::new(from),
            error: OnceLock::new(),
        });
        let given = Given {
            store: Self::lend(&self.shared),
            region: region.clone(),
            config,
            reactor,
            decode,
            subscriber,
            progress: Arc::clone(&progress),
        };
        let mut worker = Worker::new(given);
        let task = owned.spawn_task(THREAD_NAME, registered.receiver, move || worker.step())?;
        Ok(ReactionHandle {
            engine,
            subscriber,
            progress,
            task: Some(task),
        })
    }
}
