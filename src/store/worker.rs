//! Cursor workers: a handler that is called with each batch of new events.

use super::{Cursor, CursorPosition, IndexEntry, Open, Store, StoreError};
use crate::coordinate::Region;
use batpak_actors::engine::EngineHandle;
use batpak_actors::runtime::{
    Published, RestartBudget, RestartPolicy, TaskHandle, TaskNext, Watermark,
};
use batpak_log::planted::{Bug, planted};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

/// How a cursor worker works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CursorWorkerConfig {
    /// The most events in one call of the handler; 64 by default.
    pub batch_size: usize,
    /// Accepted for compatibility: an idle worker is woken, it does not sleep and look.
    pub idle_sleep: Duration,
    /// How often a handler that panicked is called again, with the same batch.
    pub restart: RestartPolicy,
}

impl Default for CursorWorkerConfig {
    fn default() -> Self {
        Self {
            batch_size: 64,
            idle_sleep: Duration::from_millis(10),
            restart: RestartPolicy::Once,
        }
    }
}

/// What a handler wants next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CursorWorkerAction {
    /// More events.
    Continue,
    /// No more: the worker ends.
    Stop,
}

/// Stops a worker, or waits for it. Dropping it stops the worker.
#[derive(Debug)]
pub struct CursorWorkerHandle {
    engine: EngineHandle,
    subscriber: u64,
    stopped: Arc<Watermark>,
    orphaned: Arc<Watermark>,
    handled: Arc<Published<CursorPosition>>,
    task: Option<TaskHandle>,
}

impl CursorWorkerHandle {
    /// Asks the worker to end once the handler has returned.
    pub fn stop(&self) {
        self.stopped.raise(1);
        self.engine.unsubscribe(self.subscriber);
    }

    /// Returns the position behind the last batch that the handler has returned from: a worker that
    /// is started there goes on with the next event. It is where the worker started until then.
    ///
    /// A handler that keeps what it has done elsewhere can keep the position with it, in one step:
    /// see [`Store::position_behind`].
    pub fn handled(&self) -> CursorPosition {
        *self.handled.load()
    }

    /// Stops the worker and waits until it has ended. A worker whose handler panicked too often has
    /// ended before, which counts as an end like any other here; [`wait`](Self::wait) tells it.
    ///
    /// # Errors
    /// `ActorEnded` as for [`wait`](Self::wait).
    pub fn join(mut self) -> Result<(), StoreError> {
        match self.wait() {
            Err(StoreError::WriterCrashed) => Ok(()),
            ended => ended,
        }
    }

    /// Stops the worker, waits until it has ended, and tells how; then [`handled`](Self::handled)
    /// says for good how far it has come.
    ///
    /// # Errors
    /// `WriterCrashed` when its handler panicked more often than its policy allows. `ActorEnded`
    /// when it had ended before it was stopped, because the broker that wakes it has spent its
    /// restarts: it has handled what it was woken for, and events may have come since. Whoever
    /// waits a second time is told only the latter.
    pub fn wait(&mut self) -> Result<(), StoreError> {
        self.stop();
        if let Some(task) = self.task.take() {
            task.join().map_err(|_| StoreError::WriterCrashed)?;
        }
        match self.engine.broker_end() {
            Some(error @ StoreError::ActorEnded { .. }) if self.orphaned.get() > 0 => Err(error),
            _ => Ok(()),
        }
    }
}

/// A worker ends with its handle.
impl Drop for CursorWorkerHandle {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Store<Open> {
    /// Starts a worker that calls `handler` with every event of a region, in order, in batches;
    /// first with what there is, then with what comes. It ends when the handler says so, when its
    /// handle stops it, when the store closes, or when the broker has spent its restarts.
    ///
    /// # Errors
    /// `Closed` or `ActorEnded` when the store has ended, `Io` when no thread can be started,
    /// `Configuration` for an empty batch size.
    pub fn cursor_worker<F>(
        self: &Arc<Self>,
        region: &Region,
        config: CursorWorkerConfig,
        handler: F,
    ) -> Result<CursorWorkerHandle, StoreError>
    where
        F: FnMut(&[IndexEntry], &Store<Open>) -> CursorWorkerAction + Send + 'static,
    {
        self.cursor_worker_from(region, &CursorPosition::start(), config, handler)
    }

    /// As [`cursor_worker`](Self::cursor_worker), and begins behind a saved position.
    ///
    /// # Errors
    /// As [`cursor_worker`](Self::cursor_worker), and as [`cursor_at`](Self::cursor_at) for the
    /// position.
    pub fn cursor_worker_from<F>(
        self: &Arc<Self>,
        region: &Region,
        position: &CursorPosition,
        config: CursorWorkerConfig,
        handler: F,
    ) -> Result<CursorWorkerHandle, StoreError>
    where
        F: FnMut(&[IndexEntry], &Store<Open>) -> CursorWorkerAction + Send + 'static,
    {
        if config.batch_size == 0 {
            return Err(StoreError::Configuration(
                "batch_size must be at least 1".into(),
            ));
        }
        let Some(owned) = &self.owned else {
            return Err(StoreError::Configuration(
                "a worker cannot start another worker".into(),
            ));
        };
        let cursor = self.cursor_at(region, position)?;
        let handled = Arc::new(Published::new(*position));
        let engine = self.shared.engine.clone();
        // Registered before the first look, so that nothing falls between the two.
        let registered = engine.watch(region)?;
        let subscriber = registered.subscriber;
        let stopped = Arc::new(Watermark::new(0));
        let orphaned = Arc::new(Watermark::new(0));
        let mut worker = Worker {
            stopped: Arc::clone(&stopped),
            orphaned: Arc::clone(&orphaned),
            waits: false,
            subscriber,
            cursor,
            handled: Arc::clone(&handled),
            store: Store::lend(&self.shared),
            batch_size: config.batch_size,
            budget: RestartBudget::new(config.restart),
            handler,
        };
        let task = owned.spawn_task("batpak-cursor-worker", registered.receiver, move || {
            worker.step()
        })?;
        Ok(CursorWorkerHandle {
            engine,
            subscriber,
            stopped,
            orphaned,
            handled,
            task: Some(task),
        })
    }
}

struct Worker<F> {
    /// Raised when the handle asks the worker to end.
    stopped: Arc<Watermark>,
    /// Raised when it ends because nobody can wake it any more.
    orphaned: Arc<Watermark>,
    /// Whether it sleeps until it is woken.
    waits: bool,
    subscriber: u64,
    cursor: Cursor,
    handled: Arc<Published<CursorPosition>>,
    store: Store<Open>,
    batch_size: usize,
    budget: RestartBudget,
    handler: F,
}

impl<F> Worker<F>
where
    F: FnMut(&[IndexEntry], &Store<Open>) -> CursorWorkerAction,
{
    /// Handles one batch.
    fn step(&mut self) -> TaskNext {
        self.waits = false;
        if self.stopped.get() > 0 {
            return TaskNext::Done;
        }
        let before = self.cursor.mark();
        let batch = self.cursor.poll_batch(self.batch_size);
        if batch.is_empty() {
            self.waits = true;
            return TaskNext::WaitForWake;
        }
        let handler = &mut self.handler;
        let store = &self.store;
        match catch_unwind(AssertUnwindSafe(|| handler(&batch, store))) {
            Ok(action) => {
                self.handled.publish(self.cursor.position());
                match action {
                    CursorWorkerAction::Continue => TaskNext::Again,
                    CursorWorkerAction::Stop => TaskNext::Done,
                }
            }
            Err(panic) => {
                if !self.budget.grant(store.shared.clock.monotonic_us()) {
                    tracing::error!("a cursor worker has spent its restarts and ends");
                    std::panic::resume_unwind(panic);
                }
                tracing::warn!("a cursor worker's handler panicked; it gets the same batch again");
                if !planted(Bug::PassOverBatch) {
                    self.cursor.seek(before);
                }
                TaskNext::Again
            }
        }
    }
}

/// A worker that has ended by itself is not woken any more. One that ends in its sleep, and was not
/// stopped, has lost the broker: with the store, or before it.
impl<F> Drop for Worker<F> {
    fn drop(&mut self) {
        if self.waits && self.stopped.get() == 0 {
            self.orphaned.raise(1);
        }
        self.store.shared.engine.unsubscribe(self.subscriber);
    }
}
