//! What others may do to a store's files: move them, cut them short.

use crate::plan::{KIND, scramble};
use crate::process::Child;
use crate::row::{Row, Trial, anywhere};
use anyhow::{Context, Result, bail, ensure};
use batpak::prelude::*;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

pub(crate) const MOVED_DIRECTORY: Row = Row {
    name: "moved-directory",
    promise: "a store whose directory is moved or removed goes on or says that it cannot",
    unit: "directories",
    counts: [30, 300, 3_000],
    in_memory: false,
    why_not: anywhere,
    trial: moved_directory,
};

pub(crate) const SHORTENED_SEGMENT: Row = Row {
    name: "shortened-segment",
    promise: "a segment cut short under a reader is a typed error, not a signal",
    unit: "segments",
    counts: [30, 300, 3_000],
    in_memory: false,
    why_not: anywhere,
    trial: shortened_segment,
};

/// Returns what is in the files of a directory.
pub(super) fn contents(directory: &Path) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_file() {
            let bytes = fs::read(&path)?;
            found.insert(path, bytes);
        }
    }
    Ok(found)
}

/// Writes some events into several segments, in this process; returns how many.
fn prepare(directory: &Path, segments: u32) -> Result<u32> {
    let coordinate = Coordinate::new("before", "scope")?;
    for _ in 0..segments {
        let store = Store::open(StoreConfig::new(directory).with_segment_max_bytes(2048))?;
        for number in 0..10 {
            store.append(&coordinate, KIND, &number)?;
        }
        store.close()?;
    }
    Ok(segments * 10)
}

fn holder(trial: &Trial, directory: &Path) -> Result<Child> {
    let part = ["hold".to_owned(), directory.display().to_string()];
    let child = Child::start(trial.room, &[], &part)?;
    child.expect("open")?;
    Ok(child)
}

fn moved_directory(trial: &Trial, count: &mut u64) -> Result<()> {
    let mut chance = fastrand::Rng::with_seed(scramble(trial.seed));
    let (store, moved) = (trial.room.join("store"), trial.room.join("moved"));
    let mut due = 1 + prepare(&store, chance.u32(..3))?;
    let removes = chance.bool();
    let mut child = holder(trial, &store)?;
    for append in 0..60 {
        if append == chance.u32(5..50) || append == 50 {
            match (removes, store.exists()) {
                (_, false) => {}
                (true, true) => remove(&store)?,
                (false, true) => fs::rename(&store, &moved)?,
            }
        }
        child.go_on("append")?;
        match child.hear()?.context("it is gone")?.as_str() {
            "appended" => due += 1,
            line if line.starts_with("not-appended") && removes => {}
            line => bail!("{line}"),
        }
    }
    child.go_on("read")?;
    let read = child.hear()?.context("it is gone")?;
    let whole = read == format!("read {due}");
    ensure!(whole || removes && read.starts_with("unread"), "{read}");
    child.go_on("close")?;
    let closed = child.hear()?.context("it is gone")?;
    ensure!(removes || closed == "closed", "{closed}");
    child.finish()?;
    if !removes {
        let store = Store::open(StoreConfig::new(&moved))?;
        let found = store.stats().event_count;
        ensure!(found == due as usize, "{found} of {due} events");
        let verified = store.verify()?;
        ensure!(verified.first_bad.is_none(), "{verified:?}");
        store.close()?;
    }
    *count += 1;
    Ok(())
}

/// Removes a directory in which files are still made.
fn remove(directory: &Path) -> Result<()> {
    loop {
        match fs::remove_dir_all(directory) {
            Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => {}
            removed => return Ok(removed?),
        }
    }
}

fn shortened_segment(trial: &Trial, count: &mut u64) -> Result<()> {
    let mut chance = fastrand::Rng::with_seed(scramble(trial.seed));
    let store = trial.room.join("store");
    let due = 1 + prepare(&store, 4)?;
    let mut child = holder(trial, &store)?;
    if chance.bool() {
        child.go_on("read")?;
        child.expect(&format!("read {due}"))?;
    }
    let mut segments: Vec<PathBuf> = contents(&store)?.into_keys().collect();
    segments.retain(|path| path.extension().is_some_and(|kind| kind == "fbat"));
    let segment = chance.choice(&segments).context("no segments")?;
    let file = File::options().write(true).open(segment)?;
    file.set_len(chance.u64(..file.metadata()?.len()))?;
    for _ in 0..2 {
        child.go_on("read")?;
        let read = child.hear()?.context("it is gone")?;
        let fine = read == format!("read {due}") || read.starts_with("unread certain");
        ensure!(fine, "of {due} events it says {read:?}");
    }
    child.go_on("close")?;
    let closed = child.hear()?.context("it is gone")?;
    ensure!(closed.contains("closed"), "{closed}");
    ensure!(child.finish()?.success(), "it died");
    *count += 1;
    Ok(())
}
