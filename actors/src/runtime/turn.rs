//! A turn: what an actor can do while it is called.

use super::desk::Desk;
use super::moments::moment;
use super::{Actor, Address, Clock, Closed, NotDelivered, ReplyTo};

/// The runtime, as one call of an actor sees it; nothing here ever waits.
pub struct Turn<'a, A: Actor> {
    desk: &'a mut Desk<A::Answer>,
    kept: &'a mut A::Kept,
}

impl<'a, A: Actor> Turn<'a, A> {
    pub(crate) fn new(desk: &'a mut Desk<A::Answer>, kept: &'a mut A::Kept) -> Self {
        Self { desk, kept }
    }

    /// Sends a message; one that finds no room waits in the runtime's outbox, in order.
    ///
    /// While the outbox holds something, this actor is given nothing but answers. A message whose
    /// receiver ends while it waits there is refused by the receiver's [`Actor::refuse`].
    ///
    /// # Errors
    /// [`NotDelivered::Ended`] with the message when the receiver has ended already; never
    /// [`NotDelivered::Full`].
    pub fn tell<M: Send + 'static>(
        &mut self,
        to: &Address<M>,
        message: M,
    ) -> Result<(), NotDelivered<M>> {
        moment();
        let told = self.desk.tell(to.mailbox(), message);
        moment();
        told
    }

    /// Asks another actor; the answer is served before the inbox, as what `becomes` makes of it.
    ///
    /// A reply that was dropped arrives as [`Closed`], also when the receiver has ended. An answer
    /// that arrives after a crash of the asker is dropped. Up to
    /// [`ANSWER_SLOT_CAPACITY`](super::ANSWER_SLOT_CAPACITY) answers may be under way; a question
    /// beyond that waits in the outbox.
    pub fn ask<M: Send + 'static, T: Send + 'static>(
        &mut self,
        to: &Address<M>,
        message: impl FnOnce(ReplyTo<T>) -> M,
        becomes: impl FnOnce(Result<T, Closed>) -> A::Answer + Send + 'static,
    ) {
        moment();
        self.desk.ask(to.mailbox(), message, becomes);
        moment();
    }

    /// Sets the one timer to a time of [`Clock::monotonic_us`]; an earlier setting is forgotten.
    ///
    /// A timer that is due waits until the outbox is empty. It dies with its incarnation.
    pub fn set_timer(&mut self, at_us: u64) {
        self.desk.timer_at_us = Some(at_us);
    }

    /// Clears the timer.
    pub fn clear_timer(&mut self) {
        self.desk.timer_at_us = None;
    }

    /// Asks for one call of [`Actor::resume`], after everything else that waits had its call.
    ///
    /// The continuation dies with its incarnation.
    pub fn continue_later(&mut self) {
        self.desk.continues = true;
    }

    /// Says that so many callers are answered now who may ask again at once.
    ///
    /// A host that spins may then offer the next group a moment later, with them in it. Nothing
    /// may rest on it.
    pub fn expect_again(&mut self, callers: usize) {
        self.desk.hold.expect_again(callers);
    }

    /// Lends the state that outlives restarts.
    pub fn kept(&mut self) -> &mut A::Kept {
        self.kept
    }

    /// Returns the system's clock.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        &*self.desk.clock
    }

    /// Returns how often this actor was restarted.
    #[must_use]
    pub fn restarts(&self) -> u32 {
        self.desk.restarts
    }
}

impl<A: Actor> std::fmt::Debug for Turn<'_, A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Turn")
            .field("restarts", &self.desk.restarts)
            .finish_non_exhaustive()
    }
}
