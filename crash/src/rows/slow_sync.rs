//! A disk that takes its time: callers with a limit are told, and a close ends.

use crate::history::History;
use crate::ledger::After;
use crate::plan::Style;
use crate::process::Child;
use crate::row::{Row, Trial};
use crate::strace;
use anyhow::{Context, Result, ensure};
use std::path::Path;

pub(crate) const ROW: Row = Row {
    name: "slow-sync",
    promise: "a disk that hangs gives typed time-outs and a bounded close",
    unit: "slow disks",
    counts: [4, 40, 400],
    in_memory: false,
    why_not: strace::why_not,
    trial,
};

/// What a close may take: it waits five seconds where the limit for answers is shorter.
const CLOSE_MAX_MS: u64 = 6_000;

fn trial(trial: &Trial, count: &mut u64) -> Result<()> {
    let mut history = History::new(trial.room, "store", trial.seed, Style::Plain);
    let hangs = trial.seed.is_multiple_of(2);
    let delay_us = if hangs { 20_000_000 } else { 300_000 };
    let after = 3 + trial.seed % 4;
    let part = history.appender(6, "--reply-timeout-ms 100");
    let what = format!("delay_enter={delay_us}:when={after}+");
    let calls = "fsync,fdatasync";
    let wrapper = strace::injecting(Path::new("/dev/null"), calls, &what);
    let child = Child::start(trial.room, &wrapper, &part)?;
    let (mut slow, mut closed) = (0, None);
    while let Some(line) = child.hear()? {
        let Some(line) = history.hear(line)? else {
            continue;
        };
        let words: Vec<_> = line.split(' ').collect();
        match words.as_slice() {
            ["error", _, fate, name, ..] => {
                let typed = matches!((*fate, *name), ("unknown", "TimedOut"));
                ensure!(typed, "{line}");
                slow += 1;
            }
            ["closed" | "not-closed", took, ..] => {
                let took: u64 = took.parse()?;
                ensure!(took < CLOSE_MAX_MS, "closing took {took} ms");
                ensure!(!hangs || words.contains(&"TimedOut"), "{line}");
                closed = Some(took);
                break;
            }
            _ => {}
        }
    }
    ensure!(closed.is_some(), "it never closed: {}", child.complaints());
    ensure!(slow > 0, "nothing was slow");
    drop(child);
    history.wait_until_free()?;
    history.judge(After::Crash).context("after the end")?;
    *count += 1;
    Ok(())
}
