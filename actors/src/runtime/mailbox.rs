//! The mailbox: a bounded channel, its budget, its end, and who must be woken.
//!
//! Shared by all addresses of an actor and its cell. Once it has ended, no message stays in it:
//! 1. The end is marked first, so that later senders get their message back.
//! 2. Then the cell refuses what is inside.
//! 3. A sender that slipped in between the mark and the look sees the mark after it has woken the
//!    host, and refuses the message itself.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use super::ExitReason;
use super::budget::{ByteBudget, Granted};
use super::clock::Stopwatch;
use super::health::Status;
use super::host::HostSignal;
use super::seam::Seam;
use super::sync::atomic::{AtomicBool, Ordering};
use super::sync::channel::{Receiver, SendError, SendTimeoutError, Sender, TrySendError, bounded};
use super::sync::{Mutex, OnceCell};

/// Weighs a message in bytes; always the same for the same message.
pub type Weigh<M> = fn(&M) -> usize;

/// What a mailbox is made of.
pub struct MailboxSpec<M> {
    /// The actor's name in health reports.
    pub name: &'static str,
    /// How many messages wait at most; a full mailbox is back-pressure.
    ///
    /// As many again may have been offered to the actor and not been taken.
    pub capacity: usize,
    /// How many bytes wait at most, and how to weigh a message: so many bytes, or one message.
    ///
    /// A message without weight always fits.
    pub byte_budget: Option<(usize, Weigh<M>)>,
}

impl<M> fmt::Debug for MailboxSpec<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailboxSpec")
            .field("name", &self.name)
            .field("capacity", &self.capacity)
            .field("bytes", &self.byte_budget.map(|(bytes, _)| bytes))
            .finish()
    }
}

/// A message that was not delivered, and comes back.
#[derive(Clone, PartialEq, Eq)]
pub enum NotDelivered<M> {
    /// The mailbox was full, or its byte budget was spent.
    Full(M),
    /// The actor has ended.
    Ended(M, ExitReason),
}

impl<M> NotDelivered<M> {
    /// Returns the message.
    pub fn into_message(self) -> M {
        match self {
            Self::Full(message) | Self::Ended(message, _) => message,
        }
    }
}

impl<M> fmt::Display for NotDelivered<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(_) => f.write_str("the mailbox is full"),
            Self::Ended(_, reason) => write!(f, "the actor has ended: {reason}"),
        }
    }
}

/// Tells the reason and not the message, which need not be printable.
impl<M> fmt::Debug for NotDelivered<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NotDelivered({self})")
    }
}

impl<M> std::error::Error for NotDelivered<M> {}

pub(crate) struct Mailbox<M> {
    pub(crate) name: &'static str,
    pub(crate) capacity: usize,
    pub(crate) status: Status,
    pub(crate) signal: Arc<HostSignal>,
    sender: Sender<M>,
    receiver: Receiver<M>,
    budget: Option<(ByteBudget, Weigh<M>)>,
    refuse: fn(M, &ExitReason),
    ended: OnceCell<ExitReason>,
    waiting: WaitingHosts,
}

impl<M> Mailbox<M> {
    pub(crate) fn new(
        spec: MailboxSpec<M>,
        refuse: fn(M, &ExitReason),
        signal: Arc<HostSignal>,
    ) -> Self {
        let capacity = spec.capacity.max(1);
        let (sender, receiver) = bounded(capacity);
        Self {
            name: spec.name,
            capacity,
            status: Status::new(),
            signal,
            sender,
            receiver,
            budget: spec
                .byte_budget
                .map(|(bytes, weigh)| (ByteBudget::new(bytes), weigh)),
            refuse,
            ended: OnceCell::new(),
            waiting: WaitingHosts::new(),
        }
    }

    /// Sends without waiting.
    pub(crate) fn try_send(&self, message: M) -> Result<(), NotDelivered<M>> {
        self.try_send_quietly(message)?;
        self.announce();
        Ok(())
    }

    /// Sends without waiting, from an actor on `host`. One that is on the same host is not woken:
    /// the pass that is under way, or the one after it, comes to the message.
    pub(crate) fn try_send_from(
        &self,
        host: &Arc<HostSignal>,
        message: M,
    ) -> Result<(), NotDelivered<M>> {
        match Arc::ptr_eq(&self.signal, host) {
            true => self.try_send_quietly(message),
            false => self.try_send(message),
        }
    }

    /// Sends without waiting and without waking the host: by whoever runs it.
    pub(crate) fn try_send_quietly(&self, message: M) -> Result<(), NotDelivered<M>> {
        if self.ended.get().is_some() {
            return Err(self.not_delivered(message));
        }
        let bytes = self.weigh(&message);
        if !self
            .budget
            .as_ref()
            .is_none_or(|(budget, _)| budget.try_take(bytes))
        {
            return Err(NotDelivered::Full(message));
        }
        self.sender.try_send(message).map_err(|error| {
            self.give_back(bytes);
            NotDelivered::Full(error.into_inner())
        })
    }

    /// Sends, and blocks the thread while there is no room, at most that long if a limit is given.
    pub(crate) fn send(&self, message: M, limit: Option<Duration>) -> Result<(), NotDelivered<M>> {
        if self.ended.get().is_some() {
            return Err(self.not_delivered(message));
        }
        // The wait for bytes and the wait for a place share the limit.
        let limited = limit.map(|limit| (Stopwatch::start(), limit));
        let bytes = self.weigh(&message);
        let granted = match &self.budget {
            Some((budget, _)) => budget.take(bytes, limit, || self.ended.get().is_some()),
            None => Granted::Yes,
        };
        if granted != Granted::Yes {
            return Err(self.not_delivered(message));
        }
        let sent = match limited {
            None => self.sender.send(message).map_err(SendError::into_inner),
            Some((watch, limit)) => match watch.left_of(limit) {
                // Whoever will not wait is not made to spin either.
                Duration::ZERO => self
                    .sender
                    .try_send(message)
                    .map_err(TrySendError::into_inner),
                left => self
                    .sender
                    .send_timeout(message, left)
                    .map_err(SendTimeoutError::into_inner),
            },
        };
        if let Err(message) = sent {
            self.give_back(bytes);
            // A host may have found no room because of these bytes, while the channel had some.
            self.room_was_made();
            return Err(self.not_delivered(message));
        }
        self.announce();
        Ok(())
    }

    /// Takes the oldest message out of the channel; its bytes count until they are given back.
    pub(crate) fn take(&self) -> Option<M> {
        self.receiver.try_recv().ok()
    }

    /// Wakes the hosts that wait to send here.
    pub(crate) fn room_was_made(&self) {
        self.waiting.wake_all();
    }

    pub(crate) fn give_back_bytes(&self, message: &M) {
        let bytes = self.weigh(message);
        self.give_back(bytes);
    }

    /// Asks to be woken once there is room; whoever asks looks again afterwards.
    pub(crate) fn wake_when_room(&self, host: &Arc<HostSignal>) {
        self.waiting.register(host);
    }

    /// Marks the end, then refuses all that waits and wakes all that would send.
    ///
    /// What the actor held goes once the end is marked, and what it was offered and left is older
    /// than what lies here, so it is refused first.
    pub(crate) fn end(&self, reason: ExitReason, release: impl FnOnce()) {
        if self.ended.set(reason).is_err() {
            return;
        }
        release();
        self.refuse_waiting();
        if let Some((budget, _)) = &self.budget {
            budget.wake_waiters();
        }
        self.room_was_made();
    }

    /// Refuses what lies in the mailbox of an actor that has ended; returns whether any did.
    pub(crate) fn refuse_waiting(&self) -> bool {
        let mut any = false;
        while let Some(message) = self.take() {
            self.give_back_bytes(&message);
            self.refuse(message);
            any = true;
        }
        any
    }

    /// Refuses one message of an actor that has ended.
    pub(crate) fn refuse(&self, message: M) {
        self.status.count_refused();
        self.refuse_returned(message);
    }

    /// Refuses a message that has come back already.
    pub(crate) fn refuse_returned(&self, message: M) {
        let Some(reason) = self.ended.get() else {
            return;
        };
        let refuse = self.refuse;
        // The thread that meets a refused message did not write `refuse` and must not die of it;
        // what a panic drops are replies, which close.
        let _outcome = catch_unwind(AssertUnwindSafe(|| refuse(message, reason)));
    }

    pub(crate) fn exit_reason(&self) -> Option<&ExitReason> {
        self.ended.get()
    }

    /// Returns how many messages wait, in the channel and in what the actor was offered.
    pub(crate) fn depth(&self) -> usize {
        self.sender.len() + self.status.queued()
    }

    /// Returns how many messages wait in the channel.
    pub(crate) fn arrived(&self) -> usize {
        self.receiver.len()
    }

    /// Tells the host about a message that was just sent.
    pub(crate) fn announce(&self) {
        self.signal.wake();
        if self.ended.get().is_some() {
            self.refuse_waiting();
        }
    }

    /// Gives a message back to its sender.
    pub(crate) fn not_delivered(&self, message: M) -> NotDelivered<M> {
        match self.ended.get() {
            Some(reason) => {
                self.status.count_refused();
                NotDelivered::Ended(message, reason.clone())
            }
            None => NotDelivered::Full(message),
        }
    }

    fn weigh(&self, message: &M) -> usize {
        self.budget.as_ref().map_or(0, |(_, weigh)| weigh(message))
    }

    fn give_back(&self, bytes: usize) {
        if let Some((budget, _)) = &self.budget {
            budget.give_back(bytes);
        }
    }
}

impl<M> Mailbox<M> {
    /// Sends through the seam: steps the system, or blocks the thread.
    pub(crate) fn send_through(
        &self,
        seam: &Seam,
        message: M,
        limit: Option<Duration>,
    ) -> Result<(), NotDelivered<M>> {
        let Some(stepper) = seam.stepper() else {
            return self.send(message, limit);
        };
        let mut waiting = Some(message);
        let sent = stepper.step_until(limit, || match self.try_send(waiting.take()?) {
            Ok(()) => Some(Ok(())),
            Err(NotDelivered::Full(message)) => {
                waiting = Some(message);
                None
            }
            Err(ended) => Some(Err(ended)),
        });
        match (sent, waiting) {
            (Some(outcome), _) => outcome,
            (None, Some(message)) => Err(NotDelivered::Full(message)),
            (None, None) => Ok(()),
        }
    }
}

/// The hosts whose outboxes wait for room in one mailbox.
///
/// A host registers and then tries again; the receiver makes room and then looks here. Both look
/// by a read-modify-write of the flag, so the later one sees what the earlier one did.
struct WaitingHosts {
    any: AtomicBool,
    hosts: Mutex<Vec<Arc<HostSignal>>>,
}

impl WaitingHosts {
    fn new() -> Self {
        Self {
            any: AtomicBool::new(false),
            hosts: Mutex::new(Vec::new()),
        }
    }

    fn register(&self, host: &Arc<HostSignal>) {
        let mut hosts = self.hosts.lock();
        if !hosts.iter().any(|known| Arc::ptr_eq(known, host)) {
            hosts.push(Arc::clone(host));
        }
        self.any.swap(true, Ordering::AcqRel);
    }

    fn wake_all(&self) {
        if !self.any.swap(false, Ordering::AcqRel) {
            return;
        }
        let hosts = std::mem::take(&mut *self.hosts.lock());
        for host in hosts {
            host.wake();
        }
    }
}
