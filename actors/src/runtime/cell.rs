//! A cell: one actor with everything that the runtime keeps for it.
//!
//! A cell runs in passes on its host, and supervises its actor: each call is caught, a crash
//! rebuilds the actor in the next pass on the same inbox, queue, outbox and kept state.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::desk::Desk;
use super::fault::panic_message;
use super::mailbox::Mailbox;
use super::moments::inside_actor;
use super::restart::RestartBudget;
use super::{Actor, ExitReason, Fault, Next, Queued, Restart, Turn};

/// A cell, whatever its actor.
pub(crate) trait Run: Send {
    /// Gives the actor what waits for it, once; returns whether anything was done. A patient host
    /// comes back soon, so that a group may be held back for a moment.
    fn pass(&mut self, patient: bool) -> bool;

    /// Returns whether a group is held back.
    fn is_held(&self) -> bool;

    /// Returns whether the actor has answered callers, since this was asked, whose next questions
    /// belong into one group.
    fn take_gathered(&mut self) -> bool;

    /// Returns when the cell must be passed again even if nobody wakes its host.
    fn next_timer_us(&self) -> Option<u64>;

    /// Returns whether the actor has ended and all that it told has left.
    fn is_done(&self) -> bool;

    /// Refuses once more what may have raced into the mailbox of an ended actor.
    fn refuse_waiting(&self) -> bool;
}

pub(crate) struct Cell<A: Actor, F> {
    mailbox: Arc<Mailbox<A::Message>>,
    queued: Queued<A::Message>,
    desk: Desk<A::Answer>,
    /// Goes with the actor when it ends for good, so that whoever waits on it is told.
    kept: Option<A::Kept>,
    factory: F,
    budget: RestartBudget,
    actor: Option<A>,
    awaits_answer: bool,
    /// Whether the last group was left untouched and nothing has changed since.
    refused_group: bool,
    ended: bool,
}

impl<A, F> Cell<A, F>
where
    A: Actor,
    F: FnMut(Restart, &mut A::Kept) -> Result<A, Fault>,
{
    pub(crate) fn new(
        mailbox: Arc<Mailbox<A::Message>>,
        desk: Desk<A::Answer>,
        budget: RestartBudget,
        kept: A::Kept,
        factory: F,
    ) -> Self {
        Self {
            queued: Queued::of_mailbox(Arc::clone(&mailbox)),
            mailbox,
            desk,
            kept: Some(kept),
            factory,
            budget,
            actor: None,
            awaits_answer: false,
            refused_group: false,
            ended: false,
        }
    }

    fn build(&mut self) {
        let restart = Restart {
            count: self.budget.granted(),
        };
        let (factory, Some(kept)) = (&mut self.factory, &mut self.kept) else {
            return;
        };
        let build = || inside_actor(|| factory(restart, kept));
        match catch_unwind(AssertUnwindSafe(build)) {
            Ok(Ok(actor)) => {
                self.actor = Some(actor);
                self.call(|actor, _, turn| actor.started(turn));
            }
            Ok(Err(fault)) => self.fail(fault),
            Err(payload) => self.fail(Fault::Crash(panic_message(&*payload))),
        }
    }

    fn serve_answers(&mut self) -> bool {
        let mut any = false;
        while self.actor.is_some()
            && let Some(open) = self.desk.next_answer()
        {
            any = true;
            self.awaits_answer = false;
            self.call(|actor, _, turn| actor.answered(open(), turn));
        }
        any
    }

    fn serve_inbox(&mut self, patient: bool) -> bool {
        let arrived = self.fill_queue();
        if patient && self.desk.hold.holds_back(self.queued.len()) {
            return arrived;
        }
        if self.queued.is_empty() || (self.refused_group && !arrived) {
            return arrived;
        }
        let before = self.queued.len();
        self.call(Actor::handle);
        let taken = self.queued.len() < before;
        self.refused_group = !taken;
        self.note_queue(taken);
        true
    }

    /// Moves what has arrived into the queue, which holds as much again as the mailbox.
    fn fill_queue(&mut self) -> bool {
        let before = self.queued.len();
        while self.queued.len() < self.mailbox.capacity
            && let Some(message) = self.mailbox.take()
        {
            self.queued.push(message);
        }
        let arrived = self.queued.len() > before;
        self.note_queue(arrived);
        arrived
    }

    fn note_queue(&self, changed: bool) {
        if changed {
            self.mailbox.status.set_queued(self.queued.len());
            self.mailbox.room_was_made();
        }
    }

    /// Calls the actor and acts on the outcome.
    fn call<C>(&mut self, call: C)
    where
        C: FnOnce(&mut A, &mut Queued<A::Message>, &mut Turn<'_, A>) -> Result<Next, Fault>,
    {
        let (Some(actor), Some(kept)) = (self.actor.as_mut(), self.kept.as_mut()) else {
            return;
        };
        // Whatever the call is about, it may make the actor take what it has left so far.
        self.refused_group = false;
        let queued = &mut self.queued;
        let mut turn = Turn::new(&mut self.desk, kept);
        let call = || inside_actor(|| call(actor, queued, &mut turn));
        match catch_unwind(AssertUnwindSafe(call)) {
            Ok(Ok(Next::Open)) => {}
            Ok(Ok(Next::AwaitAnswer)) if self.desk.awaits() => self.awaits_answer = true,
            Ok(Ok(Next::AwaitAnswer)) => {
                self.fail(Fault::Crash(
                    "waits for an answer without having asked".to_owned(),
                ));
            }
            Ok(Ok(Next::Stop)) => self.end(ExitReason::Stopped),
            Ok(Err(fault)) => self.fail(fault),
            Err(payload) => self.fail(Fault::Crash(panic_message(&*payload))),
        }
        let waiting = || self.mailbox.arrived() + self.queued.len();
        self.desk.hold.expect_beside(waiting);
    }

    fn fail(&mut self, fault: Fault) {
        let (message, heals) = match fault {
            Fault::Crash(message) => (message, true),
            Fault::Poison(message) => (message, false),
        };
        let actor = self.mailbox.name;
        self.mailbox.status.set_fault(&message);
        self.drop_actor();
        if !heals {
            tracing::error!(actor, fault = %message, "an actor is poisoned and ends");
            self.end(ExitReason::Poisoned(message));
        } else if self.budget.grant(self.desk.clock.monotonic_us()) {
            tracing::warn!(actor, fault = %message, "an actor crashed and is restarted");
            self.desk.restarts = self.budget.granted();
            self.mailbox.status.set_restarts(self.budget.granted());
        } else {
            tracing::error!(actor, fault = %message, "an actor has spent its restarts and ends");
            self.end(ExitReason::BudgetSpent(message));
        }
    }

    /// Ends the incarnation: what only it owned goes with it.
    fn drop_actor(&mut self) {
        let actor = self.actor.take();
        // A panic of a destructor adds nothing to the fault that is being handled.
        let _outcome = catch_unwind(AssertUnwindSafe(|| drop(actor)));
        self.desk.forget_incarnation();
        self.awaits_answer = false;
    }
}

impl<A: Actor, F> Cell<A, F> {
    /// Ends the actor for good: first the mark, then the refusals, oldest message first.
    fn end(&mut self, reason: ExitReason) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let held = (self.actor.take(), self.kept.take());
        self.desk.forget_incarnation();
        let mailbox = &self.mailbox;
        let queued = &mut self.queued;
        mailbox.end(reason, || {
            // Whoever is told by what this drops finds the reason marked.
            let _outcome = catch_unwind(AssertUnwindSafe(|| drop(held)));
            while let Some(message) = queued.pop() {
                mailbox.refuse(message);
            }
        });
        self.mailbox.status.set_queued(0);
    }
}

impl<A, F> Run for Cell<A, F>
where
    A: Actor,
    F: FnMut(Restart, &mut A::Kept) -> Result<A, Fault> + Send,
{
    fn pass(&mut self, patient: bool) -> bool {
        if self.ended {
            let refused = self.mailbox.refuse_waiting();
            return self.desk.outbox.flush() || refused;
        }
        let mut worked = self.actor.is_none();
        if worked {
            self.build();
        }
        worked |= self.serve_answers();
        worked |= self.desk.outbox.flush();
        if self.is_free() && !self.awaits_answer {
            worked |= self.serve_inbox(patient);
        }
        if self.is_free() && self.desk.take_due_timer() {
            worked = true;
            self.call(|actor, _, turn| actor.timer(turn));
        }
        if self.is_free() && std::mem::take(&mut self.desk.continues) {
            worked = true;
            self.call(|actor, _, turn| actor.resume(turn));
        }
        worked
    }

    fn is_held(&self) -> bool {
        self.is_free() && !self.awaits_answer && self.desk.hold.is_held()
    }

    fn take_gathered(&mut self) -> bool {
        self.desk.hold.take_gathered()
    }

    fn next_timer_us(&self) -> Option<u64> {
        if self.is_free() {
            self.desk.timer_at_us
        } else {
            None
        }
    }

    fn is_done(&self) -> bool {
        self.ended && self.desk.outbox.is_empty()
    }

    fn refuse_waiting(&self) -> bool {
        self.mailbox.refuse_waiting()
    }
}

impl<A: Actor, F> Cell<A, F> {
    /// Returns whether the actor may be given more than answers.
    fn is_free(&self) -> bool {
        self.actor.is_some() && self.desk.outbox.is_empty()
    }
}

/// A cell that goes down with its system ends like one that was stopped: nobody waits for ever.
impl<A: Actor, F> Drop for Cell<A, F> {
    fn drop(&mut self) {
        self.end(ExitReason::Stopped);
    }
}
