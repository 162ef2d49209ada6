//! What an actor is offered: the messages that its inbox has given up.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use super::mailbox::Mailbox;
use super::moments::moment;

/// The messages that wait for one actor's next call, oldest first.
///
/// The queue belongs to the runtime: what is left in it survives a panic of the actor and is
/// offered to the next incarnation. Bytes count against the mailbox's budget until they are
/// popped.
pub struct Queued<M> {
    messages: VecDeque<M>,
    mailbox: Option<Arc<Mailbox<M>>>,
}

impl<M> Queued<M> {
    pub(crate) fn of_mailbox(mailbox: Arc<Mailbox<M>>) -> Self {
        Self {
            messages: VecDeque::new(),
            mailbox: Some(mailbox),
        }
    }

    /// Takes the oldest message.
    pub fn pop(&mut self) -> Option<M> {
        let message = self.messages.pop_front()?;
        if let Some(mailbox) = &self.mailbox {
            mailbox.give_back_bytes(&message);
        }
        moment();
        Some(message)
    }

    /// Lends the oldest message without taking it.
    #[must_use]
    pub fn peek(&self) -> Option<&M> {
        self.messages.front()
    }

    /// Returns how many messages wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Returns whether no message waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    pub(crate) fn push(&mut self, message: M) {
        self.messages.push_back(message);
    }
}

/// Makes a queue by hand, for tests that call an actor without a system.
impl<M> FromIterator<M> for Queued<M> {
    fn from_iter<I: IntoIterator<Item = M>>(messages: I) -> Self {
        Self {
            messages: messages.into_iter().collect(),
            mailbox: None,
        }
    }
}

impl<M> fmt::Debug for Queued<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queued")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
