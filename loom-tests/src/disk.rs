//! A disk in memory that can make the writer panic between a write and its answer.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use batpak_log::directory::read_directory;
use batpak_log::fs::{Access, DirectoryLock, File, Fs, MemoryFs};
use batpak_log::recover_segment::recover_newest;
use batpak_log::segment::{ReadStart, TailFacts};

/// What the panic says.
pub const PANIC: &str = "the disk of a model panics";

/// A disk that panics when it has written a group, once.
///
/// Its counter is no part of the model: only the writer's thread touches it.
#[derive(Debug)]
pub struct Disk {
    files: MemoryFs,
    countdown: Arc<Countdown>,
}

/// Counts the groups that are still to be written in good order.
#[derive(Debug)]
struct Countdown(AtomicU64);

impl Disk {
    /// Returns an empty disk that panics over the group after so many, or never.
    pub fn new(panics_after_groups: Option<u64>) -> Self {
        let groups = panics_after_groups.unwrap_or(u64::MAX);
        Self {
            files: MemoryFs::new(),
            countdown: Arc::new(Countdown(AtomicU64::new(groups))),
        }
    }

    /// Returns the ids of all events on the disk, in order.
    pub fn stored(&self) -> Vec<u128> {
        let directory = read_directory(self).expect("the directory can be read");
        let mut ids = Vec::new();
        for header in &directory.segments {
            let file = self.open(&header.segment.file_name(), Access::Read);
            let file = file.expect("a segment can be opened");
            let start = ReadStart::of(header);
            let end = recover_newest(
                &file,
                header,
                TailFacts::default(),
                &start,
                &mut |_, group| {
                    ids.extend(group.events.iter().map(|event| event.record.event_id));
                },
            );
            end.expect("a segment is whole");
        }
        ids
    }
}

impl Countdown {
    fn count_group(&self) {
        match self.0.load(Ordering::Relaxed) {
            0 => {
                self.0.store(u64::MAX, Ordering::Relaxed);
                std::panic::panic_any(PANIC);
            }
            groups => self.0.store(groups - 1, Ordering::Relaxed),
        }
    }
}

impl Fs for Disk {
    fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        self.files.list(directory)
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn File>> {
        self.files.open(name, access)
    }

    fn create_new(&self, name: &str) -> io::Result<Arc<dyn File>> {
        Ok(Arc::new(CountedFile {
            file: self.files.create_new(name)?,
            countdown: Arc::clone(&self.countdown),
        }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.files.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.files.remove(name)
    }

    fn create_directory(&self, name: &str) -> io::Result<()> {
        self.files.create_directory(name)
    }

    fn sync_directory(&self, name: &str) -> io::Result<()> {
        self.files.sync_directory(name)
    }

    fn lock(&self, name: &str) -> io::Result<Option<Box<dyn DirectoryLock>>> {
        self.files.lock(name)
    }

    fn boot_id(&self) -> Option<[u8; 16]> {
        self.files.boot_id()
    }

    fn exists(&self, name: &str) -> io::Result<bool> {
        self.files.exists(name)
    }
}

/// A segment that was created on a [`Disk`].
#[derive(Debug)]
struct CountedFile {
    file: Arc<dyn File>,
    countdown: Arc<Countdown>,
}

impl File for CountedFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let written = self.file.write_at(bytes, offset)?;
        // What stands at the start is the segment's header.
        if offset > 0 {
            self.countdown.count_group();
        }
        Ok(written)
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.file.truncate(len)
    }

    fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        self.file.allocate(offset, len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.file.sync_all()
    }
}
