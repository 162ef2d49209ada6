//! The names of a directory in memory, and what each call demands of them.
//!
//! Shared by the doubles of the file system, so that they refuse the same names with the same
//! errors; what stands behind a name is theirs.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use super::name;

/// The files and directories below a root.
#[derive(Clone)]
pub(super) struct Names<T> {
    pub(super) files: BTreeMap<Arc<str>, T>,
    /// The directories below the root.
    pub(super) directories: BTreeSet<Arc<str>>,
}

impl<T> Default for Names<T> {
    fn default() -> Self {
        Self {
            files: BTreeMap::new(),
            directories: BTreeSet::new(),
        }
    }
}

impl<T: Clone> Names<T> {
    /// Returns the same names with something else behind the files.
    pub(super) fn map<U>(&self, behind: impl Fn(&T) -> U) -> Names<U> {
        let file = |(name, file): (&Arc<str>, &T)| (Arc::clone(name), behind(file));
        Names {
            files: self.files.iter().map(file).collect(),
            directories: self.directories.clone(),
        }
    }

    /// Lists the leaves of the files directly in a directory.
    pub(super) fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        self.check_directory(directory)?;
        let leaves = self.files.keys().filter_map(|name| {
            let (parent, leaf) = name.rsplit_once('/').unwrap_or(("", name));
            (parent == directory).then(|| leaf.to_owned())
        });
        Ok(leaves.collect())
    }

    /// Finds a file by its name.
    pub(super) fn file(&self, name: &str) -> io::Result<T> {
        self.is_taken(name)?;
        if self.directories.contains(name) {
            return Err(name::not_a_regular_file(name));
        }
        let file = self.files.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(file.clone())
    }

    /// Tells whether anything has this name, and fails where its directory is missing.
    pub(super) fn is_taken(&self, name: &str) -> io::Result<bool> {
        let (parent, _) = name::split(name)?;
        self.check_directory(parent)?;
        Ok(self.files.contains_key(name) || self.directories.contains(name))
    }

    /// Tells whether anything has this name; where its directory is missing, nothing has.
    pub(super) fn exists(&self, name: &str) -> io::Result<bool> {
        match self.is_taken(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            taken => taken,
        }
    }

    /// Fails where anything has this name.
    pub(super) fn check_free(&self, name: &str) -> io::Result<()> {
        if self.is_taken(name)? {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        Ok(())
    }

    /// Fails where there is no such directory; `""` is the root.
    pub(super) fn check_directory(&self, name: &str) -> io::Result<()> {
        if name.is_empty() || self.directories.contains(name) {
            return Ok(());
        }
        let (parent, _) = name::split(name)?;
        self.check_directory(parent)?;
        if self.files.contains_key(name) {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Err(io::ErrorKind::NotFound.into())
    }

    /// Fails where a directory of this name can be neither created nor found.
    pub(super) fn check_directory_to_create(&self, name: &str) -> io::Result<()> {
        self.is_taken(name)?;
        if self.files.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        Ok(())
    }

    /// Finds the file that is to be renamed.
    ///
    /// Both directories are looked at before either name, as the real file system does.
    pub(super) fn file_to_rename(&self, from: &str, to: &str) -> io::Result<T> {
        self.is_taken(from)?;
        self.is_taken(to)?;
        let file = self.file(from)?;
        if self.directories.contains(to) {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        Ok(file)
    }

    /// Finds the file that is to be removed.
    pub(super) fn file_to_remove(&self, name: &str) -> io::Result<T> {
        self.is_taken(name)?;
        if self.directories.contains(name) {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let file = self.files.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(file.clone())
    }

    /// Adds the directories above a name that are missing.
    pub(super) fn add_parents(&mut self, name: &str) {
        for (end, _) in name.match_indices('/') {
            self.directories.insert(name.split_at(end).0.into());
        }
    }
}
