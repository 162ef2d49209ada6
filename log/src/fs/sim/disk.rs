//! Everything that the handles of one simulated disk share, and the one lock over it.
//!
//! The lock is held for the body of a call and never while anything of a caller runs.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::call::{InFlight, Observer};
use super::directory::{Directory, InodeId, NameChange};
use super::fault::Plan;
use super::image::Inode;

/// The state of a disk.
#[derive(Default)]
pub(super) struct Disk {
    pub(super) names: Directory,
    pub(super) inodes: BTreeMap<InodeId, Inode>,
    /// The number of the next new file.
    pub(super) next_inode: InodeId,
    /// The names whose lock somebody holds.
    pub(super) locks: BTreeSet<String>,
    /// How many bytes there is room for.
    pub(super) quota: Option<u64>,
    /// How many calls were begun.
    pub(super) calls: u64,
    pub(super) plan: Plan,
    pub(super) is_dead: bool,
    /// Taken out while it runs.
    pub(super) observer: Option<Observer>,
    /// How often the observer was exchanged.
    pub(super) observers: u64,
    /// The write whose observer runs.
    pub(super) in_flight: Option<InFlight>,
}

impl Disk {
    /// Finds the bytes of an open file, which are kept as long as it is open.
    pub(super) fn inode(&mut self, inode: InodeId) -> &mut Inode {
        self.inodes.entry(inode).or_default()
    }

    /// Makes an empty file of this name, which is free.
    pub(super) fn create(&mut self, name: &str) -> InodeId {
        let inode = self.add(Inode::default());
        self.names.change(NameChange::Link(name.into(), inode));
        inode
    }

    /// Makes a file that has no name.
    pub(super) fn add(&mut self, file: Inode) -> InodeId {
        let inode = self.next_inode;
        self.next_inode += 1;
        self.inodes.insert(inode, file);
        inode
    }

    /// Closes a file.
    pub(super) fn close(&mut self, inode: InodeId) {
        let file = self.inode(inode);
        file.open = file.open.saturating_sub(1);
        let is_unused = file.open == 0;
        if is_unused && !self.names.live.files.values().any(|named| *named == inode) {
            self.collect();
        }
    }

    /// Drops the files that nobody can reach any more.
    pub(super) fn collect(&mut self) {
        let named = self.names.inodes();
        self.inodes
            .retain(|inode, file| file.open > 0 || named.contains(inode));
    }

    /// Tells how far a file may grow at most under the quota.
    pub(super) fn len_max(&self, inode: InodeId) -> u64 {
        let len = self.inodes.get(&inode).map_or(0, |file| file.live.len());
        let Some(quota) = self.quota else {
            return u64::MAX;
        };
        (len as u64).saturating_add(quota.saturating_sub(self.used()))
    }

    /// Counts the bytes of all files that have a name or are open.
    fn used(&self) -> u64 {
        let named: BTreeSet<_> = self.names.live.files.values().collect();
        let is_used = |(inode, file): &(&InodeId, &Inode)| file.open > 0 || named.contains(inode);
        let used = self.inodes.iter().filter(is_used);
        used.map(|(_, file)| file.live.len() as u64).sum()
    }

    /// Returns how many of `len` bytes at an offset there is room for.
    ///
    /// # Errors
    /// `StorageFull` where there is room for none of them.
    pub(super) fn room(&self, inode: InodeId, offset: u64, len: usize) -> io::Result<usize> {
        let room = self.len_max(inode).saturating_sub(offset);
        let room = usize::try_from(room).unwrap_or(usize::MAX).min(len);
        if room == 0 && len > 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(room)
    }
}

/// Takes the lock. A thread that panicked while it held it left nothing half done.
pub(super) fn enter(disk: &Mutex<Disk>) -> MutexGuard<'_, Disk> {
    disk.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The disk of a handle.
pub(super) type Shared = Arc<Mutex<Disk>>;
