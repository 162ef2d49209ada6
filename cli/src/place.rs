//! Where a store is, and how commands open it.
//!
//! Every command that only looks goes through [`open_for_reading`], which works beside a process
//! that is writing. Never creates a store where a person more likely mistyped a path.

use crate::failure::Failure;
use batpak::prelude::*;
use batpak::store::segment::SEGMENT_EXTENSION;
use std::io;
use std::path::Path;

/// The lock file, which every store has from its first opening on.
const LOCK_NAME: &str = "store.lock";
/// The most payload bytes in one batch that the store takes at all: one very long line or path
/// must not end an import.
pub(crate) const BATCH_BYTES_MAX: u32 = 16 * 1024 * 1024;
/// The most items in one batch; the store's own default.
pub(crate) const BATCH_ITEMS_MAX: u32 = 256;

/// What a directory holds.
enum Found {
    Nothing,
    Store,
    SomethingElse,
}

/// Opens a store for reading.
pub(crate) fn open_for_reading(path: &Path) -> Result<Store<ReadOnly>, Failure> {
    require_store(path)?;
    Ok(Store::open_read_only(StoreConfig::new(path))?)
}

/// Refuses a path that holds no store, since reading it would look like an empty one.
pub(crate) fn require_store(path: &Path) -> Result<(), Failure> {
    let shown = path.display();
    match look(path)? {
        Found::Store => Ok(()),
        Found::Nothing | Found::SomethingElse => Err(Failure::CannotOpen(format!(
            "there is no store at {shown}: name the directory that an import has written"
        ))),
    }
}

/// Opens a store for writing, and creates it where there is nothing yet.
pub(crate) fn open_for_writing(path: &Path) -> Result<Store<Open>, Failure> {
    if let Found::SomethingElse = look(path)? {
        let shown = path.display();
        return Err(Failure::CannotOpen(format!(
            "{shown} holds other files and no store: name a new or empty directory"
        )));
    }
    let config = StoreConfig::new(path)
        .with_batch_max_size(BATCH_ITEMS_MAX)
        .with_batch_max_bytes(BATCH_BYTES_MAX);
    Ok(Store::open(config)?)
}

fn look(path: &Path) -> Result<Found, Failure> {
    let entries = match path.read_dir() {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => {
            let text = format!("{} cannot be read: {error}", path.display());
            return Err(Failure::CannotOpen(text));
        }
    };
    let mut found = Found::Nothing;
    for entry in entries {
        let name = entry
            .map_err(|error| Failure::io("listing the store", &error))?
            .file_name();
        let is_segment = Path::new(&name)
            .extension()
            .is_some_and(|e| e == SEGMENT_EXTENSION);
        if is_segment || name == LOCK_NAME {
            return Ok(Found::Store);
        }
        found = Found::SomethingElse;
    }
    Ok(found)
}
