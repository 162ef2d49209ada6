//! What a model uses in place of what loom does not know.
//!
//! Each stand-in is as strong as the real thing promises to be, built on the locks and atomics of
//! [`super`], and passes the same suite (`sync/tests/`).

pub(crate) mod channel;
pub(crate) mod once_cell;
pub(crate) mod pointer_cell;
