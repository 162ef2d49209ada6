//! A process that has a store open and does what it is told.

use super::{describe, listen, tell};
use crate::plan::KIND;
use anyhow::Result;
use batpak::prelude::*;
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

pub(super) fn hold(directory: &Path) -> Result<()> {
    let config = StoreConfig::new(directory).with_segment_max_bytes(2048);
    let store = match Store::open(config) {
        Ok(store) => store,
        Err(error) => {
            tell(&format!("not-open {}", describe(&error)));
            return Ok(());
        }
    };
    let coordinate = Coordinate::new("held", "scope")?;
    store.append(&coordinate, KIND, &1)?;
    tell("open");
    while let Some(word) = listen() {
        match word.as_str() {
            // What would drop a lock that belongs to the process and not to the open file.
            "touch" => {
                let mut touched = 0;
                for entry in std::fs::read_dir(directory)? {
                    let path = entry?.path();
                    drop(File::open(&path)?);
                    drop(File::options().read(true).write(true).open(&path)?);
                    touched += 1;
                }
                tell(&format!("touched {touched}"));
            }
            "open-again" => match Store::open(StoreConfig::new(directory)) {
                Ok(_) => tell("fault: opened twice"),
                Err(error) => tell(&format!("not-open {}", describe(&error))),
            },
            // Who outlives this process, and must not inherit what it has.
            "spawn" => {
                let nothing = Stdio::null;
                let mut sleep = Command::new("sleep");
                let sleep = sleep.arg("2").stdin(nothing()).stdout(nothing());
                let child = sleep.stderr(nothing()).spawn()?;
                tell(&format!("spawned {}", child.id()));
            }
            "append" => match store.append(&coordinate, KIND, &1) {
                Ok(_) => tell("appended"),
                Err(error) => tell(&format!("not-appended {}", describe(&error))),
            },
            "read" => {
                let read = store.events(&Region::all(), 0).raw();
                match read.collect::<Result<Vec<_>, _>>() {
                    Ok(events) => tell(&format!("read {}", events.len())),
                    Err(error) => tell(&format!("unread {}", describe(&error))),
                }
            }
            _ => break,
        }
    }
    match store.close() {
        Ok(_) => tell("closed"),
        Err(error) => tell(&format!("not-closed {}", describe(&error))),
    }
    Ok(())
}
