//! Stands in for the real file system where its guarantees are not known.
//!
//! Linux and macOS are supported. Elsewhere neither the lock nor the syncing of a directory is
//! what a log needs, and an honest refusal is better than a log that may be lost.

use std::convert::Infallible;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::{Access, DirectoryLock, File, Fs};

/// The file system of a platform that is not supported: there is no value of this type.
#[derive(Clone, Debug)]
pub struct RealFs(Infallible);

impl RealFs {
    /// Refuses, because the platform is not supported.
    ///
    /// # Errors
    /// Always `Unsupported`.
    pub fn create(_directory: impl AsRef<Path>) -> io::Result<Self> {
        Err(unsupported())
    }

    /// Refuses, because the platform is not supported.
    ///
    /// # Errors
    /// Always `Unsupported`.
    pub fn create_empty(
        _directory: impl AsRef<Path>,
        _outside: impl AsRef<Path>,
    ) -> io::Result<Self> {
        Err(unsupported())
    }

    /// Refuses, because the platform is not supported.
    ///
    /// # Errors
    /// Always `Unsupported`.
    pub fn open(_directory: impl AsRef<Path>) -> io::Result<Self> {
        Err(unsupported())
    }
}

impl Fs for RealFs {
    fn list(&self, _directory: &str) -> io::Result<Vec<String>> {
        match self.0 {}
    }

    fn open(&self, _name: &str, _access: Access) -> io::Result<Arc<dyn File>> {
        match self.0 {}
    }

    fn create_new(&self, _name: &str) -> io::Result<Arc<dyn File>> {
        match self.0 {}
    }

    fn rename(&self, _from: &str, _to: &str) -> io::Result<()> {
        match self.0 {}
    }

    fn remove(&self, _name: &str) -> io::Result<()> {
        match self.0 {}
    }

    fn create_directory(&self, _name: &str) -> io::Result<()> {
        match self.0 {}
    }

    fn sync_directory(&self, _name: &str) -> io::Result<()> {
        match self.0 {}
    }

    fn lock(&self, _name: &str) -> io::Result<Option<Box<dyn DirectoryLock>>> {
        match self.0 {}
    }

    fn boot_id(&self) -> Option<[u8; 16]> {
        match self.0 {}
    }

    fn exists(&self, _name: &str) -> io::Result<bool> {
        match self.0 {}
    }
}

fn unsupported() -> io::Error {
    let text = "batpak keeps its promises on Linux and macOS only";
    io::Error::new(io::ErrorKind::Unsupported, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_in_is_refused_with_a_typed_error() {
        for refused in [
            RealFs::create("x"),
            RealFs::create_empty("x", "y"),
            RealFs::open("x"),
        ] {
            assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::Unsupported);
        }
    }
}
