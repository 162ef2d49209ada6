//! Two processes want one store.

use crate::process::Child;
use crate::row::{Row, Trial, anywhere};
use anyhow::{Context, Result, bail, ensure};
use batpak::prelude::*;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

pub(crate) const ROW: Row = Row {
    name: "two-processes",
    promise: "one process writes at a time, stopped or not; a dead one's lock is free at once",
    unit: "owners killed",
    counts: [50, 1_000, 10_000],
    in_memory: false,
    why_not: anywhere,
    trial,
};

fn trial(trial: &Trial, count: &mut u64) -> Result<()> {
    let store = trial.room.join("store");
    let part = ["hold".to_owned(), store.display().to_string()];
    let mut owner = Child::start(trial.room, &[], &part)?;
    owner.expect("open")?;
    refused(&store).context("while it lives")?;
    let second = Child::start(trial.room, &[], &part)?;
    second.expect("not-open certain Locked")?;
    second.finish()?;
    owner.go_on("open-again")?;
    owner.expect("not-open certain Locked")?;
    refused(&store).context("after it was refused itself")?;
    let files = fs::read_dir(&store)?.count();
    owner.go_on("touch")?;
    let touched = owner.expect("touched ")?;
    ensure!(
        files > 1 && touched == format!("touched {files}"),
        "{touched} of {files}"
    );
    refused(&store).context("after it opened and closed every file")?;
    owner.go_on("open-again")?;
    owner.expect("not-open certain Locked")?;
    owner.signal(Signal::STOP)?;
    refused(&store).context("while it is stopped")?;
    owner.signal(Signal::CONT)?;
    owner.go_on("append")?;
    owner.expect("appended")?;
    let heir = match trial.seed % 4 {
        0 | 1 => None,
        _ => Some(spawn(&mut owner)?),
    };
    if trial.seed.is_multiple_of(2) {
        owner.signal(Signal::STOP)?;
    }
    owner.signal(Signal::KILL)?;
    let killed = Instant::now();
    // The next owner does not wait until the dead one was buried.
    let store = loop {
        match Store::open(StoreConfig::new(&store)) {
            Ok(store) => break store,
            Err(StoreError::Locked { .. }) if killed.elapsed() < Duration::from_secs(1) => {
                std::thread::sleep(Duration::from_millis(1));
            }
            Err(error) => bail!("{:?} after the kill: {error}", killed.elapsed()),
        }
    };
    ensure!(killed.elapsed() < Duration::from_secs(1), "too late");
    if let Some(heir) = heir {
        kill_process(heir, Signal::KILL).context("what it has started did not outlive it")?;
    }
    owner.finish()?;
    let found = store.stream("held").len();
    ensure!(found == 2, "{found} of 2 events");
    store.close()?;
    *count += 1;
    Ok(())
}

/// Has the owner start a process that outlives it.
fn spawn(owner: &mut Child) -> Result<Pid> {
    owner.go_on("spawn")?;
    let spawned = owner.expect("spawned ")?;
    let number = spawned.rsplit(' ').next().context("no process")?.parse()?;
    Pid::from_raw(number).context("no process")
}

fn refused(store: &Path) -> Result<()> {
    match Store::open(StoreConfig::new(store)) {
        Err(StoreError::Locked { .. }) => Ok(()),
        Err(error) => bail!("expected Locked, got {error}"),
        Ok(_) => bail!("opened twice"),
    }
}
