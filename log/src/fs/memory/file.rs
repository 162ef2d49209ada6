//! An open file in memory.
//!
//! Owns the arithmetic of offsets. Takes the directory's lock for each call and no longer.

#![expect(
    clippy::disallowed_types,
    reason = "a double of the file system is the one place outside the runtime with a lock"
)]

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex};

use super::FsCall;
use super::state::{Node, State, begin};
use crate::fs::{Access, File};

/// The longest file, so that a wrong offset is an error and not the end of the process.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// An open file in memory; it outlives its name.
pub(super) struct MemoryFile {
    pub(super) shared: Arc<Mutex<State>>,
    pub(super) node: Arc<Node>,
    pub(super) access: Access,
}

impl MemoryFile {
    /// Runs the body of a call over the file's bytes.
    fn with_bytes<T>(
        &self,
        call: FsCall,
        body: impl FnOnce(&mut Vec<u8>) -> io::Result<T>,
    ) -> io::Result<T> {
        let _state = begin(&self.shared, call)?;
        body(&mut self.node.bytes())
    }

    fn check_writable(&self) -> io::Result<()> {
        match self.access {
            Access::Read => Err(io::ErrorKind::PermissionDenied.into()),
            Access::ReadWrite => Ok(()),
        }
    }
}

impl fmt::Debug for MemoryFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("MemoryFile")
            .field("access", &self.access)
            .finish_non_exhaustive()
    }
}

impl File for MemoryFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.with_bytes(FsCall::ReadAt, |bytes| {
            let start = usize::try_from(offset).unwrap_or(usize::MAX);
            let rest = bytes.get(start..).unwrap_or_default();
            let count = rest.len().min(buffer.len());
            let (to, _) = buffer.split_at_mut(count);
            let (from, _) = rest.split_at(count);
            to.copy_from_slice(from);
            Ok(count)
        })
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.check_writable()?;
        self.with_bytes(FsCall::WriteAt, |file| {
            let start = position(offset)?;
            let end = position(offset.saturating_add(bytes.len() as u64))?;
            if bytes.is_empty() {
                return Ok(0);
            }
            if file.len() < end {
                file.resize(end, 0);
            }
            let place = file
                .get_mut(start..end)
                .ok_or(io::ErrorKind::InvalidInput)?;
            place.copy_from_slice(bytes);
            Ok(bytes.len())
        })
    }

    fn len(&self) -> io::Result<u64> {
        self.with_bytes(FsCall::Len, |bytes| Ok(bytes.len() as u64))
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.check_writable()?;
        self.with_bytes(FsCall::Truncate, |bytes| {
            bytes.resize(position(len)?, 0);
            Ok(())
        })
    }

    fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        self.with_bytes(FsCall::Allocate, |bytes| {
            let end = position(offset.saturating_add(len))?;
            if len > 0 && bytes.len() < end {
                self.check_writable()?;
                bytes.resize(end, 0);
            }
            Ok(())
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        self.with_bytes(FsCall::SyncData, |_| Ok(()))
    }

    fn sync_all(&self) -> io::Result<()> {
        self.with_bytes(FsCall::SyncAll, |_| Ok(()))
    }
}

/// Returns an offset as an index into the bytes of a file.
pub(in crate::fs) fn position(offset: u64) -> io::Result<usize> {
    if offset > FILE_BYTES_MAX {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    usize::try_from(offset).map_err(|_| io::ErrorKind::FileTooLarge.into())
}
