//! A supervised actor runtime: it owns loops, threads, channels, waits and restarts.
//!
//! There is no domain word in here. An actor is a struct with private state and [`Actor::handle`];
//! everything that could make two threads meet is the runtime's:
//! 1. [`System`] is built from right to left: [`System::spawn`] returns the [`Address`] that the
//!    actors further left capture, so a cycle cannot be written.
//! 2. [`System::start`] gives a [`Running`] system, on threads or stepped by hand.
//! 3. Callers [`Address::ask`] and wait for the [`Reply`]; actors [`Turn::tell`] and
//!    [`Turn::ask`], and never wait.
//! 4. A panic or a [`Fault::Crash`] rebuilds the actor in place on the same inbox; a
//!    [`Fault::Poison`] or a spent [`RestartPolicy`] ends it, and every message comes back.
//!
//! Readers that must not pass through a mailbox use the shared cells: [`Published`],
//! [`Watermark`], [`WriteOnce`], [`WriteOnceIndex`], [`BoundedCache`], [`KeptSlots`] and
//! [`Spares`].

mod actor;
mod address;
mod budget;
mod cell;
mod clock;
mod desk;
mod fault;
mod health;
mod hold;
mod host;
mod mailbox;
mod moments;
mod outbox;
mod queued;
mod reply;
mod reply_slot;
mod restart;
mod running;
mod seam;
mod shared;
mod stepper;
mod sync;
mod system;
mod task;
mod turn;

#[cfg(test)]
mod tests;

pub use actor::{Actor, Next};
pub use address::Address;
pub use clock::{Clock, ManualClock, SystemClock};
pub use desk::ANSWER_SLOT_CAPACITY;
pub use fault::{ExitReason, Fault, panic_message};
pub use health::ActorHealth;
pub use mailbox::{MailboxSpec, NotDelivered, Weigh};
#[cfg(feature = "testkit")]
pub use moments::watch;
pub use queued::Queued;
pub use reply::{Closed, Reply, ReplyTo, Waited, reply};
pub use restart::{Restart, RestartBudget, RestartPolicy};
pub use running::{Running, StillRunning};
pub use shared::{
    BoundedCache, Counter, KeptSlots, Published, SlotBudget, Spares, Watermark, WriteOnce,
    WriteOnceIndex,
};
pub use sync::channel;
pub use system::{ActorSpec, HostId, System, SystemOptions, Waiting};
pub use task::{TaskHandle, TaskNext, TaskPanicked};
pub use turn::Turn;
