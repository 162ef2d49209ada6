//! What the runtime asks of an actor.

use super::{ExitReason, Fault, Queued, Turn};

/// A struct with private state that the runtime calls, one call at a time.
///
/// Life of an actor:
/// 1. Its factory builds it on its host, at the start and again after each crash.
/// 2. [`started`](Actor::started) is called once per incarnation, before anything else.
/// 3. In each pass its answers are served, then what is queued, then its timer, then its
///    continuation.
/// 4. It ends by [`Next::Stop`], by [`Fault::Poison`] or by a spent restart policy; from then on
///    every message is refused.
///
/// No call may block: a wait inside an actor stops every actor of its host.
pub trait Actor: Send + Sized + 'static {
    /// What the actor is sent: a closed enum.
    type Message: Send + 'static;

    /// What the answers of actors that this one asked become: a closed enum.
    type Answer: Send + 'static;

    /// State that outlives a restart: owned by the runtime, lent through [`Turn::kept`].
    type Kept: Send + 'static;

    /// Is called once per incarnation, before anything is served.
    ///
    /// # Errors
    /// A fault ends the incarnation, like one of [`handle`](Actor::handle).
    fn started(&mut self, turn: &mut Turn<'_, Self>) -> Result<Next, Fault> {
        let _ = turn;
        Ok(Next::Open)
    }

    /// Handles what is queued, as a group.
    ///
    /// Takes what it can from `queued`. What it leaves is offered again in the next pass, together
    /// with what has arrived by then; a call that takes nothing is repeated only after a new
    /// message, an answer, a timer or a continuation.
    ///
    /// # Errors
    /// [`Fault::Crash`] restarts the actor within its policy, [`Fault::Poison`] ends it.
    fn handle(
        &mut self,
        queued: &mut Queued<Self::Message>,
        turn: &mut Turn<'_, Self>,
    ) -> Result<Next, Fault>;

    /// Takes the answer to something that this actor asked.
    ///
    /// # Errors
    /// As [`handle`](Actor::handle).
    fn answered(&mut self, answer: Self::Answer, turn: &mut Turn<'_, Self>) -> Result<Next, Fault> {
        let _ = (answer, turn);
        Ok(Next::Open)
    }

    /// Is called when the time of [`Turn::set_timer`] has come.
    ///
    /// # Errors
    /// As [`handle`](Actor::handle).
    fn timer(&mut self, turn: &mut Turn<'_, Self>) -> Result<Next, Fault> {
        let _ = turn;
        Ok(Next::Open)
    }

    /// Goes on with what [`Turn::continue_later`] has put off.
    ///
    /// # Errors
    /// As [`handle`](Actor::handle).
    fn resume(&mut self, turn: &mut Turn<'_, Self>) -> Result<Next, Fault> {
        let _ = turn;
        Ok(Next::Open)
    }

    /// Answers a message that will never be handled because the actor has ended.
    ///
    /// By default the message is dropped, which closes the replies in it. May be called on any
    /// thread that meets such a message.
    fn refuse(message: Self::Message, reason: &ExitReason) {
        let _ = (message, reason);
    }
}

/// What an actor wants next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Anything.
    ///
    /// From a timer or a continuation this leaves a wait for an answer in force.
    Open,
    /// Nothing from the inbox until an answer was served.
    ///
    /// It is a crash to wait without having asked.
    AwaitAnswer,
    /// Nothing more: the actor ends.
    ///
    /// What it told before is still delivered.
    Stop,
}
