//! Ends the actors, one after the other.

use super::Engine;
use super::handle::{milliseconds, not_delivered};
use crate::error::StoreError;
use crate::protocol::{broker, checkpointer, indexer, roller, writer};
use crate::runtime::{Address, NotDelivered, ReplyTo, Waited};
use batpak_log::checkpoint::Checkpoint;
use std::time::Duration;

impl Engine {
    /// Ends the actors: everything queued is carried out, made durable and marked clean. `limit`
    /// bounds each wait; none waits as long as it takes.
    ///
    /// The writer goes first, so that nothing new comes; the indexer before the roller, so that
    /// merging finds every event in the view.
    ///
    /// # Errors
    /// The first failure on the way; the actors have ended all the same, or `TimedOut`.
    pub fn close(self, limit: Option<Duration>) -> Result<(), StoreError> {
        let asking = Asking { limit };
        let handle = &self.handle;
        let written = match &handle.writer {
            Some(writer) => asking
                .to_close("writer", writer, |reply| writer::Message::Close { reply })
                .and_then(|closed| closed),
            None => Ok(None),
        };
        if matches!(written, Err(StoreError::TimedOut { .. })) {
            // The writer hangs in a call and may still write: nobody is closed under its feet, and
            // nobody else may open the store until the process ends and frees the lock.
            std::mem::forget(self.lock);
            return written.map(drop);
        }
        let mut last = written.as_ref().ok().copied().flatten();
        let indexed = asking
            .to_close("indexer", &handle.indexer, |reply| {
                indexer::Message::Close { reply }
            })
            .and_then(|closed| closed);
        if let Some(broker) = &handle.broker {
            // A broker that has ended has closed its subscribers' queues with it.
            let _ = asking.to_close("broker", broker, |reply| broker::Message::Close { reply });
        }
        let rolled = match &self.roller {
            Some(roller) => asking
                .to_close("roller", roller, |reply| roller::Message::Close {
                    closed: last,
                    reply,
                })
                .and_then(|closed| closed),
            None => Ok(None),
        };
        last = rolled.as_ref().ok().copied().flatten().or(last);
        let checkpoint = last.map(|position| Checkpoint {
            store_id: self.store_id.unwrap_or_default(),
            position,
        });
        let checkpointed = match &self.checkpointer {
            Some(checkpointer) => asking
                .to_close("checkpointer", checkpointer, |reply| {
                    checkpointer::Message::Close {
                        last: checkpoint,
                        reply,
                    }
                })
                .and_then(|closed| closed),
            None => Ok(()),
        };
        let joined = self.running.join(limit).map_err(|_| asking.timed_out());
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
}

/// How long each actor is waited for.
struct Asking {
    limit: Option<Duration>,
}

impl Asking {
    /// Asks an actor to end until it has ended. One that crashes over it, even after it has
    /// answered, has a new incarnation in its place, as often as the restart policy allows.
    fn to_close<M, T>(
        &self,
        actor: &'static str,
        address: &Address<M>,
        message: impl Fn(ReplyTo<T>) -> M,
    ) -> Result<T, StoreError> {
        let mut first = None;
        loop {
            let asked = match self.limit {
                None => address.ask(&message),
                Some(limit) => address.ask_within(&message, limit),
            };
            let reply = match (asked, first) {
                (Ok(reply), answered) => {
                    first = answered;
                    reply
                }
                (Err(NotDelivered::Ended(..)), Some(answer)) => return Ok(answer),
                (Err(error), _) => return Err(not_delivered(actor, &error, self.limit)),
            };
            let answered = match self.limit {
                None => reply.wait().map_err(|_| Waited::Closed),
                Some(limit) => reply.wait_for(limit),
            };
            let ended = address.exit_reason();
            match (answered, first.take(), ended) {
                (Err(Waited::TimedOut), ..) => return Err(self.timed_out()),
                // What the first answer said is true whatever came of the actor afterwards.
                (_, Some(answer), Some(_)) | (Ok(answer), None, Some(_)) => return Ok(answer),
                (_, Some(answer), None) | (Ok(answer), None, None) => first = Some(answer),
                (Err(Waited::Closed), None, Some(reason)) => {
                    return Err(StoreError::ended(actor, &reason));
                }
                (Err(Waited::Closed), None, None) => {}
            }
        }
    }

    fn timed_out(&self) -> StoreError {
        StoreError::TimedOut {
            after_ms: milliseconds(self.limit),
        }
    }
}
