//! The simulated disk as a file system.

use std::fmt;
use std::io;
use std::sync::Arc;

use super::SimFs;
use super::call::{Call, Way, make};
use super::directory::NameChange;
use super::disk::{Disk, Shared, enter};
use super::file::SimFile;
use crate::fs::{Access, DirectoryLock, File, Fs, FsCall};

impl SimFs {
    fn make<T>(
        &self,
        call: FsCall,
        name: &str,
        body: impl FnOnce(&mut Disk, Way) -> io::Result<T>,
    ) -> io::Result<T> {
        make(&self.disk, Call::new(call, name, 0), None, body)
    }
}

impl Fs for SimFs {
    fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        self.make(FsCall::List, directory, |disk, _| {
            disk.names.live.list(directory)
        })
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn File>> {
        self.make(FsCall::Open, name, |disk, _| {
            let inode = disk.names.live.file(name)?;
            Ok(SimFile::open(&self.disk, disk, inode, name, access))
        })
    }

    fn create_new(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.make(FsCall::CreateNew, name, |disk, _| {
            disk.names.live.check_free(name)?;
            let (inode, access) = (disk.create(name), Access::ReadWrite);
            Ok(SimFile::open(&self.disk, disk, inode, name, access))
        })
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.make(FsCall::Rename, from, |disk, _| {
            let inode = disk.names.live.file_to_rename(from, to)?;
            if from != to {
                let change = NameChange::Rename(from.into(), to.into(), inode);
                disk.names.change(change);
                disk.collect();
            }
            Ok(())
        })
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.make(FsCall::Remove, name, |disk, _| {
            disk.names.live.file_to_remove(name)?;
            disk.names.change(NameChange::Unlink(name.into()));
            disk.collect();
            Ok(())
        })
    }

    fn create_directory(&self, name: &str) -> io::Result<()> {
        self.make(FsCall::CreateDirectory, name, |disk, _| {
            disk.names.live.check_directory_to_create(name)?;
            if !disk.names.live.directories.contains(name) {
                disk.names.change(NameChange::Directory(name.into()));
            }
            Ok(())
        })
    }

    fn sync_directory(&self, name: &str) -> io::Result<()> {
        self.make(FsCall::SyncDirectory, name, |disk, way| {
            disk.names.live.check_directory(name)?;
            if way != Way::Lying {
                disk.names.sync(name);
                disk.collect();
            }
            Ok(())
        })
    }

    fn lock(&self, name: &str) -> io::Result<Option<Box<dyn DirectoryLock>>> {
        self.make(FsCall::Lock, name, |disk, _| {
            if disk.names.live.is_taken(name)? {
                disk.names.live.file(name)?;
            } else {
                disk.create(name);
            }
            if !disk.locks.insert(name.to_owned()) {
                return Ok(None);
            }
            let lock: Box<dyn DirectoryLock> = Box::new(SimLock {
                disk: Arc::clone(&self.disk),
                name: name.to_owned(),
            });
            Ok(Some(lock))
        })
    }

    fn boot_id(&self) -> Option<[u8; 16]> {
        self.boot_id
    }

    fn exists(&self, name: &str) -> io::Result<bool> {
        self.make(FsCall::Exists, name, |disk, _| disk.names.live.exists(name))
    }
}

/// A held lock; dropping it frees the name, even of a dead disk.
struct SimLock {
    disk: Shared,
    name: String,
}

impl DirectoryLock for SimLock {}

impl fmt::Debug for SimLock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("SimLock").field(&self.name).finish()
    }
}

impl Drop for SimLock {
    fn drop(&mut self) {
        enter(&self.disk).locks.remove(&self.name);
    }
}
