//! The names and bytes of a directory in memory, and the one lock over them.
//!
//! Owns the order of locks: that of [`State`] first, then a node's, and neither outlives a call.

#![expect(
    clippy::disallowed_types,
    reason = "a double of the file system is the one place outside the runtime with a lock"
)]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::FsCall;
use crate::fs::names::Names;

/// Everything that the clones of one directory share.
#[derive(Default)]
pub(super) struct State {
    pub(super) names: Names<Arc<Node>>,
    /// The names whose lock somebody holds.
    pub(super) locks: BTreeSet<String>,
    /// The errors to come, for each operation in their order.
    pub(super) faults: BTreeMap<FsCall, VecDeque<io::ErrorKind>>,
}

/// The bytes behind a name, or behind none once the name was removed.
///
/// The lock is only ever taken while that of [`State`] is held, so that a call is one step to all
/// others and the two cannot be taken in opposite orders.
#[derive(Default)]
pub(super) struct Node(Mutex<Vec<u8>>);

impl Node {
    pub(super) fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn copy(&self) -> Arc<Self> {
        Arc::new(Self(Mutex::new(self.bytes().clone())))
    }
}

/// Takes the lock. A test that panicked in another thread must not hide its reason behind ours.
pub(super) fn enter(shared: &Mutex<State>) -> MutexGuard<'_, State> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes the lock for a call, unless a fault was ordered for it.
pub(super) fn begin(shared: &Mutex<State>, call: FsCall) -> io::Result<MutexGuard<'_, State>> {
    let mut state = enter(shared);
    match state.faults.get_mut(&call).and_then(VecDeque::pop_front) {
        Some(error) => Err(error.into()),
        None => Ok(state),
    }
}
