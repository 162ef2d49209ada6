//! The way back of an ask: answered exactly once, or closed.
//!
//! Life of a reply:
//! 1. [`reply`], an [`Address`](super::Address) or a [`Turn`](super::Turn) makes both ends; the
//!    [`ReplyTo`] travels in the message.
//! 2. Whoever handles the message answers through it, once.
//! 3. If it is dropped instead (a crash, a refusal, an end), the reply closes.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::moments::moment;
use super::reply_slot::ReplySlot;
use super::seam::{Look, Seam, Source};
use super::sync::channel::{Receiver, bounded};

/// The end that answers; dropping it unanswered closes the reply.
pub struct ReplyTo<T>(Option<Asker<T>>);

enum Asker<T> {
    /// A caller, which waits at its slot.
    Caller(Arc<ReplySlot<T>>),
    /// An actor, whose reply slot has room reserved.
    Actor(Box<dyn FnOnce(Result<T, Closed>) + Send>),
}

impl<T> ReplyTo<T> {
    pub(crate) fn to_actor(deliver: Box<dyn FnOnce(Result<T, Closed>) + Send>) -> Self {
        Self(Some(Asker::Actor(deliver)))
    }

    /// Answers; an answer that nobody waits for any more is dropped.
    pub fn answer(mut self, value: T) {
        moment();
        match self.0.take() {
            Some(Asker::Caller(slot)) => slot.fill(Some(value)),
            Some(Asker::Actor(deliver)) => deliver(Ok(value)),
            None => {}
        }
        moment();
    }
}

impl<T> Drop for ReplyTo<T> {
    fn drop(&mut self) {
        match self.0.take() {
            Some(Asker::Caller(slot)) => slot.fill(None),
            Some(Asker::Actor(deliver)) => deliver(Err(Closed)),
            None => {}
        }
    }
}

impl<T> fmt::Debug for ReplyTo<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReplyTo { .. }")
    }
}

/// The end that waits.
pub struct Reply<T> {
    slot: Arc<ReplySlot<T>>,
    /// Where the answer goes once somebody has asked for a channel.
    channel: OnceLock<Receiver<T>>,
    seam: Seam,
}

impl<T> Reply<T> {
    /// Waits for the answer.
    ///
    /// # Errors
    /// [`Closed`] when the other end was dropped unanswered.
    pub fn wait(self) -> Result<T, Closed> {
        self.receive(None).map_err(|_| Closed)
    }

    /// As [`wait`](Self::wait), for a reply that is kept; a second wait finds it closed.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub fn wait_here(&self) -> Result<T, Closed> {
        self.receive(None).map_err(|_| Closed)
    }

    /// Waits for the answer at most that long.
    ///
    /// # Errors
    /// [`Waited::Closed`] as for [`wait`](Reply::wait); [`Waited::TimedOut`] when the answer may
    /// still come.
    pub fn wait_for(&self, limit: Duration) -> Result<T, Waited> {
        self.receive(Some(limit))
    }

    /// Takes the answer if it is there, without waiting.
    #[must_use]
    pub fn try_take(&self) -> Option<Result<T, Closed>> {
        self.look().map(|found| found.map_err(|_| Closed))
    }

    /// Returns whether the answer is there, or will never come, without taking it.
    pub(crate) fn is_there(&self) -> bool {
        self.slot.is_filled()
    }

    /// Lends a channel on which the answer arrives, to select over.
    #[must_use]
    pub fn receiver(&self) -> &Receiver<T> {
        self.channel.get_or_init(|| {
            let (sender, receiver) = bounded(1);
            self.slot.forward_to(sender);
            receiver
        })
    }

    fn receive(&self, limit: Option<Duration>) -> Result<T, Waited> {
        match self.channel.get() {
            Some(channel) => self.seam.receive(channel, limit),
            None => self.seam.receive(&*self.slot, limit),
        }
    }

    fn look(&self) -> Look<T> {
        match self.channel.get() {
            Some(channel) => channel.look(),
            None => self.slot.look(),
        }
    }
}

impl<T> fmt::Debug for Reply<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reply { .. }")
    }
}

/// The reply was closed unanswered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the reply was closed unanswered")]
pub struct Closed;

/// Why a wait with a limit ended without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Waited {
    /// No answer will come.
    #[error("the reply was closed unanswered")]
    Closed,
    /// The limit passed; the answer may still come.
    #[error("no answer within the limit")]
    TimedOut,
}

/// Returns both ends of a reply, for tests that play one side by hand.
#[must_use]
pub fn reply<T>() -> (ReplyTo<T>, Reply<T>) {
    reply_through(Seam::Plain)
}

pub(crate) fn reply_through<T>(seam: Seam) -> (ReplyTo<T>, Reply<T>) {
    let slot = ReplySlot::new();
    let to = ReplyTo(Some(Asker::Caller(Arc::clone(&slot))));
    let reply = Reply {
        slot,
        channel: OnceLock::new(),
        seam,
    };
    (to, reply)
}
