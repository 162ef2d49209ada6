//! A folder of a simulated disk as a file system of its own.

use batpak::testkit::{Access, DirectoryLock, File, Fs, SimFs};
use std::io;
use std::sync::Arc;

/// A folder: its names stand below it, and crash, fail and fill up with the disk.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    disk: SimFs,
    name: String,
}

impl Folder {
    pub(crate) fn new(disk: &SimFs, name: &str) -> Self {
        let (disk, name) = (disk.clone(), name.to_owned());
        Self { disk, name }
    }

    fn below(&self, name: &str) -> String {
        match name {
            "" => self.name.clone(),
            name => format!("{}/{name}", self.name),
        }
    }

    /// Returns a disk with nothing but what is in the folder, as calls see it.
    pub(crate) fn taken_out(&self) -> SimFs {
        let disk = SimFs::new();
        let front = self.below("") + "/";
        for name in self.disk.files() {
            let leaf = name.strip_prefix(&front);
            if let (Some(leaf), Ok(bytes)) = (leaf, self.disk.bytes(&name)) {
                disk.set_bytes(leaf, bytes);
            }
        }
        disk
    }
}

impl Fs for Folder {
    fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        self.disk.list(&self.below(directory))
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn File>> {
        self.disk.open(&self.below(name), access)
    }

    fn create_new(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.disk.create_new(&self.below(name))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(&self.below(from), &self.below(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.disk.remove(&self.below(name))
    }

    fn create_directory(&self, name: &str) -> io::Result<()> {
        self.disk.create_directory(&self.below(name))
    }

    fn sync_directory(&self, name: &str) -> io::Result<()> {
        self.disk.sync_directory(&self.below(name))
    }

    fn lock(&self, name: &str) -> io::Result<Option<Box<dyn DirectoryLock>>> {
        self.disk.lock(&self.below(name))
    }

    fn boot_id(&self) -> Option<[u8; 16]> {
        self.disk.boot_id()
    }

    fn exists(&self, name: &str) -> io::Result<bool> {
        self.disk.exists(&self.below(name))
    }
}
