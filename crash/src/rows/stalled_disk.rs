//! A disk that stands still while far more is submitted than fits into memory.

use crate::history::History;
use crate::ledger::After;
use crate::plan::Style;
use crate::process::Child;
use crate::row::{Row, Trial};
use crate::strace;
use anyhow::{Context, Result, ensure};
use std::path::Path;

pub(crate) const ROW: Row = Row {
    name: "stalled-disk",
    promise: "a flood to a stalled disk is turned away in little memory; what was taken is kept",
    unit: "submits",
    counts: [240_000, 8_000_000, 80_000_000],
    in_memory: true,
    why_not: strace::why_not,
    trial,
};

const THREADS: u8 = 4;
/// How many events are submitted at least and at most, and how many large ones.
const SUBMITS: [u64; 2] = [50_000, 1_000_000];
const LARGE_SUBMITS: [u64; 2] = [10_000, 200_000];
/// What the whole process may take, in KiB: with small events, of which 4096 wait, three times as
/// many at the worst are in hand; with large ones, of which 64 MiB wait and 16 MiB are being
/// written.
const MEMORY_MAX_KIB: u64 = 32 * 1024;
const LARGE_MEMORY_MAX_KIB: u64 = 128 * 1024;
/// How long a disk stands still that the process does not outlive.
const FOR_EVER_US: u64 = 600_000_000;

fn trial(trial: &Trial, count: &mut u64) -> Result<()> {
    let is_killed = trial.seed % 2 == 1;
    let (style, [least, most], memory_max_kib) = match trial.seed / 2 % 2 {
        0 => (Style::Plain, SUBMITS, MEMORY_MAX_KIB),
        _ => (Style::Large, LARGE_SUBMITS, LARGE_MEMORY_MAX_KIB),
    };
    // Each thread submits as many as the others.
    let submits = trial.left.clamp(least, most) / u64::from(THREADS) * u64::from(THREADS);
    let mut history = History::new(trial.room, "store", trial.seed, style);
    let ahead = trial.seed / 8 % 8;
    let part = history.flooder(THREADS, u32::try_from(submits)?, u32::try_from(ahead)?);
    // One call takes so long: the first that the writer makes for the flood, or soon after.
    let (call, when) = match trial.seed / 4 % 2 {
        0 => ("fdatasync", ahead + 1),
        _ => ("pwrite64", ahead + 3),
    };
    let delay_us = match (is_killed, style) {
        (true, _) => FOR_EVER_US,
        (false, Style::Large) => 1_000_000 + submits * 60,
        (false, _) => 1_000_000 + submits * 10,
    };
    let what = format!("delay_enter={delay_us}:when={when}");
    let wrapper = strace::injecting(Path::new("/dev/null"), call, &what);
    let mut child = Child::start(trial.room, &wrapper, &part)?;
    let flooded = loop {
        let line = child.hear()?.with_context(|| child.complaints())?;
        if let Some(line) = history.hear(line)? {
            break line;
        }
    };
    let memory_kib = flooded.strip_prefix("flooded ").context("no memory")?;
    let memory_kib: u64 = memory_kib.parse()?;
    ensure!(
        memory_kib <= memory_max_kib,
        "{submits} submits took {memory_kib} KiB"
    );
    let refused = history.ledger.refused();
    ensure!(
        refused > submits / 2,
        "only {refused} of {submits} were refused"
    );
    if is_killed {
        drop(child);
        history.wait_until_free()?;
        history.judge(After::Cut)?;
    } else {
        child.go_on("wait")?;
        let told = history.hear_out(&child)?;
        let ended = told
            .iter()
            .all(|line| line == "closed" || line.contains("TimedOut"));
        ensure!(told.len() == 1 && ended, "{told:?}");
        child.finish()?;
        let known = history.ledger.known() as u64;
        ensure!(
            known + refused == submits,
            "of {submits} submits {known} were answered, {refused} refused"
        );
        history.judge(After::Crash)?;
    }
    history.judge(After::Crash).context("after a close")?;
    *count += submits;
    Ok(())
}
