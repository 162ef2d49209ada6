//! Kills before the n-th call of every kind that changes the disk, and again in the recovery.

use crate::history::History;
use crate::ledger::After;
use crate::plan::{Style, scramble};
use crate::process::Child;
use crate::row::{Row, Trial};
use crate::strace::{self, CALLS};
use anyhow::{Context, Result, ensure};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;

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

fn trial(trial: &Trial, count: &mut u64) -> Result<()> {
    let mut chance = fastrand::Rng::with_seed(scramble(trial.seed ^ 0xCA11));
    let log = trial.room.join("calls");
    let mut history = History::new(trial.room, "traced", trial.seed, Style::Busy);
    let part = history.writer(1, 14, 3);
    let child = Child::start(trial.room, &strace::tracing(&log, CALLS), &part)?;
    let told = history.hear_out(&child)?;
    child.finish()?;
    let closed = told.iter().filter(|line| *line == "closed").count();
    ensure!(closed == 3, "undisturbed, it told {told:?}");
    history.judge(After::Crash).context("undisturbed")?;
    let mut places = strace::places(&strace::read(&log)?);
    chance.shuffle(&mut places);
    let wanted = trial.left.min(KILLS_MAX);
    for (nth, (call, when)) in places.iter().enumerate() {
        if *count >= wanted {
            break;
        }
        let place = format!("killed-{nth}");
        kill_at(trial, &mut chance, &places, &place, (call, *when), count)
            .with_context(|| format!("{place}: {call} {when}"))?;
        std::fs::remove_dir_all(trial.room.join(&place)).context("nothing was stored")?;
    }
    Ok(())
}

fn kill_at(
    trial: &Trial,
    chance: &mut fastrand::Rng,
    places: &[(String, usize)],
    place: &str,
    at: (&str, usize),
    count: &mut u64,
) -> Result<()> {
    let mut history = History::new(trial.room, place, trial.seed, Style::Busy);
    let mut at = (at.0.to_owned(), at.1);
    // The first calls of the next process are those of its recovery.
    let early: Vec<_> = places.iter().filter(|place| place.1 <= 6).collect();
    for depth in 0..3 {
        let openings = if depth == 0 { 3 } else { 1 };
        let part = history.writer(1, 14, openings);
        let what = format!("signal=KILL:when={}", at.1);
        let wrapper = strace::injecting(Path::new("/dev/null"), &at.0, &what);
        let child = Child::start(trial.room, &wrapper, &part)?;
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
