//! How an actor fails, and how it ends.

use std::any::Any;
use std::fmt;

/// What an actor returns when it cannot go on as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A bug, like a panic: the actor is rebuilt on the same inbox while its policy allows.
    Crash(String),
    /// A state that no restart heals: the actor ends and is never rebuilt.
    Poison(String),
}

/// Why an actor has ended; its messages come back with this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExitReason {
    /// The actor returned [`Next::Stop`](super::Next::Stop), or its system was dropped.
    Stopped,
    /// The actor returned [`Fault::Poison`].
    Poisoned(String),
    /// The actor failed more often than its policy allows; holds the last fault.
    BudgetSpent(String),
}

impl fmt::Display for ExitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => f.write_str("stopped"),
            Self::Poisoned(fault) => write!(f, "poisoned: {fault}"),
            Self::BudgetSpent(fault) => write!(f, "failed too often, last: {fault}"),
        }
    }
}

/// Returns what a caught panic said.
pub fn panic_message(payload: &(dyn Any + Send)) -> String {
    if let Some(message) = payload.downcast_ref::<&str>() {
        (*message).to_owned()
    } else if let Some(message) = payload.downcast_ref::<String>() {
        message.clone()
    } else {
        "a panic without a message".to_owned()
    }
}
