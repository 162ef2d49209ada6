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
use crate::fs::name;

/// Everything that the clones of one directory share.
#[derive(Default)]
pub(super) struct State {
    pub(super) files: BTreeMap<String, Arc<Node>>,
    /// The directories below the root.
    pub(super) directories: BTreeSet<String>,
    /// The names whose lock somebody holds.
    pub(super) locks: BTreeSet<String>,
    /// The errors to come, for each operation in their order.
    pub(super) faults: BTreeMap<FsCall, VecDeque<io::ErrorKind>>,
}

impl State {
    /// Finds a file by its name.
    pub(super) fn file(&self, name: &str) -> io::Result<Arc<Node>> {
        self.is_taken(name)?;
        if self.directories.contains(name) {
            return Err(name::not_a_regular_file(name));
        }
        let node = self.files.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::clone(node))
    }

    /// Tells whether anything has this name, and fails where its directory is missing.
    pub(super) fn is_taken(&self, name: &str) -> io::Result<bool> {
        let (parent, _) = name::split(name)?;
        self.check_directory(parent)?;
        Ok(self.files.contains_key(name) || self.directories.contains(name))
    }

    /// Fails where there is no such directory; `""` is the root.
    pub(super) fn check_directory(&self, name: &str) -> io::Result<()> {
        if name.is_empty() || self.directories.contains(name) {
            return Ok(());
        }
        let (parent, _) = name::split(name)?;
        self.check_directory(parent)?;
        if self.files.contains_key(name) {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Err(io::ErrorKind::NotFound.into())
    }
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
