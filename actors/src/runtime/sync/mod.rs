//! The one place that knows whether this is the program or a model of it.
//!
//! Everything that two threads may touch at once is named here: channels, locks, atomics, the
//! wake-up of a thread, once-cells, pointer cells and threads. In the program they come from the
//! standard library, crossbeam and arc-swap; under loom the same names stand for loom's, or for a
//! stand-in in `stand_in/` where loom has none. The stand-ins are compiled in test builds too,
//! where they pass the same suite as the real ones.
//!
//! Under loom nobody spins and no timer fires: a model has no time.

#![expect(clippy::disallowed_types, reason = "this is where locks come from")]

mod lock;
mod spin;
mod threads;
mod wake_up;

#[cfg(any(loom, test))]
#[cfg_attr(
    all(test, not(loom)),
    expect(unreachable_pub, reason = "only a model exports the stand-ins")
)]
mod stand_in;

#[cfg(test)]
mod tests;

pub(crate) use lock::{Condvar, Mutex};
pub(crate) use spin::{LOOKS_PER_CLOCK, SpinCap, give_way, is_crowded, relax, yield_core};
pub(crate) use threads::{JoinHandle, spawn};
pub(crate) use wake_up::WakeUp;

/// Bounded channels: crossbeam's, or a stand-in of the same shape under loom.
pub mod channel {
    #[cfg(loom)]
    pub use super::stand_in::channel::{Receiver, Sender, bounded};
    #[cfg(not(loom))]
    pub use crossbeam_channel::{Receiver, Sender, bounded};
    pub use crossbeam_channel::{
        RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError,
    };
}

#[cfg(not(loom))]
mod raw {
    pub(super) use std::sync::{Condvar, Mutex, MutexGuard};
    pub(super) use std::thread::{Builder, JoinHandle};
}

#[cfg(loom)]
mod raw {
    pub(super) use loom::sync::{Condvar, Mutex, MutexGuard};
    pub(super) use loom::thread::{Builder, JoinHandle};
}

#[cfg(not(loom))]
pub(crate) use std::sync::OnceLock as OnceCell;
#[cfg(not(loom))]
pub(crate) use std::sync::atomic;

#[cfg(loom)]
pub(crate) use loom::sync::atomic;
#[cfg(loom)]
pub(crate) use stand_in::once_cell::OnceCell;
#[cfg(loom)]
pub(crate) use stand_in::pointer_cell::PointerCell;

#[cfg(not(loom))]
mod pointer_cell;
#[cfg(not(loom))]
pub(crate) use pointer_cell::PointerCell;

/// Keeps what it holds off the cache lines of what lies beside it, so that two threads that touch
/// different things do not wait for each other. Two lines, because processors fetch them in pairs.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Apart<T>(pub(crate) T);

/// Whether a thread may spin at all: a model must not, since loom would follow every turn.
pub(crate) const MAY_SPIN: bool = cfg!(not(loom));

/// Whether caches keep what they are given; a model has none, so every look-up takes the long way.
pub(crate) const HAS_CACHES: bool = cfg!(not(loom));
