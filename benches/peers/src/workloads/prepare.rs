//! Stores that are read or reopened afterwards.

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::append::fill;
use crate::child::{ChildOptions, Figures};
use crate::engines::Engine;

const ID_BYTES: usize = 16;

/// Fills a store and closes it.
pub(crate) fn closed(options: &ChildOptions) -> Result<Figures> {
    filled(options)?.close()?;
    Ok(Figures::new())
}

/// Fills a store and ends the process at once. Whatever the engine writes in the background is cut
/// off where it is; everything acknowledged was handed to the system.
pub(crate) fn aborted(options: &ChildOptions) -> Result<Figures> {
    let _open = filled(options)?;
    println!("{}", serde_json::json!({ "figures": {} }));
    std::io::stdout().flush()?;
    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL)?;
    unreachable!("the process was killed")
}

/// Fills a store, and writes the ids of its events beside its directory.
fn filled(options: &ChildOptions) -> Result<Box<dyn Engine>> {
    let world = options.world();
    let engine = options.open(false)?;
    let mut ids = Vec::new();
    fill(engine.as_ref(), &world, 0..options.events, |_, id| {
        ids.extend_from_slice(&id.to_be_bytes());
    })?;
    fs::write(ids_path(&options.dir), ids)?;
    Ok(engine)
}

/// Reads the ids that were written beside a prepared store, in the order of its events.
pub(crate) fn read_ids(directory: &Path) -> Result<Vec<u128>> {
    let bytes = fs::read(ids_path(directory)).context("the store was prepared with its ids")?;
    let (ids, _) = bytes.as_chunks::<ID_BYTES>();
    Ok(ids.iter().map(|id| u128::from_be_bytes(*id)).collect())
}

/// Returns where the ids of a prepared store's events are.
pub(crate) fn ids_path(directory: &Path) -> PathBuf {
    let mut name = OsString::from(directory);
    name.push(".ids");
    PathBuf::from(name)
}
