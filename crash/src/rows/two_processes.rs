//! Two processes want one store.

use crate::process::Child;
use crate::row::{Row, Trial, anywhere};
use anyhow::{Context, Result, bail, ensure};
use batpak::prelude::*;
use rustix::process::Signal;
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
    owner.go_on("touch")?;
    owner.expect("touched")?;
    refused(&store).context("after it opened and closed every file")?;
    owner.signal(Signal::STOP)?;
    refused(&store).context("while it is stopped")?;
    owner.signal(Signal::CONT)?;
    owner.go_on("append")?;
    owner.expect("appended")?;
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
    owner.finish()?;
    let found = store.stream("held").len();
    ensure!(found == 2, "{found} of 2 events");
    store.close()?;
    *count += 1;
    Ok(())
}

fn refused(store: &Path) -> Result<()> {
    match Store::open(StoreConfig::new(store)) {
        Err(StoreError::Locked { .. }) => Ok(()),
        Err(error) => bail!("expected Locked, got {error}"),
        Ok(_) => bail!("opened twice"),
    }
}
