//! The file system of the machine, rooted at one directory.
//!
//! Owns the descriptor of the root. Every name is resolved from it, one component at a time and
//! never through a symbolic link: so nothing outside is reached, and a working directory that
//! changes or a root that is renamed while a store is open does no harm. What is done to the root
//! itself, and to names in it, needs no further descriptor: a process that has none left can still
//! rename a file and make that durable, so it never fails half way.

#![expect(
    clippy::disallowed_methods,
    reason = "this is the room that the other rooms are sent to"
)]

use std::fs::{self, TryLockError};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::{Errno, retry_on_intr};

mod directories;

use super::{Access, DirectoryLock, File, Fs, name};
use directories::{find_or_create, open_directory, open_root, resolve, sync};

/// Reading does not make the file system note when a file was read last: a look at its records
/// for every call, and a change of them now and then.
#[cfg(target_os = "linux")]
const UNNOTED: OFlags = OFlags::NOATIME;
#[cfg(not(target_os = "linux"))]
const UNNOTED: OFlags = OFlags::empty();

/// Where Linux tells which run of the machine this is; elsewhere nothing is there.
const BOOT_ID_PATH: &str = "/proc/sys/kernel/random/boot_id";

/// A directory of the machine's file system.
///
/// A clone shares the open directory.
#[derive(Clone, Debug)]
pub struct RealFs {
    root: Arc<fs::File>,
}

/// The directory that holds a name.
#[derive(Debug)]
enum Parent<'a> {
    Root(&'a fs::File),
    Below(OwnedFd),
}

impl AsFd for Parent<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Root(root) => root.as_fd(),
            Self::Below(directory) => directory.as_fd(),
        }
    }
}

impl RealFs {
    /// Opens a directory, and creates it and its missing parents where needed.
    ///
    /// Each directory that is created is durable when this returns. The name of one that is there
    /// already is made durable too, because the process that created it may have died before it
    /// could; where its parent cannot be synced by us, that is left to the parent's owner.
    ///
    /// # Errors
    /// Passes on what the system reports; `NotADirectory` where something else has the name.
    pub fn create(directory: impl AsRef<Path>) -> io::Result<Self> {
        find_or_create(directory.as_ref()).map(Self::rooted_at)
    }

    /// Opens a directory that is there; creates nothing.
    ///
    /// # Errors
    /// `NotFound` where it is not there, `NotADirectory` where something else has the name.
    pub fn open(directory: impl AsRef<Path>) -> io::Result<Self> {
        open_root(directory.as_ref()).map(Self::rooted_at)
    }

    /// Opens a directory in which nothing is, and creates it and its missing parents where needed,
    /// as [`create`](Self::create) does. It must lie outside of `outside`, which is there.
    ///
    /// # Errors
    /// `InvalidInput` where it is `outside` or lies in it, `DirectoryNotEmpty` where anything is in
    /// it, `NotADirectory` where something else has the name; nothing was created then.
    pub fn create_empty(
        directory: impl AsRef<Path>,
        outside: impl AsRef<Path>,
    ) -> io::Result<Self> {
        let directory = directory.as_ref();
        if resolve(directory)?.starts_with(fs::canonicalize(outside)?) {
            let text = "the directory lies in the one that is copied";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let root = find_or_create(directory)?;
        for entry in Dir::read_from(&root)? {
            if !matches!(entry?.file_name().to_bytes(), b"." | b"..") {
                return Err(io::ErrorKind::DirectoryNotEmpty.into());
            }
        }
        Ok(Self::rooted_at(root))
    }

    fn rooted_at(root: OwnedFd) -> Self {
        let root = Arc::new(root.into());
        Self { root }
    }

    /// Opens a directory below the root, or the root itself for `""`.
    fn directory(&self, name: &str) -> io::Result<OwnedFd> {
        let mut directory = open_directory(&*self.root, ".")?;
        if !name.is_empty() {
            name::split(name)?;
            for component in name.split('/') {
                directory = open_directory(&directory, component)
                    .map_err(|error| name::told(component, error))?;
            }
        }
        Ok(directory)
    }

    /// Returns the directory that holds a name, opened if it is not the root, and the name's last
    /// component.
    fn parent<'a>(&self, name: &'a str) -> io::Result<(Parent<'_>, &'a str)> {
        let (parent, leaf) = name::split(name)?;
        let parent = match parent {
            "" => Parent::Root(&self.root),
            below => Parent::Below(self.directory(below)?),
        };
        Ok((parent, leaf))
    }

    /// Opens a name with the given flags and refuses what is not a regular file.
    fn open_regular(&self, name: &str, flags: OFlags) -> io::Result<fs::File> {
        let (parent, leaf) = self.parent(name)?;
        // Without NONBLOCK, opening a pipe would wait for its other end; regular files ignore it.
        let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
        // The umask decides who else may read, as for every file that std creates.
        let mode = Mode::from_raw_mode(0o666);
        match retry_on_intr(|| rustix::fs::openat(&parent, leaf, flags, mode)) {
            Ok(file) if is(FileType::RegularFile, &rustix::fs::fstat(&file)?) => Ok(file.into()),
            // These are the answers for a symbolic link, a directory and a socket.
            Ok(_) | Err(Errno::LOOP | Errno::ISDIR | Errno::NXIO | Errno::OPNOTSUPP) => {
                Err(name::not_a_regular_file(name))
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl Fs for RealFs {
    fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        let directory = self.directory(directory)?;
        let mut names = Vec::new();
        for entry in Dir::read_from(&directory)? {
            let entry = entry?;
            // A name that is not UTF-8 is none of ours.
            let Ok(name) = entry.file_name().to_str() else {
                continue;
            };
            let told = entry.file_type();
            // Some file systems do not tell the type with the name.
            let asked = told == FileType::Unknown;
            if told == FileType::RegularFile
                || (asked && has_type(&directory, name, FileType::RegularFile)?)
            {
                names.push(name.to_owned());
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn File>> {
        let file = match access {
            Access::Read => match self.open_regular(name, OFlags::RDONLY | UNNOTED) {
                // Only a file's owner may read it unnoted.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    self.open_regular(name, OFlags::RDONLY)?
                }
                opened => opened?,
            },
            Access::ReadWrite => self.open_regular(name, OFlags::RDWR)?,
        };
        Ok(Arc::new(RealFile(file)))
    }

    fn create_new(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL;
        Ok(Arc::new(RealFile(self.open_regular(name, flags)?)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let (from_parent, from) = self.parent(from)?;
        let (to_parent, to) = self.parent(to)?;
        Ok(rustix::fs::renameat(from_parent, from, to_parent, to)?)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let (parent, leaf) = self.parent(name)?;
        let removed = rustix::fs::unlinkat(parent, leaf, AtFlags::empty());
        removed.map_err(|error| name::told(name, error.into()))
    }

    fn create_directory(&self, name: &str) -> io::Result<()> {
        let (parent, leaf) = self.parent(name)?;
        match rustix::fs::mkdirat(&parent, leaf, Mode::from_raw_mode(0o777)) {
            Err(Errno::EXIST) if has_type(&parent, leaf, FileType::Directory)? => Ok(()),
            created => Ok(created?),
        }
    }

    fn sync_directory(&self, name: &str) -> io::Result<()> {
        match name {
            "" => self.root.sync_all(),
            below => sync(self.directory(below)?),
        }
    }

    fn lock(&self, name: &str) -> io::Result<Option<Box<dyn DirectoryLock>>> {
        let file = self.open_regular(name, OFlags::RDWR | OFlags::CREATE)?;
        // This is flock, which belongs to the open file: a POSIX record lock would be lost as soon
        // as any part of the process closed another descriptor of the same file.
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(RealLock { file }))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn boot_id(&self) -> Option<[u8; 16]> {
        parse_boot_id(fs::read_to_string(BOOT_ID_PATH).ok()?.trim_end())
    }

    fn exists(&self, name: &str) -> io::Result<bool> {
        let found = self.parent(name).and_then(|(parent, leaf)| {
            Ok(rustix::fs::statat(parent, leaf, AtFlags::SYMLINK_NOFOLLOW)?)
        });
        match found {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// An open regular file.
#[derive(Debug)]
struct RealFile(fs::File);

impl File for RealFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.0.write_at(bytes, offset)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        let end = offset.checked_add(len).ok_or(Errno::FBIG)?;
        if len == 0 || end <= self.len()? {
            return Ok(());
        }
        extend(&self.0, offset, len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.0.sync_all()
    }
}

/// A lock that lasts as long as the descriptor, and so no longer than the process.
#[derive(Debug)]
struct RealLock {
    file: fs::File,
}

/// Closing the file is not enough: a child that another thread has started holds a copy of the
/// descriptor between its fork and its exec, and the lock belongs to all copies.
impl Drop for RealLock {
    fn drop(&mut self) {
        // Whatever is wrong with it, the descriptor is closed next.
        let _unlocked = self.file.unlock();
    }
}

impl DirectoryLock for RealLock {}

/// Tells whether a name in a directory has this type; a name that has just gone has none.
fn has_type(directory: impl AsFd, name: &str, wanted: FileType) -> io::Result<bool> {
    match rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(is(wanted, &stat)),
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn is(wanted: FileType, stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == wanted
}

/// Reserves room beyond the end of a file.
#[cfg(target_os = "linux")]
fn extend(file: &fs::File, offset: u64, len: u64) -> io::Result<()> {
    use rustix::fs::{FallocateFlags, fallocate};

    match retry_on_intr(|| fallocate(file, FallocateFlags::empty(), offset, len)) {
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
        extended => Ok(extended?),
    }
}

/// Extends a file; macOS reserves room only from the end on, which is not worth a second path.
#[cfg(not(target_os = "linux"))]
fn extend(file: &fs::File, offset: u64, len: u64) -> io::Result<()> {
    file.set_len(offset.saturating_add(len))
}

/// Reads the text form of a UUID.
fn parse_boot_id(text: &str) -> Option<[u8; 16]> {
    let digits = text.replace('-', "");
    let hexadecimal = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    if digits.len() != 32 || !hexadecimal {
        return None;
    }
    u128::from_str_radix(&digits, 16)
        .ok()
        .map(u128::to_be_bytes)
}

#[cfg(test)]
mod tests;
