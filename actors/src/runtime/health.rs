//! What a running system tells about its actors.

use super::ExitReason;
use super::mailbox::Mailbox;
use super::sync::Mutex;
use super::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

/// The state of one actor at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActorHealth {
    /// The actor's name.
    pub name: &'static str,
    /// Whether it takes messages.
    pub alive: bool,
    /// How often it was restarted.
    pub restarts: u32,
    /// How many messages wait.
    pub mailbox_depth: usize,
    /// How many messages wait at most before senders have to.
    pub mailbox_capacity: usize,
    /// How many messages came back to their senders or were dropped because it had ended.
    pub refused: u64,
    /// The last panic or fault.
    pub last_fault: Option<String>,
    /// Why it has ended, if it has.
    pub exit: Option<ExitReason>,
}

/// What a cell writes down about itself for others to read.
#[derive(Debug)]
pub(crate) struct Status {
    restarts: AtomicU32,
    queued: AtomicUsize,
    refused: AtomicU64,
    last_fault: Mutex<Option<String>>,
}

impl Status {
    pub(crate) fn new() -> Self {
        Self {
            restarts: AtomicU32::new(0),
            queued: AtomicUsize::new(0),
            refused: AtomicU64::new(0),
            last_fault: Mutex::new(None),
        }
    }

    pub(crate) fn queued(&self) -> usize {
        self.queued.load(Ordering::Relaxed)
    }

    pub(crate) fn set_queued(&self, messages: usize) {
        self.queued.store(messages, Ordering::Relaxed);
    }

    pub(crate) fn set_restarts(&self, restarts: u32) {
        self.restarts.store(restarts, Ordering::Release);
    }

    pub(crate) fn count_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn set_fault(&self, fault: &str) {
        *self.last_fault.lock() = Some(fault.to_owned());
    }
}

/// Something whose health can be asked.
pub(crate) trait Observe: Send + Sync {
    fn health(&self) -> ActorHealth;
}

impl<M: Send> Observe for Mailbox<M> {
    fn health(&self) -> ActorHealth {
        let exit = self.exit_reason().cloned();
        ActorHealth {
            name: self.name,
            alive: exit.is_none(),
            restarts: self.status.restarts.load(Ordering::Acquire),
            mailbox_depth: self.depth(),
            mailbox_capacity: self.capacity,
            refused: self.status.refused.load(Ordering::Relaxed),
            last_fault: self.status.last_fault.lock().clone(),
            exit,
        }
    }
}
