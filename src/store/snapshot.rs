//! Copies of a store, taken while it is in use.

use super::{Open, Store, StoreError};
use batpak_log::fs::{Fs, RealFs};
use std::io;
use std::path::Path;
use std::sync::Arc;

impl Store<Open> {
    /// Copies everything that is visible now into a new or an empty directory, and waits until the
    /// copy is durable. Appends, reads and subscriptions go on meanwhile.
    ///
    /// The copy is a store of its own that opens like every other one: closed in good order, with
    /// the same events, sequences and hashes, and with the same id. It is one history up to here:
    /// what is appended to both of them later makes two, so append to one of them only.
    ///
    /// A copy that a crash has cut short is never opened: the directory is refused with
    /// [`UnfinishedSnapshot`](StoreError::UnfinishedSnapshot), and is to be removed. The bytes are
    /// copied as they are; [`verify`](Store::verify) on the copy tells whether they are good.
    ///
    /// # Errors
    /// `NotEmpty` when anything is in the directory, `Configuration` when it is the store's own or
    /// lies in it: then nothing was written. `StorageFull` or `Io` when the copy cannot be written:
    /// what was written of it is removed again. `CrcMismatch`, `CorruptSegment` or `Io` when the
    /// log cannot be read, `Closed` or `ActorEnded` when the part of the engine that copies has
    /// ended, `Busy` when sixteen others wait for it.
    pub fn snapshot(&self, dest: &Path) -> Result<(), StoreError> {
        let to = create_empty(dest, &self.shared.config.data_dir)?;
        match self.snapshot_to(Arc::new(to)) {
            // Another snapshot has come first.
            Err(StoreError::Io(error)) if error.kind() == io::ErrorKind::AlreadyExists => {
                let directory = dest.display().to_string();
                Err(StoreError::NotEmpty { directory })
            }
            copied => copied,
        }
    }

    /// As [`snapshot`](Self::snapshot), into any file system.
    pub(crate) fn snapshot_to(&self, to: Arc<dyn Fs>) -> Result<(), StoreError> {
        self.shared.engine.snapshot(&to).map(drop)
    }
}

/// Creates a directory for a copy of the store in another one, or takes one that is empty.
pub(super) fn create_empty(dest: &Path, own: &Path) -> Result<RealFs, StoreError> {
    RealFs::create_empty(dest, own).map_err(|error| {
        let directory = dest.display().to_string();
        if error.kind() == io::ErrorKind::DirectoryNotEmpty {
            StoreError::NotEmpty { directory }
        } else if error.kind() == io::ErrorKind::InvalidInput {
            let text = "a copy goes into a directory outside of the store's own";
            StoreError::Configuration(format!("{directory}: {text}"))
        } else {
            error.into()
        }
    })
}
