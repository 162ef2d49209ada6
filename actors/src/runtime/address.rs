//! An address: what a caller holds of an actor.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::mailbox::Mailbox;
use super::reply::reply_through;
use super::seam::Seam;
use super::sync::channel::Receiver;
use super::{Closed, ExitReason, NotDelivered, Reply, ReplyTo, Waited};

/// Sends messages to one actor, through all of its incarnations.
///
/// The calls here are for ordinary threads and for tasks. An actor speaks through its
/// [`Turn`](super::Turn), which never waits.
pub struct Address<M> {
    mailbox: Arc<Mailbox<M>>,
    seam: Seam,
}

impl<M> Address<M> {
    pub(crate) fn new(mailbox: Arc<Mailbox<M>>, seam: Seam) -> Self {
        Self { mailbox, seam }
    }

    /// Asks, and waits while the mailbox is full or its byte budget is spent.
    ///
    /// # Errors
    /// [`NotDelivered::Ended`] with the message when the actor has ended.
    pub fn ask<T>(
        &self,
        message: impl FnOnce(ReplyTo<T>) -> M,
    ) -> Result<Reply<T>, NotDelivered<M>> {
        let (to, reply) = reply_through(self.seam.clone());
        self.tell(message(to))?;
        Ok(reply)
    }

    /// Asks, and runs the actor's host on this thread when nobody else does: then the answer is
    /// there without a switch between threads, unless it needs another host. Callers that meet take
    /// turns, unless the actor gathers them. Where that cannot be, as [`ask`](Address::ask).
    ///
    /// # Errors
    /// [`NotDelivered::Ended`] with the message when the actor has ended.
    pub fn ask_here<T>(
        &self,
        message: impl FnOnce(ReplyTo<T>) -> M,
    ) -> Result<Reply<T>, NotDelivered<M>> {
        let (to, reply) = reply_through(self.seam.clone());
        let mut message = Some(message(to));
        if let Seam::Threads { host, .. } = &self.seam {
            let is_answered = || reply.is_there();
            let mut send = || match message.take() {
                Some(message) => self.mailbox.try_send_quietly(message),
                None => Ok(()),
            };
            let sent = match host.is_gathering() {
                true => host.run_as_guest(send, is_answered),
                false => Some(send().map(|()| {
                    host.share_seat(is_answered);
                    if !is_answered() {
                        self.mailbox.announce();
                    }
                })),
            };
            match sent {
                Some(Ok(())) => return Ok(reply),
                Some(Err(NotDelivered::Full(back))) => message = Some(back),
                Some(Err(ended)) => return Err(ended),
                None => {}
            }
        }
        if let Some(message) = message {
            self.tell(message)?;
        }
        Ok(reply)
    }

    /// Returns both ends of a reply that travels in a message beside another one.
    #[must_use]
    pub fn reply<T>(&self) -> (ReplyTo<T>, Reply<T>) {
        reply_through(self.seam.clone())
    }

    /// Asks without waiting for room.
    ///
    /// # Errors
    /// [`NotDelivered::Full`] or [`NotDelivered::Ended`], with the message.
    pub fn try_ask<T>(
        &self,
        message: impl FnOnce(ReplyTo<T>) -> M,
    ) -> Result<Reply<T>, NotDelivered<M>> {
        let (to, reply) = reply_through(self.seam.clone());
        self.mailbox.try_send(message(to))?;
        Ok(reply)
    }

    /// Asks, and waits for room at most about that long.
    ///
    /// # Errors
    /// [`NotDelivered::Full`] when there was no room for so long, [`NotDelivered::Ended`] when
    /// the actor has ended; both with the message.
    pub fn ask_within<T>(
        &self,
        message: impl FnOnce(ReplyTo<T>) -> M,
        limit: Duration,
    ) -> Result<Reply<T>, NotDelivered<M>> {
        let (to, reply) = reply_through(self.seam.clone());
        self.mailbox
            .send_through(&self.seam, message(to), Some(limit))?;
        Ok(reply)
    }

    /// Sends a message that has no reply, and waits for room like [`ask`](Address::ask).
    ///
    /// # Errors
    /// [`NotDelivered::Ended`] with the message when the actor has ended.
    pub fn tell(&self, message: M) -> Result<(), NotDelivered<M>> {
        self.mailbox.send_through(&self.seam, message, None)
    }

    /// Waits for a message on a channel that this actor, or one beside it, sends to.
    ///
    /// # Errors
    /// [`Closed`] once every sender is gone and all was received.
    pub fn receive<T>(&self, from: &Receiver<T>) -> Result<T, Closed> {
        self.seam.receive_idle(from, None).map_err(|_| Closed)
    }

    /// As [`receive`](Address::receive), at most that long.
    ///
    /// # Errors
    /// [`Waited::Closed`] as for [`receive`](Address::receive); [`Waited::TimedOut`] when the limit
    /// has passed.
    pub fn receive_within<T>(&self, from: &Receiver<T>, limit: Duration) -> Result<T, Waited> {
        self.seam.receive_idle(from, Some(limit))
    }

    /// Returns how many messages wait, those that the actor was offered and left included.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.mailbox.depth()
    }

    /// Returns how many messages wait at most before senders have to.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.mailbox.capacity
    }

    /// Returns whether the actor still takes messages.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.mailbox.exit_reason().is_none()
    }

    /// Returns why the actor has ended, if it has.
    #[must_use]
    pub fn exit_reason(&self) -> Option<ExitReason> {
        self.mailbox.exit_reason().cloned()
    }

    pub(crate) fn mailbox(&self) -> &Arc<Mailbox<M>> {
        &self.mailbox
    }
}

impl<M> Clone for Address<M> {
    fn clone(&self) -> Self {
        Self {
            mailbox: Arc::clone(&self.mailbox),
            seam: self.seam.clone(),
        }
    }
}

impl<M> fmt::Debug for Address<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Address").field(&self.mailbox.name).finish()
    }
}
