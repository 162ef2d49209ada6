//! What an outcome waits for, and how a failure is made good.

use super::list::read_list;
use serde::{Deserialize, Serialize};

/// What has to happen before something pending goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum WaitCondition {
    /// A moment has come.
    Timeout {
        /// The moment, in milliseconds since the epoch.
        resume_at_ms: u64,
    },
    /// An event was stored.
    Event {
        /// Its id.
        #[serde(with = "crate::wire::u128_bytes")]
        event_id: u128,
    },
    /// All of these; none at all holds at once.
    All(#[serde(deserialize_with = "read_list")] Vec<WaitCondition>),
    /// One of these at least; none at all never holds.
    Any(#[serde(deserialize_with = "read_list")] Vec<WaitCondition>),
    /// Something that the program knows.
    Custom {
        /// What sort of condition it is.
        tag: u16,
        /// What belongs to it.
        data: Vec<u8>,
    },
}

/// How to make good what was done before something failed.
///
/// It is data: whoever gets it carries it out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum CompensationAction {
    /// Undo what some events did.
    Rollback {
        /// The ids of the events.
        #[serde(with = "crate::wire::vec_u128_bytes")]
        event_ids: Vec<u128>,
    },
    /// Tell someone.
    Notify {
        /// The id of whom to tell.
        #[serde(with = "crate::wire::u128_bytes")]
        target_id: u128,
        /// What to say.
        message: String,
    },
    /// Give back what is held.
    Release {
        /// The ids of what is held.
        #[serde(with = "crate::wire::vec_u128_bytes")]
        resource_ids: Vec<u128>,
    },
    /// Something that the program knows.
    Custom {
        /// What sort of action it is.
        action_type: String,
        /// What belongs to it.
        data: Vec<u8>,
    },
}
