//! What an actor's turns write to: its outbox, its asks, its timer and its continuation.
//!
//! The desk belongs to the cell and outlives incarnations. What only one incarnation may own (the
//! timer, the continuation, the answers it waits for) is cleared when the incarnation dies.

use std::sync::Arc;

use super::clock::Clock;
use super::hold::Hold;
use super::host::HostSignal;
use super::mailbox::Mailbox;
use super::outbox::Outbox;
use super::sync::channel::{Receiver, Sender, bounded};
use super::{Closed, NotDelivered, ReplyTo};

/// How many answers to one actor may be under way; an ask beyond waits in the outbox.
pub const ANSWER_SLOT_CAPACITY: usize = 16;

/// An answer on its way into a reply slot: what it becomes is decided in the asker's own turn.
struct Arrived<N> {
    incarnation: u32,
    open: Box<dyn FnOnce() -> N + Send>,
}

pub(crate) struct Desk<N> {
    pub(crate) outbox: Outbox,
    pub(crate) timer_at_us: Option<u64>,
    pub(crate) continues: bool,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) restarts: u32,
    pub(crate) hold: Hold,
    signal: Arc<HostSignal>,
    incarnation: u32,
    /// Asks of this incarnation whose answer was not served yet.
    awaited: usize,
    arrived: Receiver<Arrived<N>>,
    arrivals: Sender<Arrived<N>>,
}

impl<N: 'static> Desk<N> {
    pub(crate) fn new(signal: Arc<HostSignal>, clock: Arc<dyn Clock>) -> Self {
        let (arrivals, arrived) = bounded(ANSWER_SLOT_CAPACITY);
        Self {
            outbox: Outbox::new(Arc::clone(&signal), ANSWER_SLOT_CAPACITY),
            timer_at_us: None,
            continues: false,
            clock,
            restarts: 0,
            hold: Hold::default(),
            signal,
            incarnation: 0,
            awaited: 0,
            arrived,
            arrivals,
        }
    }

    pub(crate) fn tell<M: Send + 'static>(
        &mut self,
        mailbox: &Arc<Mailbox<M>>,
        message: M,
    ) -> Result<(), NotDelivered<M>> {
        self.outbox.tell(mailbox, message)
    }

    pub(crate) fn ask<M: Send + 'static, T: Send + 'static>(
        &mut self,
        mailbox: &Arc<Mailbox<M>>,
        message: impl FnOnce(ReplyTo<T>) -> M,
        becomes: impl FnOnce(Result<T, Closed>) -> N + Send + 'static,
    ) {
        let incarnation = self.incarnation;
        let arrivals = self.arrivals.clone();
        let signal = Arc::clone(&self.signal);
        let reply_to = ReplyTo::to_actor(Box::new(move |outcome| {
            let open = Box::new(move || becomes(outcome));
            // Room was reserved with the ask, so only a slot whose actor is gone refuses.
            let _sent = arrivals.try_send(Arrived { incarnation, open });
            signal.wake();
        }));
        self.awaited += 1;
        self.outbox.ask(mailbox, message(reply_to));
    }

    /// Takes the next answer of this incarnation; those to earlier ones are dropped on the way.
    pub(crate) fn next_answer(&mut self) -> Option<Box<dyn FnOnce() -> N + Send>> {
        while let Ok(arrived) = self.arrived.try_recv() {
            self.outbox.answer_was_taken();
            if arrived.incarnation == self.incarnation {
                self.awaited = self.awaited.saturating_sub(1);
                return Some(arrived.open);
            }
        }
        None
    }

    /// Returns whether an answer to this incarnation is still to come.
    pub(crate) fn awaits(&self) -> bool {
        self.awaited > 0
    }

    /// Takes the timer if its time has come.
    pub(crate) fn take_due_timer(&mut self) -> bool {
        let due = self
            .timer_at_us
            .is_some_and(|at_us| at_us <= self.clock.monotonic_us());
        if due {
            self.timer_at_us = None;
        }
        due
    }

    /// Forgets what belonged to the incarnation that has just died.
    pub(crate) fn forget_incarnation(&mut self) {
        self.incarnation = self.incarnation.wrapping_add(1);
        self.awaited = 0;
        self.timer_at_us = None;
        self.continues = false;
        self.hold.release();
    }
}
