//! Making a readable store of a directory that an opening refuses.

use super::open::repair_options;
use super::snapshot::create_empty;
use super::{StoreConfig, StoreError};
use batpak_actors::repair::{RepairProgress, RepairReport};
use batpak_log::fs::{Fs, RealFs};
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Makes a readable store of a directory that an opening refuses, in a new or an empty directory.
/// The directory itself is only read.
///
/// 1. The longest front of the log that is sound is **kept** as it is: its sequences, clocks,
///    hashes, keys and cursor positions go on.
/// 2. From behind the damage every event that stands in a whole group is **saved**: it is appended
///    again in its order, with its id, coordinate, kind, flags, payload, correlation, causation and
///    time (or that of the event before it, if that is later). It gets a new sequence, above all
///    that were ever given out, a new clock and hash. A group is what was written at once: a batch,
///    or several appends of one moment. One that is hit is lost as a whole, so that no half of a
///    batch is ever saved.
/// 3. What is **missing** is in the report, by bytes and sequences.
///
/// A header that is lost is rebuilt from the groups, the footer and the neighbours. What the
/// released batpak wrote and nothing has taken over is taken over as far as it is whole. What
/// compaction had removed does not come back from the segments that it merged, if they are still
/// there or there again, unless nothing of the merged one is whole: then
/// [`outdated`](RepairReport::outdated) says so.
///
/// Nothing is guessed: events of a visibility fence whose end is lost, those whose entity was
/// defined in bytes that are lost, and what compaction left of removed events are counted and not
/// saved; a file of another store is not looked into. What is kept or saved was accepted by an
/// opening of the copy; [`verify`](super::Store::verify) on the copy recomputes every hash.
///
/// Close the store before; a process that goes on writing makes it look damaged. A copy that a
/// crash has cut short is refused with [`UnfinishedSnapshot`](StoreError::UnfinishedSnapshot), and
/// is to be removed. Index, checkpoint and what was set aside are not copied: an index is built
/// anew.
///
/// ```
/// use batpak::prelude::*;
/// use batpak::store::repair;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = tempfile::tempdir()?;
/// # let (damaged, mended) = (directory.path().join("damaged"), directory.path().join("mended"));
/// # let coordinate = Coordinate::new("order:1", "shop")?;
/// # let store = Store::open(StoreConfig::new(&damaged))?;
/// # store.append(&coordinate, EventKind::DATA, &1)?;
/// # store.close()?;
/// let report = repair(&damaged, &mended)?;
/// if !report.is_complete() {
///     for lost in &report.lost {
///         eprintln!("{}: bytes {:?} are lost", lost.file, lost.bytes);
///     }
/// }
/// let store = Store::open(StoreConfig::new(&mended))?;
/// assert!(store.verify()?.first_bad.is_none());
/// # store.close()?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// `NotEmpty` when anything is in the destination, `Configuration` when it lies in the directory
/// itself, or when there is no log. `CorruptSegment` when nothing of the log is whole,
/// `FutureVersion` when a later version wrote a part of it, `Io` when a file cannot
/// be read. `StorageFull` or `Io` when the copy cannot be written: what was written of it is
/// removed again.
pub fn repair(
    directory: impl AsRef<Path>,
    destination: impl AsRef<Path>,
) -> Result<RepairReport, StoreError> {
    repair_with(directory, destination, |_| {})
}

/// As [`repair`]; `progress` is told how far it has come.
///
/// # Errors
/// As [`repair`].
pub fn repair_with(
    directory: impl AsRef<Path>,
    destination: impl AsRef<Path>,
    mut progress: impl FnMut(RepairProgress),
) -> Result<RepairReport, StoreError> {
    let (directory, destination) = (directory.as_ref(), destination.as_ref());
    let from: Arc<dyn Fs> = Arc::new(RealFs::open(directory)?);
    let to: Arc<dyn Fs> = Arc::new(create_empty(destination, directory)?);
    repair_into(&from, to, &StoreConfig::new(destination), &mut progress)
}

/// As [`repair_with`], between any file systems.
pub(crate) fn repair_into(
    from: &Arc<dyn Fs>,
    to: Arc<dyn Fs>,
    config: &StoreConfig,
    progress: &mut dyn FnMut(RepairProgress),
) -> Result<RepairReport, StoreError> {
    let repaired = batpak_actors::repair::repair(from, &repair_options(config, to), progress);
    match repaired {
        // Another copy has come first.
        Err(StoreError::Io(error)) if error.kind() == io::ErrorKind::AlreadyExists => {
            let directory = config.data_dir.display().to_string();
            Err(StoreError::NotEmpty { directory })
        }
        repaired => repaired,
    }
}
