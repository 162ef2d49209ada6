//! An embedded event store: an append-only, hash-chained, causally linked log in one directory,
//! behind a synchronous handle.
//!
#![doc = "```"]
#![doc = include_str!("../examples/quickstart.rs")]
#![doc = "```"]
//!
//! - [`store`] is the handle: [`store::Store`], its configuration, appends, reads, cursors.
//! - [`guard`] and [`pipeline`] judge before something is written, [`outcome`] says what became of
//!   it, [`typestate`] makes the wrong steps of a workflow not compile.
//! - [`coordinate`], [`event`], [`id`] and [`wire`] are the vocabulary.
//! - [`prelude`] brings what a normal program needs.
//!
//! The engine behind the handle is a set of supervised actors that catch panics, so programs must
//! be built with `panic = "unwind"`, which is the default.

pub mod coordinate;
pub mod event;
pub mod guard;
#[cfg(doctest)]
mod guide;
pub mod id;
pub mod outcome;
pub mod pipeline;
pub mod prelude;
pub mod store;
#[cfg(feature = "testkit")]
pub mod testkit;
pub mod typestate;

pub use batpak_log::wire;
