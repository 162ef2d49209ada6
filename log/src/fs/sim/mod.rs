//! A simulated disk: what was not synced can be lost, and every call can go wrong.
//!
//! Owns the rules of losing. A file has the bytes that calls see and the bytes that are durable;
//! what was changed since the last sync lies between, in order, and so it is with names. From
//! these a crash makes the disk that is found afterwards. Every choice is ordered or drawn from a
//! given generator, so that each run can be made again.

#![expect(
    clippy::disallowed_types,
    reason = "a double of the file system is the one place outside the runtime with a lock"
)]

mod call;
mod crash;
mod directory;
mod disk;
mod fault;
mod file;
mod image;
mod seam;

use std::fmt;
use std::io;
use std::sync::Arc;

pub use call::{Call, Observer};
pub use crash::{Keep, Loss};
pub use fault::{Fault, Noise, When};

use directory::InodeId;
use disk::{Disk, Shared, enter};
use image::Inode;

use super::FsCall;
use super::memory::{BOOT_ID, position};

/// A simulated disk, with the semantics of [`RealFs`](super::RealFs) while nothing goes wrong.
///
/// A clone shares the disk; [`SimFs::fork`] copies it. [`Fs::boot_id`](super::Fs::boot_id) cannot
/// fail and is no call that is counted.
#[derive(Clone)]
pub struct SimFs {
    disk: Shared,
    boot_id: Option<[u8; 16]>,
}

impl SimFs {
    /// Makes an empty disk.
    #[must_use]
    pub fn new() -> Self {
        Self {
            disk: Shared::default(),
            boot_id: Some(BOOT_ID),
        }
    }

    /// Returns the same disk as seen in another run of the machine, or in an unknown one.
    #[must_use]
    pub fn with_boot_id(mut self, boot_id: Option<[u8; 16]>) -> Self {
        self.boot_id = boot_id;
        self
    }

    /// Sets how many bytes there is room for: the lengths of all files that have a name or are
    /// open count. A write beyond is short, or `StorageFull` where nothing fits; a length beyond
    /// is refused.
    pub fn set_quota(&self, bytes: Option<u64>) {
        enter(&self.disk).quota = bytes;
    }

    /// Returns how many calls were begun, which is the index of the next.
    #[must_use]
    pub fn calls(&self) -> u64 {
        enter(&self.disk).calls
    }

    /// Sets what is called before the effect of every call, and with the disk unlocked: so it may
    /// make calls itself, which it does not see, order faults, also for this call, and crash the
    /// disk, also with this call's write half done.
    ///
    /// Calls of other threads go by unseen while it runs. An observer that holds this disk keeps
    /// it in memory until it is taken away.
    pub fn observe(&self, observer: Option<Observer>) {
        let mut state = enter(&self.disk);
        state.observers += 1;
        let before = std::mem::replace(&mut state.observer, observer);
        // What it holds may take the lock when it ends.
        drop(state);
        drop(before);
    }

    /// Orders a fault for the call of this index.
    pub fn fault(&self, index: u64, fault: Fault) {
        enter(&self.disk).plan.at(index, fault);
    }

    /// Orders a fault for all calls from this index on, or for those of one kind. Of several that
    /// fit the one ordered last strikes; one for a single call comes before.
    pub fn fail_from(&self, index: u64, only: Option<FsCall>, fault: Fault) {
        enter(&self.disk).plan.from(index, only, fault);
    }

    /// Orders a fault for the next call of this kind; asked again, for the one after it, too.
    pub fn fail_next(&self, call: FsCall, fault: Fault) {
        enter(&self.disk).plan.next(call, fault);
    }

    /// Orders a fault for a call of this kind that is to come: 0 is the next, 1 the one after it.
    pub fn fail_nth(&self, call: FsCall, n: u64, fault: Fault) {
        enter(&self.disk).plan.nth(call, n, fault);
    }

    /// Draws faults at random for the calls that have none ordered.
    pub fn noise(&self, noise: Noise) {
        enter(&self.disk).plan.noise(noise);
    }

    /// Takes back every fault that is to come, and the noise; a dead disk stays dead.
    pub fn clear_faults(&self) {
        enter(&self.disk).plan.clear();
    }

    /// Returns how many faults struck.
    #[must_use]
    pub fn injected(&self) -> u64 {
        enter(&self.disk).plan.injected()
    }

    /// Lets every call from now on fail and change nothing, as to a process that is dead; only
    /// locks can still be freed.
    pub fn die(&self) {
        enter(&self.disk).is_dead = true;
    }

    /// Lists all files by their whole names.
    #[must_use]
    pub fn files(&self) -> Vec<String> {
        let state = enter(&self.disk);
        let names = state.names.live.files.keys();
        names.map(|name| String::from(&**name)).collect()
    }

    /// Returns the bytes of a file, as calls see them.
    ///
    /// # Errors
    /// `NotFound` where there is no such file.
    pub fn bytes(&self, name: &str) -> io::Result<Vec<u8>> {
        let mut state = enter(&self.disk);
        let inode = state.names.live.file(name)?;
        Ok(Vec::clone(&state.inode(inode).live))
    }

    /// Returns the bytes of a file that a power cut leaves when all that is not synced is lost.
    ///
    /// # Errors
    /// `NotFound` where no such file would be left.
    pub fn durable_bytes(&self, name: &str) -> io::Result<Vec<u8>> {
        let mut state = enter(&self.disk);
        let inode = state.names.survivor(Vec::new()).file(name)?;
        Ok(Vec::clone(&state.inode(inode).durable))
    }

    /// Replaces the bytes of a file, durably, which whoever has it open sees; creates the file,
    /// and the directories above it, where they are missing.
    pub fn set_bytes(&self, name: &str, bytes: Vec<u8>) {
        let mut state = enter(&self.disk);
        state.names.settle_name(name);
        let found = state.names.live.files.get(name).copied();
        let inode = found.unwrap_or_else(|| state.add(Inode::default()));
        let Disk { names, inodes, .. } = &mut *state;
        for side in [&mut names.live, &mut names.durable] {
            side.add_parents(name);
            side.files.insert(name.into(), inode);
        }
        let file = inodes.entry(inode).or_default();
        let open = file.open;
        *file = Inode::settled(Arc::new(bytes));
        file.open = open;
        state.collect();
    }

    /// Flips bits of one byte of a file wherever the disk keeps it.
    ///
    /// # Errors
    /// `NotFound` where there is no such file, `UnexpectedEof` where it is not that long.
    pub fn flip(&self, name: &str, offset: u64, xor: u8) -> io::Result<()> {
        let mut state = enter(&self.disk);
        let inode = state.names.live.file(name)?;
        if !state.inode(inode).flip(position(offset)?, xor) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    /// Takes a file away, durably; whoever has it open keeps it.
    ///
    /// # Errors
    /// `NotFound` where there is no such file.
    pub fn delete(&self, name: &str) -> io::Result<()> {
        let mut state = enter(&self.disk);
        let _: InodeId = state.names.live.file(name)?;
        state.names.settle_name(name);
        state.names.live.files.remove(name);
        state.names.durable.files.remove(name);
        state.collect();
        Ok(())
    }

    /// Counts the bytes of all files that have a name, as calls see them.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        let state = enter(&self.disk);
        let files = state.names.live.files.values();
        let lengths = files.filter_map(|inode| state.inodes.get(inode));
        lengths.map(|file| file.live.len() as u64).sum()
    }

    /// Counts the changes of bytes, lengths and names that are not durable.
    #[must_use]
    pub fn pending_changes(&self) -> usize {
        let state = enter(&self.disk);
        let changes = state.inodes.values().map(|file| file.pending.len());
        changes.sum::<usize>() + state.names.pending.len()
    }
}

impl Default for SimFs {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for SimFs {
    /// Names the files; their bytes would bury every message that they appear in.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = enter(&self.disk);
        let names = state.names.live.files.keys();
        formatter.debug_set().entries(names).finish()
    }
}

#[cfg(test)]
mod tests;
