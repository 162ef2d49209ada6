//! Takes version 1 over again where the segment that holds its events is lost, and its files, which
//! stay beside it, are not: that gives the same segment.

use crate::error::StoreError;
use crate::recovery::{IN_MEMORY_BYTES_MAX, Version1Report, take_over};
use batpak_log::fs::{Access, DirectoryLock, File, Fs, MemoryFs};
use batpak_log::repair::{FoundSegment, Survey, is_whole, survey};
use batpak_log::version1::check_numbers;
use std::io;
use std::sync::Arc;

/// A directory, and beside its files one in memory.
#[derive(Debug)]
struct WithSegment {
    directory: Arc<dyn Fs>,
    memory: MemoryFs,
    name: String,
}

/// A directory, what it holds, and what was taken over again.
pub(super) type Retaken = (Arc<dyn Fs>, Survey, Option<Version1Report>);

/// Takes over what no segment of the log has taken over, in memory. Where that is refused, or is
/// too much, it is left out and reported as it was.
pub(super) fn take_over_again(
    directory: &Arc<dyn Fs>,
    surveyed: Survey,
) -> Result<Retaken, StoreError> {
    let carrier = carrier_of(&surveyed).cloned();
    let is_damaged = match &carrier {
        Some(carrier) if !surveyed.taken_over.is_empty() => !is_whole(&**directory, carrier)?,
        Some(_) | None => false,
    };
    let untaken = match is_damaged && surveyed.untaken.is_empty() {
        true => &surveyed.taken_over,
        false => &surveyed.untaken,
    };
    let bytes: u64 = untaken.iter().map(|segment| segment.len).sum();
    let as_it_is = |surveyed| Ok((Arc::clone(directory), surveyed, None));
    if untaken.is_empty() || bytes > IN_MEMORY_BYTES_MAX || check_numbers(untaken).is_err() {
        return as_it_is(surveyed);
    }
    let memory = MemoryFs::new();
    let taken = match take_over(&**directory, &memory, untaken) {
        Ok(taken) => taken,
        Err(StoreError::Io(error)) => return Err(StoreError::Io(error)),
        Err(_) => return as_it_is(surveyed),
    };
    let with_segment: Arc<dyn Fs> = Arc::new(WithSegment {
        directory: Arc::clone(directory),
        memory,
        name: taken.segment.clone(),
    });
    let again = survey(&*with_segment)?;
    // The header of the damaged one says what the events were.
    let is_same = carrier.is_none_or(|carrier| {
        carrier_of(&again).is_some_and(|of| of.header.replaced == carrier.header.replaced)
    });
    match again.untaken.is_empty() && is_same && again.store_id == surveyed.store_id {
        true => Ok((with_segment, again, Some(taken))),
        false => as_it_is(surveyed),
    }
}

/// Returns the segment that holds what was taken over.
fn carrier_of(survey: &Survey) -> Option<&FoundSegment> {
    let mut segments = survey.segments.iter();
    segments.find(|of| of.header.holds_version1())
}

impl WithSegment {
    fn of(&self, name: &str) -> &dyn Fs {
        match name == self.name {
            true => &self.memory,
            false => &*self.directory,
        }
    }
}

impl Fs for WithSegment {
    fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        let mut names = self.directory.list(directory)?;
        if directory.is_empty() && !names.contains(&self.name) {
            names.push(self.name.clone());
        }
        Ok(names)
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn File>> {
        self.of(name).open(name, access)
    }

    fn create_new(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.of(name).create_new(name)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.directory.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.directory.remove(name)
    }

    fn create_directory(&self, name: &str) -> io::Result<()> {
        self.directory.create_directory(name)
    }

    fn sync_directory(&self, name: &str) -> io::Result<()> {
        self.directory.sync_directory(name)
    }

    fn lock(&self, name: &str) -> io::Result<Option<Box<dyn DirectoryLock>>> {
        self.directory.lock(name)
    }

    fn boot_id(&self) -> Option<[u8; 16]> {
        self.directory.boot_id()
    }

    fn exists(&self, name: &str) -> io::Result<bool> {
        self.of(name).exists(name)
    }
}
