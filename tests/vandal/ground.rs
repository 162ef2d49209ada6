//! Where a vandalised directory lies: on a simulated machine, or on a real disk.

use super::made::{Files, config, disk, files};
use batpak::prelude::*;
use batpak::testkit::Machine;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use tempfile::TempDir;

/// A place that can be opened, again and again.
pub(crate) trait Ground {
    fn open(&self) -> Result<Store<Open>, StoreError>;
    fn open_read_only(&self) -> Result<Store<ReadOnly>, StoreError>;
    /// What is there, the lock file apart.
    fn files(&self) -> Files;
}

impl Ground for Machine {
    fn open(&self) -> Result<Store<Open>, StoreError> {
        Machine::open(self, config("made"))
    }

    fn open_read_only(&self) -> Result<Store<ReadOnly>, StoreError> {
        Machine::open_read_only(self, config("made"))
    }

    fn files(&self) -> Files {
        files(self.disk())
    }
}

/// Returns a machine with these files.
pub(crate) fn simulated(found: &Files) -> Machine {
    Machine::with_disk(disk(found), 77)
}

/// What stands in a file's place that is no file.
#[derive(Clone, Debug)]
pub(crate) enum Instead {
    Directory,
    /// A symbolic link to this name in the same directory.
    Link(String),
}

/// A directory of the real file system.
#[derive(Debug)]
pub(crate) struct Real(TempDir);

impl Real {
    pub(crate) fn new(found: &Files, instead: &[(String, Instead)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let names: BTreeSet<_> = instead.iter().map(|(name, _)| name).collect();
        for (name, bytes) in found.iter().filter(|(name, _)| !names.contains(name)) {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        for (name, what) in instead {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            match what {
                Instead::Directory => fs::create_dir_all(path).unwrap(),
                Instead::Link(to) => symlink(to, path).unwrap(),
            }
        }
        Self(directory)
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Ground for Real {
    fn open(&self) -> Result<Store<Open>, StoreError> {
        Store::open(config(self.path()))
    }

    fn open_read_only(&self) -> Result<Store<ReadOnly>, StoreError> {
        Store::open_read_only(config(self.path()))
    }

    fn files(&self) -> Files {
        let mut found = Files::new();
        for entry in fs::read_dir(self.path()).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            if entry.file_type().unwrap().is_file() && name != "store.lock" {
                found.insert(name, fs::read(entry.path()).unwrap());
            }
        }
        found
    }
}
