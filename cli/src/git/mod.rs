//! Turns the history of a git repository into events.
//!
//! - [`program`] runs git, [`log_reader`] reads what it prints.
//! - [`naming`] says which entity and which id each commit and each changed path gets,
//!   [`payload`] what is kept of it, [`events`] puts them together.

pub(crate) mod events;
pub(crate) mod kinds;
pub(crate) mod log_reader;
pub(crate) mod naming;
pub(crate) mod payload;
pub(crate) mod program;
