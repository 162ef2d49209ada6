//! What an actor sent and no mailbox had room for yet.
//!
//! Everything leaves in the order in which it was sent, whoever it is for. While something waits
//! here the actor is given nothing but answers, so the outbox holds no more than one call has
//! sent.

use std::collections::VecDeque;
use std::sync::Arc;

use super::NotDelivered;
use super::host::HostSignal;
use super::mailbox::Mailbox;

pub(crate) struct Outbox {
    waiting: VecDeque<Entry>,
    signal: Arc<HostSignal>,
    /// How many more answers the reply slot has room for.
    answer_room: usize,
}

struct Entry {
    /// Whether room for the answer must still be reserved.
    needs_answer_room: bool,
    parcel: Box<dyn Deliver>,
}

/// A message with its destination.
trait Deliver: Send {
    /// Delivers or refuses the message; returns whether it is gone.
    fn deliver(&mut self, signal: &Arc<HostSignal>) -> bool;
}

struct Parcel<M> {
    mailbox: Arc<Mailbox<M>>,
    message: Option<M>,
}

impl Outbox {
    pub(crate) fn new(signal: Arc<HostSignal>, answer_room: usize) -> Self {
        Self {
            waiting: VecDeque::new(),
            signal,
            answer_room,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Sends, or keeps what finds no room; gives the message back when the receiver has ended.
    pub(crate) fn tell<M: Send + 'static>(
        &mut self,
        mailbox: &Arc<Mailbox<M>>,
        message: M,
    ) -> Result<(), NotDelivered<M>> {
        if mailbox.exit_reason().is_some() {
            return Err(mailbox.not_delivered(message));
        }
        let message = match self.send_now(mailbox, message) {
            Err(NotDelivered::Full(message)) => message,
            sent_or_ended => return sent_or_ended,
        };
        self.keep(mailbox, message, false);
        Ok(())
    }

    /// Sends a question once the reply slot has room for its answer.
    pub(crate) fn ask<M: Send + 'static>(&mut self, mailbox: &Arc<Mailbox<M>>, message: M) {
        let needs_answer_room = !self.is_empty() || self.answer_room == 0;
        if needs_answer_room {
            self.keep(mailbox, message, true);
            return;
        }
        self.answer_room -= 1;
        match mailbox.try_send_from(&self.signal, message) {
            Err(NotDelivered::Full(message)) => self.keep(mailbox, message, false),
            // A question to an actor that has ended is dropped, which closes its reply.
            Ok(()) | Err(NotDelivered::Ended(..)) => {}
        }
    }

    /// Notes that an answer has left the reply slot.
    pub(crate) fn answer_was_taken(&mut self) {
        self.answer_room += 1;
    }

    /// Delivers what finds room now; returns whether anything left.
    pub(crate) fn flush(&mut self) -> bool {
        let before = self.waiting.len();
        while let Some(entry) = self.waiting.front_mut() {
            if entry.needs_answer_room {
                if self.answer_room == 0 {
                    break;
                }
                self.answer_room -= 1;
                entry.needs_answer_room = false;
            }
            if !entry.parcel.deliver(&self.signal) {
                break;
            }
            self.waiting.pop_front();
        }
        self.waiting.len() < before
    }

    fn send_now<M>(&self, mailbox: &Mailbox<M>, message: M) -> Result<(), NotDelivered<M>> {
        if self.is_empty() {
            mailbox.try_send_from(&self.signal, message)
        } else {
            Err(NotDelivered::Full(message))
        }
    }

    fn keep<M: Send + 'static>(
        &mut self,
        mailbox: &Arc<Mailbox<M>>,
        message: M,
        needs_answer_room: bool,
    ) {
        let parcel = Box::new(Parcel {
            mailbox: Arc::clone(mailbox),
            message: Some(message),
        });
        self.waiting.push_back(Entry {
            needs_answer_room,
            parcel,
        });
    }
}

impl<M: Send + 'static> Deliver for Parcel<M> {
    fn deliver(&mut self, signal: &Arc<HostSignal>) -> bool {
        if self.try_once(signal) {
            return true;
        }
        // Room that was made before the registration is seen by the second try, room that is
        // made after it wakes this host.
        self.mailbox.wake_when_room(signal);
        self.try_once(signal)
    }
}

impl<M> Parcel<M> {
    fn try_once(&mut self, signal: &Arc<HostSignal>) -> bool {
        let Some(message) = self.message.take() else {
            return true;
        };
        match self.mailbox.try_send_from(signal, message) {
            Ok(()) => true,
            Err(NotDelivered::Full(message)) => {
                self.message = Some(message);
                false
            }
            Err(NotDelivered::Ended(message, _)) => {
                self.mailbox.refuse_returned(message);
                true
            }
        }
    }
}
