//! Kills at a random moment, also while the next process mends what the last one left.

use crate::history::History;
use crate::ledger::After;
use crate::plan::{Style, scramble};
use crate::process::Child;
use crate::row::{Row, Trial, anywhere};
use anyhow::{Context, Result};
use rustix::process::Signal;
use std::time::{Duration, Instant};

pub(crate) const ROW: Row = Row {
    name: "random-kill",
    promise: "a process killed at any moment loses, invents and doubles nothing",
    unit: "kills",
    counts: [200, 5_000, 50_000],
    in_memory: false,
    why_not: anywhere,
    trial,
};

/// A longer history would be read again and again.
const KILLS_MAX: u64 = 20;

fn trial(trial: &Trial, count: &mut u64) -> Result<()> {
    let mut chance = fastrand::Rng::with_seed(scramble(trial.seed ^ 0x6B11));
    let mut history = History::new(trial.room, "store", trial.seed, Style::Mixed);
    for kill in 0..trial.left.min(KILLS_MAX) {
        kill_once(&mut history, &mut chance).with_context(|| format!("kill {kill}"))?;
        *count += 1;
        let what = match history.ledger.known() {
            0 => chance.u8(4..10),
            _ => chance.u8(..10),
        };
        let judged = match what {
            0..=3 => history.judge_read_only(After::Crash),
            4..=6 => history.judge(After::Crash),
            7 => history.open_and_judge(After::Crash).map(drop),
            // The next one mends, and may be killed at it.
            _ => Ok(()),
        };
        judged.with_context(|| format!("after kill {kill}"))?;
    }
    history.judge(After::Crash).context("at the end")?;
    history.judge(After::Crash).context("after a close")
}

fn kill_once(history: &mut History, chance: &mut fastrand::Rng) -> Result<()> {
    let steps = match chance.u8(..3) {
        0 => chance.u32(1..8),
        _ => chance.u32(20..200),
    };
    let part = history.writer(4, steps, 0);
    let child = Child::start(&history.room, &[], &part)?;
    let delay = match chance.u8(..10) {
        // While it starts and mends.
        0..=2 => chance.u64(..6_000),
        3..=8 => chance.u64(..40_000),
        _ => chance.u64(..150_000),
    };
    let end = Instant::now() + Duration::from_micros(delay);
    while let Some(line) = child.hear_until(end)? {
        history.hear(line)?;
    }
    child.signal(Signal::KILL)?;
    history.hear_out(&child)?;
    child.finish()?;
    Ok(())
}
