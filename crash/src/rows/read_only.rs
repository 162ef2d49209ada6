//! Stores where nothing can be written: a disk that became read-only, a view of a directory and a
//! device that are read-only from the start.

use super::files::contents;
use crate::history::History;
use crate::ledger::After;
use crate::mounts::{self, Mount};
use crate::plan::Style;
use crate::process::Child;
use crate::row::{Row, Trial};
use anyhow::{Context, Result, bail, ensure};
use batpak::prelude::*;
use rustix::process::Signal;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

pub(crate) const DISK: Row = Row {
    name: "read-only-disk",
    promise: "a store on a read-only disk is refused for writing, reads well, and stays as it was",
    unit: "read-only disks",
    counts: [20, 200, 2_000],
    in_memory: false,
    why_not: mounts::why_no_memory,
    trial: read_only_disk,
};

pub(crate) const MEDIA: Row = Row {
    name: "read-only-media",
    promise: "the same where a bind mount or a whole device has never been writable",
    unit: "read-only mounts",
    counts: [10, 100, 1_000],
    in_memory: false,
    why_not: mounts::why_no_image,
    trial: read_only_media,
};

fn read_only_disk(trial: &Trial, count: &mut u64) -> Result<()> {
    let disk = Mount::in_memory(&trial.room.join("disk"), 16 << 10)?;
    let mut history = written(trial, trial.seed.is_multiple_of(2))?;
    disk.again("ro")?;
    only_read(&mut history)?;
    disk.again("rw")?;
    history.judge(After::Crash)?;
    *count += 1;
    Ok(())
}

fn read_only_media(trial: &Trial, count: &mut u64) -> Result<()> {
    let is_killed = (trial.seed / 2).is_multiple_of(2);
    match trial.seed.is_multiple_of(2) {
        true => on_bind_mount(trial, is_killed).context("a bind mount")?,
        false => on_device(trial, is_killed).context("a device")?,
    }
    *count += 1;
    Ok(())
}

/// Looks at a store through a read-only view of its directory, which stays writable below.
fn on_bind_mount(trial: &Trial, is_killed: bool) -> Result<()> {
    let (disk, below) = (trial.room.join("disk"), trial.room.join("below"));
    let mut history = written(trial, is_killed)?;
    fs::rename(&disk, &below)?;
    let view = Mount::view(&disk, &below)?;
    only_read(&mut history)?;
    drop(view);
    fs::remove_dir(&disk)?;
    fs::rename(&below, &disk)?;
    history.judge(After::Crash).context("writable again")
}

/// Looks at a store on a device that cannot be written to.
fn on_device(trial: &Trial, is_killed: bool) -> Result<()> {
    let (disk, image) = (trial.room.join("disk"), trial.room.join("image"));
    mounts::make_image(&image)?;
    let mounted = Mount::image(&disk, &image)?;
    let mut history = written(trial, is_killed)?;
    drop(mounted);
    let before = fs::read(&image)?;
    let mounted = Mount::read_only_image(&disk, &image)?;
    only_read(&mut history)?;
    drop(mounted);
    ensure!(before == fs::read(&image)?, "the device was changed");
    let _mounted = Mount::image(&disk, &image)?;
    history.judge(After::Crash).context("writable again")
}

/// Has a process write a store in `disk`, and closes or kills it.
fn written(trial: &Trial, is_killed: bool) -> Result<History> {
    let mut history = History::new(trial.room, "disk/store", trial.seed, Style::Mixed);
    fs::create_dir_all(trial.room.join("disk"))?;
    let part = history.writer(2, 20, u32::from(!is_killed));
    let child = Child::start(trial.room, &[], &part)?;
    let mut acknowledged = 0;
    while let Some(line) = child.hear()? {
        history.hear(line)?;
        acknowledged += 1;
        if is_killed && acknowledged == 60 {
            child.signal(Signal::KILL)?;
        }
    }
    child.finish()?;
    Ok(history)
}

/// Demands that a store is refused for writing, read well, and left as it was.
fn only_read(history: &mut History) -> Result<()> {
    let before = contents(&history.store)?;
    refused(&history.store)?;
    let none = history.store.with_extension("none");
    refused(&none)?;
    ensure!(!none.exists(), "a directory was made");
    history.judge_read_only(After::Crash)?;
    ensure!(before == contents(&history.store)?, "it was changed");
    Ok(())
}

fn refused(store: &Path) -> Result<()> {
    match Store::open(StoreConfig::new(store)) {
        Ok(_) => bail!("opened for writing"),
        Err(error) => {
            ensure!(error.certainly_not_written(), "{error}");
            let is_typed = matches!(
                &error,
                StoreError::Io(error) if error.kind() == ErrorKind::ReadOnlyFilesystem
            );
            ensure!(is_typed, "{error:?}");
            Ok(())
        }
    }
}
