//! Power cuts: the image that a file system lies on is copied while a process writes, and what is
//! on the copy is looked at as after a restart of the machine.

use crate::history::History;
use crate::ledger::After;
use crate::mounts::{self, Mount};
use crate::plan::{Style, scramble};
use crate::process::Child;
use crate::row::{Row, Trial};
use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub(crate) const ROW: Row = Row {
    name: "power-cut",
    promise: "what was acknowledged as durable is on the disk when the power goes",
    unit: "images",
    counts: [20, 400, 4_000],
    in_memory: false,
    why_not: mounts::why_no_image,
    trial,
};

/// A file in memory loses nothing that reached the device, and keeps nothing that did not.
const MEMORY: &str = "/dev/shm";
const CUTS_MAX: u64 = 5;

fn trial(trial: &Trial, count: &mut u64) -> Result<()> {
    let mut chance = fastrand::Rng::with_seed(scramble(trial.seed));
    let memory = match Path::new(MEMORY).is_dir() {
        true => PathBuf::from(MEMORY),
        false => trial.room.to_path_buf(),
    };
    let images = tempfile::tempdir_in(memory)?;
    let image = images.path().join("image");
    mounts::make_image(&image)?;
    let disk = Mount::image(&trial.room.join("disk"), &image)?;
    let mut history = History::new(trial.room, "disk/store", trial.seed, Style::Plain);
    let part = history.appender(u32::MAX, "");
    let child = Child::start(trial.room, &[], &part)?;
    for cut in 0..trial.left.min(CUTS_MAX) {
        let end = Instant::now() + Duration::from_micros(chance.u64(500..30_000));
        while let Some(line) = child.hear_until(end)? {
            history.hear(line)?;
        }
        child.signal(Signal::STOP)?;
        wait_until_stopped(&child)?;
        // A name of its own: the device of an earlier copy may be in use for a moment yet.
        let copy = images.path().join(format!("copy-{cut}"));
        std::fs::copy(&image, &copy)?;
        child.signal(Signal::CONT)?;
        let place = format!("cut-{cut}");
        let looked = look(trial, &mut history, &copy, &place);
        if looked.is_err() {
            // The images go, so what is wrong stays with the room.
            std::fs::copy(&copy, trial.room.join("image"))?;
        }
        std::fs::remove_file(&copy)?;
        looked.context(place)?;
        *count += 1;
    }
    drop(child);
    drop(disk);
    Ok(())
}

/// Waits until no thread is in a call any more: what it has begun is done, what it has not heard of
/// was not acknowledged.
fn wait_until_stopped(child: &Child) -> Result<()> {
    let tasks = format!("/proc/{}/task", child.pid()?.as_raw_nonzero());
    let begun = Instant::now();
    loop {
        let mut stopped = true;
        for task in std::fs::read_dir(&tasks)? {
            let stat = std::fs::read_to_string(task?.path().join("stat"))?;
            let state = stat.rsplit_once(") ").map(|(_, rest)| rest);
            stopped &= state.is_some_and(|state| state.starts_with('T'));
        }
        if stopped {
            return Ok(());
        }
        ensure!(
            begun.elapsed() < Duration::from_secs(10),
            "it does not stop"
        );
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// Mounts a copy, lets a process mend the store that does not know this run of the machine, and
/// judges it.
fn look(trial: &Trial, history: &mut History, copy: &Path, place: &str) -> Result<()> {
    let mounted = Mount::image(&trial.room.join(place), copy).context("mounting the copy")?;
    let mut cut = History::new(
        trial.room,
        &format!("{place}/store"),
        trial.seed,
        Style::Plain,
    );
    // What was acknowledged before the cut; what the copy holds beyond it is not settled for the
    // process that goes on.
    cut.ledger = history.ledger.clone();
    if !cut.store.exists() {
        ensure!(cut.ledger.known() == 0, "the store is gone");
        return Ok(());
    }
    let boot_id = trial.room.join("boot-id");
    std::fs::write(&boot_id, "00000000-0000-4000-8000-000000000001\n")?;
    let part = ["recover".to_owned(), cut.store.display().to_string()];
    let child = Child::start(trial.room, &mounts::rebooted(&boot_id), &part)?;
    let open = child.expect("open")?;
    let had_events = cut.ledger.known() > 0;
    ensure!(!had_events || open.contains("rebooted=true"), "{open}");
    child.expect("closed")?;
    child.finish()?;
    cut.judge(After::Cut)?;
    drop(mounted);
    Ok(())
}
