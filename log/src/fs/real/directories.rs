//! Opens, creates and syncs directories.

use rustix::fs::{Mode, OFlags};
use rustix::io::retry_on_intr;
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

/// Returns where a path leads, whether or not its last parts are there.
pub(super) fn resolve(path: &Path) -> io::Result<PathBuf> {
    match fs::canonicalize(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        found => return found,
    }
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    Ok(resolve(parent.unwrap_or(Path::new(".")))?.join(name))
}

/// Opens a directory, and creates what of its path is missing, from the top down.
pub(super) fn find_or_create(directory: &Path) -> io::Result<OwnedFd> {
    match open_root(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        found => {
            let found = found?;
            sync_parent_if_allowed(&found)?;
            return Ok(found);
        }
    }
    if let Some(parent) = directory.parent()
        && !parent.as_os_str().is_empty()
    {
        find_or_create(parent)?;
    }
    match fs::create_dir(directory) {
        // Somebody was faster, which is as good.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        created => created?,
    }
    let created = open_root(directory)?;
    sync(open_directory(&created, "..")?)?;
    Ok(created)
}

/// Opens the directory of a path; symbolic links above and at the root are the user's business.
pub(super) fn open_root(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(retry_on_intr(|| {
        rustix::fs::open(path, flags, Mode::empty())
    })?)
}

/// Opens the directory of this one component below another directory.
pub(super) fn open_directory(parent: impl AsFd, component: &str) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(retry_on_intr(|| {
        rustix::fs::openat(&parent, component, flags, Mode::empty())
    })?)
}

/// Makes the name of a directory durable that we did not create.
///
/// Its parent may be closed to us, or be one that is never synced, such as a mount's.
fn sync_parent_if_allowed(directory: &OwnedFd) -> io::Result<()> {
    match open_directory(directory, "..").and_then(sync) {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::PermissionDenied
                    | io::ErrorKind::InvalidInput
                    | io::ErrorKind::ReadOnlyFilesystem
            ) =>
        {
            Ok(())
        }
        synced => synced,
    }
}

/// Syncs a directory; std knows that macOS needs another call than fsync.
pub(super) fn sync(directory: OwnedFd) -> io::Result<()> {
    fs::File::from(directory).sync_all()
}
