//! What batpak runs: a supervised actor runtime, and the five actors of an event store on it.
//!
//! - [`runtime`] knows nothing of events and is useful by itself; its documentation has an
//!   example.
//! - [`protocol`] has one closed enum of messages for each actor.
//! - [`writer`], [`roller`], [`indexer`], [`broker`] and [`checkpointer`] are the actors; each owns
//!   its state and tells only those to its right.
//! - [`engine`] is the only place where they are put together.
//! - [`recovery`] reads a log when it is opened, [`follow`] reads it further, [`view`] is what
//!   readers see, [`reader`] reads events for them.
//! - [`repair`] makes a readable copy of a log that an opening refuses.
//!
//! `actors/README.md` draws the mailboxes and states what never happens.

pub mod broker;
pub mod checkpointer;
pub mod compaction;
pub mod engine;
pub mod error;
pub mod faults;
pub mod follow;
mod hashing;
pub mod indexer;
pub mod indexing;
mod merge;
pub mod protocol;
pub mod raw_event;
pub mod reader;
pub mod recovery;
pub mod repair;
mod rewriter;
pub mod roller;
pub mod runtime;
pub mod verify;
pub mod view;
pub mod writer;
