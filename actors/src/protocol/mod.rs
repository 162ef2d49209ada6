//! What the actors say to each other: one closed enum of messages for each.

pub mod broker;
pub mod checkpointer;
pub mod indexer;
pub mod roller;
pub mod writer;

mod acknowledgement;
mod append;
mod envelope;

pub use acknowledgement::Acknowledgement;
pub use append::{Append, AppendReceipt, Durability, Expectation, Replay};
pub use envelope::{EmptyEnvelope, Envelopes, SealedAppend};
