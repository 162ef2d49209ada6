//! Kills before the n-th call of every kind that changes the disk, and again in the recovery.

use crate::history::History;
use crate::ledger::After;
use crate::mounts::{self, Mount};
use crate::plan::{Style, scramble};
use crate::process::Child;
use crate::row::{Row, Trial};
use crate::strace::{self, CALLS};
use anyhow::{Context, Result, ensure};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::sync::OnceLock;

pub(crate) const ROW: Row = Row {
    name: "kill-at-call",
    promise: "a process killed at any system call, and again in recovery, loses nothing",
    unit: "kills",
    counts: [300, 2_000, 10_000],
    in_memory: true,
    why_not: strace::why_not,
    trial,
};

/// How many kills of one trace are tried before another is made.
const KILLS_MAX: u64 = 40;

/// Every so many seeds the stores lie on an ext4, where images can be mounted: memory reserves
/// room, orders a directory and frees blocks in other ways.
const ON_EXT4_EVERY: u64 = 4;
/// A kill there takes several times as long, so only this part of what is still to be counted.
const ON_EXT4_PART: u64 = 15;

fn trial(trial: &Trial, count: &mut u64) -> Result<()> {
    static WHY_NO_IMAGE: OnceLock<Option<String>> = OnceLock::new();
    let is_on_ext4 = trial.seed.is_multiple_of(ON_EXT4_EVERY)
        && WHY_NO_IMAGE.get_or_init(mounts::why_no_image).is_none();
    if !is_on_ext4 {
        return try_places(trial, trial.room, trial.left, count);
    }
    let image = trial.room.join("image");
    mounts::make_image(&image)?;
    let disk = Mount::image(&trial.room.join("disk"), &image)?;
    try_places(trial, &disk.at, trial.left.div_ceil(ON_EXT4_PART), count)
}

/// Traces a process, and kills up to `most` others at its calls; their stores lie in `ground`.
fn try_places(trial: &Trial, ground: &Path, most: u64, count: &mut u64) -> Result<()> {
    let mut chance = fastrand::Rng::with_seed(scramble(trial.seed ^ 0xCA11));
    let log = trial.room.join("calls");
    let mut history = History::new(ground, "traced", trial.seed, Style::Busy);
    let part = history.writer(1, 14, 3);
    let child = Child::start(trial.room, &strace::tracing(&log, CALLS), &part)?;
    let told = history.hear_out(&child)?;
    child.finish()?;
    let closed = told.iter().filter(|line| *line == "closed").count();
    ensure!(closed == 3, "undisturbed, it told {told:?}");
    history.judge(After::Crash).context("undisturbed")?;
    let mut places = strace::places(&strace::read(&log)?);
    chance.shuffle(&mut places);
    let wanted = most.min(KILLS_MAX);
    for (nth, (call, when)) in places.iter().enumerate() {
        if *count >= wanted {
            break;
        }
        let place = format!("killed-{nth}");
        kill_at(
            (ground, trial.seed),
            &mut chance,
            &places,
            &place,
            (call, *when),
            count,
        )
        .with_context(|| format!("{place}: {call} {when}"))?;
        std::fs::remove_dir_all(ground.join(&place)).context("nothing was stored")?;
    }
    Ok(())
}

fn kill_at(
    (ground, seed): (&Path, u64),
    chance: &mut fastrand::Rng,
    places: &[(String, usize)],
    place: &str,
    at: (&str, usize),
    count: &mut u64,
) -> Result<()> {
    let mut history = History::new(ground, place, seed, Style::Busy);
    let mut at = (at.0.to_owned(), at.1);
    // The first calls of the next process are those of its recovery.
    let early: Vec<_> = places.iter().filter(|place| place.1 <= 6).collect();
    for depth in 0..3 {
        let openings = if depth == 0 { 3 } else { 1 };
        let part = history.writer(1, 14, openings);
        let what = format!("signal=KILL:when={}", at.1);
        let wrapper = strace::injecting(Path::new("/dev/null"), &at.0, &what);
        let child = Child::start(ground, &wrapper, &part)?;
        history.hear_out(&child)?;
        let killed = child.finish()?.signal().is_some();
        *count += u64::from(killed);
        if chance.bool() {
            break;
        }
        at = (*chance.choice(&early).context("no calls")?).clone();
    }
    if history.ledger.known() > 0 && chance.bool() {
        history.judge_read_only(After::Crash)?;
    }
    history.judge(After::Crash)?;
    history.judge(After::Crash).context("after a close")
}
