//! An open file of a simulated disk.

use std::fmt;
use std::io;
use std::sync::Arc;

use super::call::{Call, Way, Writing, make};
use super::directory::InodeId;
use super::disk::{Disk, Shared, enter};
use super::image::Inode;
use crate::fs::memory::position;
use crate::fs::{Access, File, FsCall};

/// An open file; it outlives its name.
pub(super) struct SimFile {
    disk: Shared,
    inode: InodeId,
    /// The name under which it was opened.
    name: Arc<str>,
    access: Access,
}

impl SimFile {
    /// Opens a file; `state` is that of `disk`.
    pub(super) fn open(
        disk: &Shared,
        state: &mut Disk,
        inode: InodeId,
        name: &str,
        access: Access,
    ) -> Arc<dyn File> {
        state.inode(inode).open += 1;
        Arc::new(Self {
            disk: Arc::clone(disk),
            inode,
            name: name.into(),
            access,
        })
    }

    fn call(&self, call: FsCall, bytes: usize) -> Call<'_> {
        Call::new(call, &self.name, bytes)
    }

    fn check_writable(&self) -> io::Result<()> {
        match self.access {
            Access::Read => Err(io::ErrorKind::PermissionDenied.into()),
            Access::ReadWrite => Ok(()),
        }
    }

    /// Changes the length, if there is room for it.
    fn set_length(&self, disk: &mut Disk, len: u64) -> io::Result<()> {
        let to = position(len)?;
        if to > disk.inode(self.inode).live.len() && len > disk.len_max(self.inode) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        disk.inode(self.inode).set_length(to);
        Ok(())
    }

    fn sync(&self, call: FsCall) -> io::Result<()> {
        make(&self.disk, self.call(call, 0), None, |disk, way| {
            let file = disk.inode(self.inode);
            match way {
                Way::Fully | Way::Short(_) => file.sync(),
                Way::Losing => file.lose_writes(),
                Way::Tearing(seed) => file.tear(seed),
                Way::Lying => {}
            }
            Ok(())
        })
    }
}

impl Drop for SimFile {
    fn drop(&mut self) {
        enter(&self.disk).close(self.inode);
    }
}

impl fmt::Debug for SimFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SimFile")
            .field("name", &self.name)
            .field("access", &self.access)
            .finish_non_exhaustive()
    }
}

impl File for SimFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let call = self.call(FsCall::ReadAt, buffer.len());
        make(&self.disk, call, None, |disk, way| {
            let Inode { live, .. } = disk.inode(self.inode);
            let start = usize::try_from(offset).unwrap_or(usize::MAX);
            let rest = live.get(start..).unwrap_or_default();
            // A read that takes nothing would tell of an end that is not there.
            let limit = way.limit(buffer.len()).max(1);
            let count = rest.len().min(buffer.len()).min(limit);
            let (to, _) = buffer.split_at_mut(count);
            let (from, _) = rest.split_at(count);
            to.copy_from_slice(from);
            Ok(count)
        })
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let end = position(offset.saturating_add(bytes.len() as u64));
        let checked = self.check_writable().and(end);
        let writing = Writing {
            inode: self.inode,
            offset: position(offset).unwrap_or_default(),
            bytes: checked.as_ref().map_or(&[][..], |_| bytes),
        };
        let call = self.call(FsCall::WriteAt, bytes.len());
        make(&self.disk, call, Some(&writing), |disk, way| {
            checked?;
            let room = disk.room(self.inode, offset, bytes.len())?;
            let (written, _) = bytes.split_at(way.limit(room));
            disk.inode(self.inode).write(writing.offset, written);
            Ok(written.len())
        })
    }

    fn len(&self) -> io::Result<u64> {
        let call = self.call(FsCall::Len, 0);
        make(&self.disk, call, None, |disk, _| {
            Ok(disk.inode(self.inode).live.len() as u64)
        })
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        let call = self.call(FsCall::Truncate, 0);
        make(&self.disk, call, None, |disk, _| {
            self.check_writable()?;
            self.set_length(disk, len)
        })
    }

    fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        let call = self.call(FsCall::Allocate, 0);
        make(&self.disk, call, None, |disk, _| {
            let end = offset.saturating_add(len);
            let is_there = position(end)? <= disk.inode(self.inode).live.len();
            if len == 0 || is_there {
                return Ok(());
            }
            self.check_writable()?;
            self.set_length(disk, end)
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        self.sync(FsCall::SyncData)
    }

    fn sync_all(&self) -> io::Result<()> {
        self.sync(FsCall::SyncAll)
    }
}
