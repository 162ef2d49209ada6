//! An in-memory disk whose calls panic when a countdown ends, before or after they are done, as a
//! bug anywhere in an actor would.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use batpak_log::fs::{Access, DirectoryLock, File, Fs, MemoryFs};

/// Counts calls down to a panic; not armed while negative.
#[derive(Clone, Debug)]
pub(crate) struct Countdown(Arc<AtomicI64>);

impl Countdown {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicI64::new(-1)))
    }

    /// The panic comes after so many calls and returns.
    pub(crate) fn arm(&self, steps: i64) {
        self.0.store(steps, Ordering::Relaxed);
    }

    pub(crate) fn disarm(&self) {
        self.arm(-1);
    }

    fn around<T>(&self, call: impl FnOnce() -> T) -> T {
        self.step("before");
        let done = call();
        self.step("after");
        done
    }

    fn step(&self, when: &str) {
        if self.0.load(Ordering::Relaxed) >= 0 && self.0.fetch_sub(1, Ordering::Relaxed) == 0 {
            panic!("a test asked for a panic {when} a call of the disk");
        }
    }
}

#[derive(Debug)]
pub(crate) struct PanickingFs {
    pub(crate) inner: MemoryFs,
    pub(crate) countdown: Countdown,
}

#[derive(Debug)]
struct PanickingFile {
    inner: Arc<dyn File>,
    countdown: Countdown,
}

impl PanickingFs {
    fn wrap(&self, file: Arc<dyn File>) -> Arc<dyn File> {
        Arc::new(PanickingFile {
            inner: file,
            countdown: self.countdown.clone(),
        })
    }
}

impl Fs for PanickingFs {
    fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        self.inner.list(directory)
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn File>> {
        self.countdown
            .around(|| self.inner.open(name, access))
            .map(|file| self.wrap(file))
    }

    fn create_new(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.countdown
            .around(|| self.inner.create_new(name))
            .map(|file| self.wrap(file))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.countdown.around(|| self.inner.rename(from, to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.countdown.around(|| self.inner.remove(name))
    }

    fn create_directory(&self, name: &str) -> io::Result<()> {
        self.inner.create_directory(name)
    }

    fn sync_directory(&self, name: &str) -> io::Result<()> {
        self.countdown.around(|| self.inner.sync_directory(name))
    }

    fn lock(&self, name: &str) -> io::Result<Option<Box<dyn DirectoryLock>>> {
        self.inner.lock(name)
    }

    fn boot_id(&self) -> Option<[u8; 16]> {
        self.inner.boot_id()
    }

    fn exists(&self, name: &str) -> io::Result<bool> {
        self.inner.exists(name)
    }
}

impl File for PanickingFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.inner.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.countdown.step("before");
        // Half of it is written when the panic comes in the middle.
        let half = bytes.get(..bytes.len() / 2).unwrap_or_default();
        let written = self.inner.write_at(half, offset)?;
        self.countdown.step("in the middle of");
        let rest = bytes.get(written..).unwrap_or_default();
        let rest = self.inner.write_at(rest, offset + written as u64)?;
        self.countdown.step("after");
        Ok(written + rest)
    }

    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.countdown.around(|| self.inner.truncate(len))
    }

    fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        self.countdown.around(|| self.inner.allocate(offset, len))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.countdown.around(|| self.inner.sync_data())
    }

    fn sync_all(&self) -> io::Result<()> {
        self.countdown.around(|| self.inner.sync_all())
    }
}
