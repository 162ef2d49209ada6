//! A directory in memory: for tests, models and the simulator.
//!
//! Owns names and bytes, and one short-lived lock over both. It runs under loom too, where all
//! threads of a model share one thread of the system: so no lock outlives the body of a call.
//! Everything written is durable at once; losing what was not synced is another stand-in's task.

#![expect(
    clippy::disallowed_types,
    reason = "a double of the file system is the one place outside the runtime with a lock"
)]

mod file;
mod state;

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use file::MemoryFile;
pub(super) use file::position;
use state::{Node, State, begin, enter};

use super::{Access, DirectoryLock, File, Fs};

/// The boot id unless another is given: two openings see the same run of the machine.
pub(super) const BOOT_ID: [u8; 16] = [0xB0; 16];

/// A directory in memory, with the semantics of [`RealFs`](super::RealFs).
///
/// A clone shares the files; [`MemoryFs::snapshot`] copies them.
#[derive(Clone)]
pub struct MemoryFs {
    shared: Arc<Mutex<State>>,
    boot_id: Option<[u8; 16]>,
}

/// Names an operation of the seam, for the doubles that make one fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FsCall {
    /// [`Fs::list`].
    List,
    /// [`Fs::open`].
    Open,
    /// [`Fs::create_new`].
    CreateNew,
    /// [`Fs::rename`].
    Rename,
    /// [`Fs::remove`].
    Remove,
    /// [`Fs::create_directory`].
    CreateDirectory,
    /// [`Fs::sync_directory`].
    SyncDirectory,
    /// [`Fs::lock`].
    Lock,
    /// [`Fs::exists`].
    Exists,
    /// [`File::read_at`].
    ReadAt,
    /// [`File::write_at`].
    WriteAt,
    /// [`File::len`].
    Len,
    /// [`File::truncate`].
    Truncate,
    /// [`File::allocate`].
    Allocate,
    /// [`File::sync_data`].
    SyncData,
    /// [`File::sync_all`].
    SyncAll,
}

impl MemoryFs {
    /// Makes an empty directory.
    #[must_use]
    pub fn new() -> Self {
        Self {
            shared: Arc::default(),
            boot_id: Some(BOOT_ID),
        }
    }

    /// Returns the same files as seen in another run of the machine, or in an unknown one.
    #[must_use]
    pub fn with_boot_id(mut self, boot_id: Option<[u8; 16]>) -> Self {
        self.boot_id = boot_id;
        self
    }

    /// Copies names and bytes as they stand at one moment; locks and faults to come stay behind.
    #[must_use]
    pub fn snapshot(&self) -> Self {
        let state = enter(&self.shared);
        let copy = State {
            names: state.names.map(|node| node.copy()),
            ..State::default()
        };
        Self {
            shared: Arc::new(Mutex::new(copy)),
            boot_id: self.boot_id,
        }
    }

    /// Returns the bytes of a file.
    ///
    /// # Errors
    /// `NotFound` where there is no such file.
    pub fn bytes(&self, name: &str) -> io::Result<Vec<u8>> {
        Ok(enter(&self.shared).names.file(name)?.bytes().clone())
    }

    /// Replaces the bytes of a file, which whoever has it open sees; creates the file, and the
    /// directories above it, where they are missing.
    pub fn set_bytes(&self, name: &str, bytes: Vec<u8>) {
        let mut state = enter(&self.shared);
        state.names.add_parents(name);
        *state.names.files.entry(name.into()).or_default().bytes() = bytes;
    }

    /// Flips bits of one byte of a file.
    ///
    /// # Errors
    /// `NotFound` where there is no such file, `UnexpectedEof` where it is not that long.
    pub fn corrupt(&self, name: &str, offset: u64, xor: u8) -> io::Result<()> {
        let state = enter(&self.shared);
        let node = state.names.file(name)?;
        let mut bytes = node.bytes();
        let byte = bytes
            .get_mut(position(offset)?)
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        *byte ^= xor;
        Ok(())
    }

    /// Makes the next call of this operation fail, on whatever name, and do nothing.
    ///
    /// Asked again, it makes the one after it fail, too, and so on.
    pub fn fail_next(&self, call: FsCall, error: io::ErrorKind) {
        let mut state = enter(&self.shared);
        state.faults.entry(call).or_default().push_back(error);
    }

    /// Begins a call: fails if a fault was ordered for it.
    fn begin(&self, call: FsCall) -> io::Result<MutexGuard<'_, State>> {
        begin(&self.shared, call)
    }

    fn file(&self, node: Arc<Node>, access: Access) -> Arc<dyn File> {
        Arc::new(MemoryFile {
            shared: Arc::clone(&self.shared),
            node,
            access,
        })
    }
}

impl Default for MemoryFs {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryFs {
    /// Names the files; their bytes would bury every message that they appear in.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = enter(&self.shared);
        formatter
            .debug_set()
            .entries(state.names.files.keys())
            .finish()
    }
}

impl Fs for MemoryFs {
    fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        let state = self.begin(FsCall::List)?;
        state.names.list(directory)
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn File>> {
        let state = self.begin(FsCall::Open)?;
        let node = state.names.file(name)?;
        Ok(self.file(node, access))
    }

    fn create_new(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let mut state = self.begin(FsCall::CreateNew)?;
        state.names.check_free(name)?;
        let node = Arc::clone(state.names.files.entry(name.into()).or_default());
        Ok(self.file(node, Access::ReadWrite))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.begin(FsCall::Rename)?;
        let node = state.names.file_to_rename(from, to)?;
        state.names.files.remove(from);
        state.names.files.insert(to.into(), node);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.begin(FsCall::Remove)?;
        state.names.file_to_remove(name)?;
        state.names.files.remove(name);
        Ok(())
    }

    fn create_directory(&self, name: &str) -> io::Result<()> {
        let mut state = self.begin(FsCall::CreateDirectory)?;
        state.names.check_directory_to_create(name)?;
        state.names.directories.insert(name.into());
        Ok(())
    }

    fn sync_directory(&self, name: &str) -> io::Result<()> {
        let state = self.begin(FsCall::SyncDirectory)?;
        state.names.check_directory(name)
    }

    fn lock(&self, name: &str) -> io::Result<Option<Box<dyn DirectoryLock>>> {
        let mut state = self.begin(FsCall::Lock)?;
        if state.names.is_taken(name)? {
            state.names.file(name)?;
        }
        state.names.files.entry(name.into()).or_default();
        if !state.locks.insert(name.to_owned()) {
            return Ok(None);
        }
        Ok(Some(Box::new(MemoryLock {
            shared: Arc::clone(&self.shared),
            name: name.to_owned(),
        })))
    }

    fn boot_id(&self) -> Option<[u8; 16]> {
        self.boot_id
    }

    fn exists(&self, name: &str) -> io::Result<bool> {
        let state = self.begin(FsCall::Exists)?;
        state.names.exists(name)
    }
}

/// A held lock; dropping it frees the name.
struct MemoryLock {
    shared: Arc<Mutex<State>>,
    name: String,
}

impl DirectoryLock for MemoryLock {}

impl fmt::Debug for MemoryLock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("MemoryLock")
            .field(&self.name)
            .finish()
    }
}

impl Drop for MemoryLock {
    fn drop(&mut self) {
        enter(&self.shared).locks.remove(&self.name);
    }
}

#[cfg(test)]
mod tests;
