//! Ends the actors, one after the other.

use super::Engine;
use super::handle::{Unanswered, ask_again, milliseconds};
use crate::error::StoreError;
use crate::protocol::{broker, checkpointer, indexer, roller, writer};
use crate::runtime::{Address, Clock, ReplyTo};
use batpak_log::checkpoint::Checkpoint;
use batpak_log::log_position::LogPosition;
use std::sync::Arc;
use std::time::Duration;

impl Engine {
    /// Ends the actors: everything queued is carried out, made durable and marked clean. `limit`
    /// bounds all waits together; none waits as long as it takes.
    ///
    /// The writer goes first, so that nothing new comes; the indexer before the roller, so that
    /// merging finds every event in the view.
    ///
    /// # Errors
    /// The first failure on the way; the actors have ended all the same, or `TimedOut`.
    pub fn close(self, limit: Option<Duration>) -> Result<(), StoreError> {
        let asking = Asking::start(&self.clock, limit);
        let written = self.close_writer(&asking);
        if matches!(written, Err(StoreError::TimedOut { .. })) {
            // The writer hangs in a call and may still write: nobody is closed under its feet, and
            // nobody else may open the store until the process ends and frees the lock.
            std::mem::forget(self.lock);
            return written.map(drop);
        }
        let indexed = self.close_indexer(&asking);
        self.close_broker(&asking);
        let mut last = written.as_ref().ok().copied().flatten();
        let rolled = self.close_roller(&asking, last);
        last = rolled.as_ref().ok().copied().flatten().or(last);
        let checkpointed = self.close_checkpointer(&asking, last);
        let joined = self
            .running
            .join(asking.left())
            .map_err(|_| asking.timed_out());
        if joined.is_err() {
            // A writer that hangs in a call may still write: nobody else may, until the process
            // ends and the operating system frees the lock.
            std::mem::forget(self.lock);
        }
        written
            .map(drop)
            .and(indexed)
            .and(rolled.map(drop))
            .and(checkpointed)
            .and(joined)
    }

    fn close_writer(&self, asking: &Asking) -> Result<Option<LogPosition>, StoreError> {
        let Some(writer) = &self.handle.writer else {
            return Ok(None);
        };
        let message = |reply| writer::Message::Close { reply };
        asking.to_close("writer", writer, message, has_ended)?
    }

    fn close_indexer(&self, asking: &Asking) -> Result<(), StoreError> {
        let message = |reply| indexer::Message::Close { reply };
        asking.to_close("indexer", &self.handle.indexer, message, has_ended)?
    }

    fn close_broker(&self, asking: &Asking) {
        if let Some(broker) = &self.handle.broker {
            let message = |reply| broker::Message::Close { reply };
            // A broker that has ended has closed its subscribers' queues with it.
            let _ = asking.to_close("broker", broker, message, |()| true);
        }
    }

    fn close_roller(
        &self,
        asking: &Asking,
        closed: Option<LogPosition>,
    ) -> Result<Option<LogPosition>, StoreError> {
        let Some(roller) = &self.handle.roller else {
            return Ok(None);
        };
        let message = |reply| roller::Message::Close { closed, reply };
        asking.to_close("roller", roller, message, has_ended)?
    }

    fn close_checkpointer(
        &self,
        asking: &Asking,
        closed: Option<LogPosition>,
    ) -> Result<(), StoreError> {
        let Some(checkpointer) = &self.checkpointer else {
            return Ok(());
        };
        let last = closed.map(|position| Checkpoint {
            store_id: self.store_id.unwrap_or_default(),
            position,
        });
        let message = |reply| checkpointer::Message::Close { last, reply };
        asking.to_close("checkpointer", checkpointer, message, has_ended)?
    }
}

/// Tells whether an answer to `Close` is only that the actor has ended in good order before.
fn has_ended<T>(answer: &Result<T, StoreError>) -> bool {
    matches!(answer, Err(StoreError::Closed))
}

/// How long all actors together are waited for.
struct Asking {
    clock: Arc<dyn Clock>,
    limit: Option<Duration>,
    begun_us: u64,
}

impl Asking {
    fn start(clock: &Arc<dyn Clock>, limit: Option<Duration>) -> Self {
        Self {
            clock: Arc::clone(clock),
            limit,
            begun_us: clock.monotonic_us(),
        }
    }

    /// Returns how much of the limit is left.
    fn left(&self) -> Option<Duration> {
        let passed_us = self.clock.monotonic_us().saturating_sub(self.begun_us);
        let passed = Duration::from_micros(passed_us);
        self.limit.map(|limit| limit.saturating_sub(passed))
    }

    /// Asks an actor to end, until it has ended: one that crashes after it has answered is back,
    /// and what its last incarnation answers counts.
    fn to_close<M, T>(
        &self,
        actor: &'static str,
        address: &Address<M>,
        message: impl Fn(ReplyTo<T>) -> M,
        refused: fn(&T) -> bool,
    ) -> Result<T, StoreError> {
        let mut answer = self.ask(actor, address, &message)?;
        while address.exit_reason().is_none() {
            match self.ask(actor, address, &message) {
                Ok(again) if refused(&again) => {}
                Ok(again) => answer = again,
                // It had ended in good order by the time that it was asked.
                Err(StoreError::Closed) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(answer)
    }

    fn ask<M, T>(
        &self,
        actor: &'static str,
        address: &Address<M>,
        message: &impl Fn(ReplyTo<T>) -> M,
    ) -> Result<T, StoreError> {
        ask_again(address, message, || self.left()).map_err(|unanswered| match unanswered {
            Unanswered::Ended(reason) => StoreError::ended(actor, &reason),
            // Without room it hangs behind what is queued, as if it had been told.
            Unanswered::NoRoom | Unanswered::TimedOut => self.timed_out(),
        })
    }

    fn timed_out(&self) -> StoreError {
        StoreError::TimedOut {
            after_ms: milliseconds(self.limit),
        }
    }
}
