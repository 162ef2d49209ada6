//! Tickets: an append's answer, to be taken later.

use super::{AppendReceipt, StoreError};
use batpak_actors::runtime::{Reply, Waited};
use crossbeam_channel::Receiver;
use std::sync::OnceLock;
use std::time::Duration;

type Answer<T> = Result<T, StoreError>;

/// Waits for an answer; an actor that ended before it answered leaves the fate open.
pub(super) fn wait<T>(reply: Reply<Answer<T>>, limit: Option<Duration>) -> Answer<T> {
    wait_by_ref(&reply, limit)
}

fn wait_by_ref<T>(reply: &Reply<Answer<T>>, limit: Option<Duration>) -> Answer<T> {
    let Some(limit) = limit else {
        return reply.wait_here().unwrap_or(Err(StoreError::WriterCrashed));
    };
    match reply.wait_for(limit) {
        Ok(answer) => answer,
        Err(Waited::Closed) => Err(StoreError::WriterCrashed),
        Err(Waited::TimedOut) => {
            let after_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
            Err(StoreError::TimedOut { after_ms })
        }
    }
}

/// An answer that is on its way, or has been looked at and kept.
#[derive(Debug)]
struct Pending<T> {
    reply: Reply<Answer<T>>,
    limit: Option<Duration>,
    /// Was taken off the channel by a check.
    kept: OnceLock<Answer<T>>,
}

impl<T> Pending<T> {
    fn new(reply: Reply<Answer<T>>, limit: Option<Duration>) -> Self {
        Self {
            reply,
            limit,
            kept: OnceLock::new(),
        }
    }

    fn wait(self) -> Answer<T> {
        match self.kept.into_inner() {
            Some(answer) => answer,
            None => wait(self.reply, self.limit),
        }
    }

    /// Waits for the answer and keeps it.
    fn wait_here(&self) -> &Answer<T> {
        self.kept
            .get_or_init(|| wait_by_ref(&self.reply, self.limit))
    }

    fn check(&self) -> Option<&Answer<T>> {
        if self.kept.get().is_none() {
            let answer = self
                .reply
                .try_take()?
                .unwrap_or(Err(StoreError::WriterCrashed));
            let _ = self.kept.set(answer);
        }
        self.kept.get()
    }
}

/// The answer to a submitted append.
#[derive(Debug)]
pub struct AppendTicket {
    pending: Pending<AppendReceipt>,
    /// The earlier answer of an append into a visibility fence.
    written: Option<Pending<AppendReceipt>>,
}

impl AppendTicket {
    pub(super) fn new(reply: Reply<Answer<AppendReceipt>>, limit: Option<Duration>) -> Self {
        Self {
            pending: Pending::new(reply, limit),
            written: None,
        }
    }

    pub(super) fn fenced(
        [written, ended]: [Reply<Answer<AppendReceipt>>; 2],
        limit: Option<Duration>,
    ) -> Self {
        Self {
            // A fence may stay open as long as its owner likes.
            pending: Pending::new(ended, None),
            written: Some(Pending::new(written, limit)),
        }
    }

    /// Waits until the event is written, with the durability that was asked for. An event of a
    /// visibility fence is that before the fence has ended, and comes to nothing if it is
    /// cancelled; every other one is then committed, too.
    ///
    /// # Errors
    /// As [`wait`](Self::wait), but for the end of the fence.
    pub fn wait_durable(&self) -> Result<AppendReceipt, StoreError> {
        copy_answer(self.written.as_ref().unwrap_or(&self.pending).wait_here())
    }

    /// Waits for the answer; that to an event of a visibility fence comes when the fence ends.
    ///
    /// # Errors
    /// As [`Store::append_with_options`](super::Store::append_with_options);
    /// `VisibilityFenceCancelled`, `VisibilityFenceNotActive` and `VisibilityFenceFull` for an
    /// event of a fence.
    pub fn wait(self) -> Result<AppendReceipt, StoreError> {
        self.pending.wait()
    }

    /// Looks at the answer if it is there, without waiting. A later [`wait`](Self::wait) returns
    /// the same answer.
    pub fn try_check(&self) -> Option<Result<AppendReceipt, StoreError>> {
        self.pending.check().map(copy_answer)
    }

    /// Lends the channel on which the answer arrives, to select over. Whoever takes the answer off
    /// it has it: this ticket then says `WriterCrashed`.
    pub fn receiver(&self) -> &Receiver<Result<AppendReceipt, StoreError>> {
        self.pending.reply.receiver()
    }
}

/// The answer to a submitted batch.
#[derive(Debug)]
pub struct BatchAppendTicket {
    pending: Pending<Vec<AppendReceipt>>,
    /// The earlier answer of a batch in a visibility fence.
    written: Option<Pending<Vec<AppendReceipt>>>,
}

impl BatchAppendTicket {
    pub(super) fn new(reply: Reply<Answer<Vec<AppendReceipt>>>, limit: Option<Duration>) -> Self {
        Self {
            pending: Pending::new(reply, limit),
            written: None,
        }
    }

    pub(super) fn fenced(
        [written, ended]: [Reply<Answer<Vec<AppendReceipt>>>; 2],
        limit: Option<Duration>,
    ) -> Self {
        Self {
            pending: Pending::new(ended, None),
            written: Some(Pending::new(written, limit)),
        }
    }

    /// Waits until the batch is written; as [`AppendTicket::wait_durable`].
    ///
    /// # Errors
    /// As [`wait`](Self::wait), but for the end of the fence.
    pub fn wait_durable(&self) -> Result<Vec<AppendReceipt>, StoreError> {
        copy_answer(self.written.as_ref().unwrap_or(&self.pending).wait_here())
    }

    /// Answers an empty batch.
    pub(super) fn empty() -> Self {
        let (to, reply) = batpak_actors::runtime::reply();
        to.answer(Ok(Vec::new()));
        Self::new(reply, None)
    }

    /// Waits for the answer: a receipt for each item, in order.
    ///
    /// # Errors
    /// As [`Store::append_batch`](super::Store::append_batch).
    pub fn wait(self) -> Result<Vec<AppendReceipt>, StoreError> {
        self.pending.wait()
    }

    /// Looks at the answer if it is there, without waiting. A later [`wait`](Self::wait) returns
    /// the same answer.
    pub fn try_check(&self) -> Option<Result<Vec<AppendReceipt>, StoreError>> {
        self.pending.check().map(copy_answer)
    }

    /// Lends the channel on which the answer arrives, as
    /// [`AppendTicket::receiver`] does.
    pub fn receiver(&self) -> &Receiver<Result<Vec<AppendReceipt>, StoreError>> {
        self.pending.reply.receiver()
    }
}

fn copy_answer<T: Clone>(answer: &Answer<T>) -> Answer<T> {
    match answer {
        Ok(receipt) => Ok(receipt.clone()),
        Err(error) => Err(error.copied()),
    }
}
