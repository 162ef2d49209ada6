//! One suite for each primitive, passed by the real one and by its stand-in.

#![expect(
    clippy::disallowed_methods,
    reason = "these tests need threads of their own"
)]

mod channel;
mod once_cell;
mod pointer_cell;
mod spin;
mod wake_up;
