//! A directory whose mark of an unfinished copy is not seen by whoever finishes it.

use batpak_log::fs::{Access, DirectoryLock, File, Fs};
use batpak_log::layout::SNAPSHOT_MARK_NAME;
use std::io;
use std::sync::Arc;

/// Passes everything on, and lists everything but the mark.
#[derive(Debug)]
pub(super) struct BehindMark(pub(super) Arc<dyn Fs>);

impl Fs for BehindMark {
    fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        let mut names = self.0.list(directory)?;
        names.retain(|name| name != SNAPSHOT_MARK_NAME);
        Ok(names)
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn File>> {
        self.0.open(name, access)
    }

    fn create_new(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.0.create_new(name)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.0.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.0.remove(name)
    }

    fn create_directory(&self, name: &str) -> io::Result<()> {
        self.0.create_directory(name)
    }

    fn sync_directory(&self, name: &str) -> io::Result<()> {
        self.0.sync_directory(name)
    }

    fn lock(&self, name: &str) -> io::Result<Option<Box<dyn DirectoryLock>>> {
        self.0.lock(name)
    }

    fn boot_id(&self) -> Option<[u8; 16]> {
        self.0.boot_id()
    }

    fn exists(&self, name: &str) -> io::Result<bool> {
        self.0.exists(name)
    }
}
