//! The seam through which every byte of a store is read and written.
//!
//! Owns the two traits, [`Fs`] for a directory and [`File`] for an open file, and the loops that
//! every user of them would write again. Nothing else in the project may touch `std::fs`: so every
//! fault that a disk can show can be made to happen by a stand-in.
//!
//! The traits promise what POSIX promises and no more: a write may be short, a new name may be
//! gone after a power cut until its directory was synced, and an open file outlives its name.

mod memory;
mod name;
mod names;
#[cfg(any(target_os = "linux", target_os = "macos"))]
mod real;
#[cfg(any(test, feature = "testkit"))]
mod sim;
// The stand-in is compiled with every test too, so that it cannot rot unseen.
#[cfg(any(test, not(any(target_os = "linux", target_os = "macos"))))]
#[cfg_attr(
    any(target_os = "linux", target_os = "macos"),
    expect(
        unreachable_pub,
        reason = "the real file system has the public name here"
    )
)]
mod unsupported;

use crate::planted::{Bug, planted};
use std::fmt::Debug;
use std::io;
use std::sync::Arc;

pub use memory::{FsCall, MemoryFs};
#[cfg(any(target_os = "linux", target_os = "macos"))]
pub use real::RealFs;
#[cfg(any(test, feature = "testkit"))]
pub use sim::{Call, Fault, Keep, Loss, Noise, Observer, SimFs, When};
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
pub use unsupported::RealFs;

/// What a file is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reading alone.
    Read,
    /// Reading and writing.
    ReadWrite,
}

/// One directory and what is in it.
///
/// Names are relative to the directory, in UTF-8, with `/` between components: `000001.fbat`,
/// `recovered/x`. A name that is empty, absolute, or has a component that is empty, `.` or `..`
/// is refused with [`io::ErrorKind::InvalidInput`], so that nothing outside can be reached; where
/// a directory is meant, `""` is the root. No symbolic link below the root is ever followed.
pub trait Fs: Send + Sync + Debug + 'static {
    /// Lists the regular files directly in a directory, sorted by name.
    ///
    /// Subdirectories, symbolic links, devices and names that are not UTF-8 are left out.
    ///
    /// # Errors
    /// `NotFound` where there is no such directory.
    fn list(&self, directory: &str) -> io::Result<Vec<String>>;

    /// Opens an existing regular file; never creates one.
    ///
    /// # Errors
    /// `NotFound` where nothing has this name, `InvalidInput` where something else than a regular
    /// file has it (a symbolic link counts as something else, whatever it points to).
    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn File>>;

    /// Creates an empty file for reading and writing.
    ///
    /// # Errors
    /// `AlreadyExists` where anything has this name, `NotFound` where its directory is missing.
    fn create_new(&self, name: &str) -> io::Result<Arc<dyn File>>;

    /// Gives a file another name, in one step; a file that had the new name is replaced.
    ///
    /// # Errors
    /// `NotFound` where there is no such file.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Takes a file's name away. Whoever has the file open keeps it.
    ///
    /// # Errors
    /// `NotFound` where nothing has this name.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Creates a directory whose parent exists, or finds it there.
    ///
    /// # Errors
    /// `AlreadyExists` where something else has this name, `NotFound` where the parent is missing.
    fn create_directory(&self, name: &str) -> io::Result<()>;

    /// Makes the names in a directory durable: what was created, renamed and removed in it.
    ///
    /// # Errors
    /// `NotFound` where there is no such directory.
    fn sync_directory(&self, name: &str) -> io::Result<()>;

    /// Takes the lock of this name, which is held until the answer is dropped.
    ///
    /// `None` means that somebody holds it, in this process or another. The lock of a process that
    /// died is free at once. The file behind the name is created when it is missing and is never
    /// removed, because two holders could then lock two files of one name.
    ///
    /// # Errors
    /// `InvalidInput` where something else than a regular file has this name.
    fn lock(&self, name: &str) -> io::Result<Option<Box<dyn DirectoryLock>>>;

    /// Returns what identifies this run of the machine, from power-on to power-off.
    ///
    /// `None` means that it cannot be told, and counts as another run than any recorded one.
    fn boot_id(&self) -> Option<[u8; 16]>;

    /// Tells whether anything has this name.
    ///
    /// # Errors
    /// Passes on what the system reports; that something is missing is no error.
    fn exists(&self, name: &str) -> io::Result<bool>;
}

/// An open file, read and written at positions; it has no cursor, so that it can be shared.
pub trait File: Send + Sync + Debug {
    /// Reads into `buffer` from `offset` on and returns how many bytes; 0 is the end of the file.
    ///
    /// # Errors
    /// Passes on what the system reports. `Interrupted` may be tried again.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes the front of `bytes` at `offset` and returns how many bytes, which may be few.
    ///
    /// A gap between the file's end and `offset` reads as zeros.
    ///
    /// # Errors
    /// Passes on what the system reports. `Interrupted` may be tried again.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;

    /// Returns the file's length in bytes.
    ///
    /// # Errors
    /// Passes on what the system reports.
    fn len(&self) -> io::Result<u64>;

    /// Tells whether the file has no bytes.
    ///
    /// # Errors
    /// Passes on what the system reports.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Cuts the file to `len` bytes, or extends it to them with zeros.
    ///
    /// # Errors
    /// Passes on what the system reports.
    fn truncate(&self, len: u64) -> io::Result<()>;

    /// Reserves room for `len` bytes from `offset` on, and extends the file to them with zeros.
    ///
    /// This is advice: a file system that cannot do it leaves the file as it is and answers
    /// `Ok(())`, so look at [`File::len`] afterwards. A file that reaches that far already stays
    /// as it is, too; it is never cut.
    ///
    /// # Errors
    /// `StorageFull` where there is no room.
    fn allocate(&self, offset: u64, len: u64) -> io::Result<()>;

    /// Makes the file's bytes and length durable.
    ///
    /// # Errors
    /// After any error nothing is known of the bytes written before; a second call proves nothing.
    fn sync_data(&self) -> io::Result<()>;

    /// Makes the file's bytes and all that is recorded of it durable.
    ///
    /// # Errors
    /// As for [`File::sync_data`].
    fn sync_all(&self) -> io::Result<()>;
}

/// A lock that is held until it is dropped.
pub trait DirectoryLock: Send + Sync + Debug {}

/// Fills `buffer` from `offset` on.
///
/// # Errors
/// `UnexpectedEof` where the file ends before; the buffer's content is then unspecified.
pub fn read_exact_at(file: &dyn File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    let mut rest = buffer;
    let mut at = offset;
    while !rest.is_empty() {
        let read = match file.read_at(rest, at) {
            Ok(0) => return Err(ends_too_early(at)),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        rest = rest
            .get_mut(read..)
            .ok_or_else(|| io::Error::other("more bytes were read than the buffer holds"))?;
        at = advance(at, read)?;
    }
    Ok(())
}

/// Returns the `len` bytes from `offset` on.
///
/// The file's length is looked at first, so that a length field that is damaged cannot make the
/// process ask for more memory than the file has bytes.
///
/// # Errors
/// `UnexpectedEof` where the file ends before.
pub fn read_range(file: &dyn File, offset: u64, len: usize) -> io::Result<Vec<u8>> {
    let end = advance(offset, len)?;
    let file_len = file.len()?;
    if end > file_len {
        return Err(ends_too_early(file_len));
    }
    let mut bytes = vec![0; len];
    read_exact_at(file, &mut bytes, offset)?;
    Ok(bytes)
}

/// Writes all of `bytes` at `offset`, however short the single writes are.
///
/// # Errors
/// `WriteZero` where the file takes nothing more. After any error an unknown part of the bytes is
/// in the file.
pub fn write_all_at(file: &dyn File, bytes: &[u8], offset: u64) -> io::Result<()> {
    let mut rest = bytes;
    let mut at = offset;
    while !rest.is_empty() {
        let written = match file.write_at(rest, at) {
            Ok(_) if planted(Bug::BelieveShortWrite) => return Ok(()),
            Err(error) if planted(Bug::FailOnInterrupt) => return Err(error),
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => written,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        rest = rest
            .get(written..)
            .ok_or_else(|| io::Error::other("more bytes were written than there were"))?;
        at = advance(at, written)?;
    }
    Ok(())
}

/// Makes a file of this name and content appear in one step, durably.
///
/// 1. The bytes go to `name.tmp`; what an earlier try left there is replaced.
/// 2. They are synced, so that the name never stands for a part of them.
/// 3. The name is given, and a file that had it is replaced.
/// 4. The directory is synced.
///
/// # Errors
/// Passes on the first error. Up to step 3 the old file stands untouched and the temporary one is
/// removed; after an error of step 4 the new file is there but may be gone after a power cut.
pub fn create_atomically(fs: &dyn Fs, name: &str, bytes: &[u8]) -> io::Result<()> {
    let temporary = format!("{name}.tmp");
    let placed = write_new(fs, &temporary, bytes).and_then(|()| fs.rename(&temporary, name));
    if let Err(error) = placed {
        // The first error tells more than one of the cleaning: a leftover does no harm.
        let _ = fs.remove(&temporary);
        return Err(error);
    }
    fs.sync_directory(name::parent(name))
}

/// Removes a file; one that is not there is passed over.
///
/// # Errors
/// When the file system refuses.
pub fn remove_if_there(fs: &dyn Fs, name: &str) -> io::Result<()> {
    match fs.remove(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Writes and syncs a file that replaces a leftover of the same name.
fn write_new(fs: &dyn Fs, name: &str, bytes: &[u8]) -> io::Result<()> {
    let file = match fs.create_new(name) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs.remove(name)?;
            fs.create_new(name)?
        }
        created => created?,
    };
    write_all_at(&*file, bytes, 0)?;
    file.sync_data()
}

/// Returns the offset `count` bytes further on.
fn advance(offset: u64, count: usize) -> io::Result<u64> {
    offset
        .checked_add(count as u64)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the offset is over 64 bits"))
}

fn ends_too_early(at: u64) -> io::Error {
    let text = format!("the file ends at {at}, before the bytes that were asked for");
    io::Error::new(io::ErrorKind::UnexpectedEof, text)
}

#[cfg(test)]
mod tests;
