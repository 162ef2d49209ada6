//! Processes that may not write, or open, as much as they like.

use crate::history::History;
use crate::ledger::After;
use crate::mounts::{self, Mount};
use crate::plan::{Style, scramble};
use crate::process::{Child, shell};
use crate::row::{Row, Trial, anywhere};
use crate::strace;
use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Resource, Rlimit, Signal, prlimit};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;

pub(crate) const FILE_LIMIT: Row = Row {
    name: "file-limit",
    promise: "a file that may not grow refuses, loses nothing, and appends go on afterwards",
    unit: "budgets of 512 bytes",
    counts: [60, 1_000, 10_000],
    in_memory: false,
    why_not: anywhere,
    trial: file_limit,
};

pub(crate) const FILE_LIMIT_KILL: Row = Row {
    name: "file-limit-kill",
    promise: "a process killed by the limit of its files, at an exact byte, loses nothing",
    unit: "kills by SIGXFSZ",
    counts: [60, 1_000, 10_000],
    in_memory: false,
    why_not: strace::why_not,
    trial: file_limit_kill,
};

pub(crate) const FEW_FILES: Row = Row {
    name: "few-files",
    promise: "a process out of file descriptors is refused, loses nothing, and goes on afterwards",
    unit: "limits of descriptors",
    counts: [30, 300, 3_000],
    in_memory: false,
    why_not: anywhere,
    trial: few_files,
};

pub(crate) const FULL_DISK: Row = Row {
    name: "full-disk",
    promise: "a full disk refuses, still reads, loses nothing, and appends go on with room",
    unit: "full disks",
    counts: [40, 400, 4_000],
    in_memory: false,
    why_not: mounts::why_no_memory,
    trial: full_disk,
};

const EVENTS: u32 = 60;
/// Above this many blocks of 512 bytes the workload fits.
const BLOCKS_MAX: u64 = 48;

/// Starved of what, and how reads fare meanwhile.
struct Starved<'a> {
    reads: bool,
    /// The names of errors that an append may have.
    errors: &'a [&'a str],
}

/// Hears a child out that waits at each error; `feed` ends its starvation. Returns whether it was
/// starved.
fn feed_and_hear(
    history: &mut History,
    child: &mut Child,
    starved: &Starved,
    feed: impl Fn(&Child) -> Result<()>,
) -> Result<bool> {
    let mut refusals = 0;
    while let Some(line) = child.hear()? {
        let Some(line) = history.hear(line)? else {
            continue;
        };
        let words: Vec<_> = line.split(' ').collect();
        let word = match words.as_slice() {
            ["unread", ..] if starved.reads => bail!("a read failed: {line}"),
            ["error", _, fate, name, ..] => {
                ensure!(*fate == "certain", "its fate is open: {line}");
                ensure!(starved.errors.contains(name), "{line}");
                None
            }
            ["not-open", fate, ..] => {
                ensure!(*fate == "certain", "its fate is open: {line}");
                Some("go")
            }
            ["read"] => Some(if refusals == 0 { "go" } else { "reopen" }),
            ["not-closed", ..] => bail!("{line}"),
            _ => None,
        };
        if let Some(word) = word {
            ensure!(refusals < 3, "it does not go on after it was fed: {line}");
            feed(child)?;
            child.go_on(word)?;
            refusals += 1;
        }
    }
    Ok(refusals > 0)
}

/// Lets a child write, or open, as much as it likes from now on.
fn lift(child: &Child, resource: Resource) -> Result<()> {
    // Of descriptors nobody gets any number.
    let most = (resource == Resource::Nofile).then_some(256);
    let limit = Rlimit {
        current: most,
        maximum: most,
    };
    prlimit(Some(child.pid()?), resource, limit).context("raising a limit")?;
    Ok(())
}

/// A size of segments that a file may reach, and that the last group of one exceeds: it is written
/// up to the limit, to the byte.
fn just_below(blocks: u64, seed: u64) -> u64 {
    let mut chance = fastrand::Rng::with_seed(scramble(seed));
    (512 * blocks).saturating_sub(chance.u64(1..120)).max(1)
}

fn file_limit(trial: &Trial, count: &mut u64) -> Result<()> {
    let blocks = trial.seed % BLOCKS_MAX;
    let mut history = History::new(trial.room, "store", trial.seed, Style::Plain);
    let segment = match trial.seed / BLOCKS_MAX % 2 {
        0 => 1_000_000,
        _ => just_below(blocks, trial.seed),
    };
    let part = history.appender(EVENTS, &format!("--wait --segment-bytes {segment}"));
    let script = format!("trap '' XFSZ; ulimit -S -f {blocks};");
    let mut child = Child::start(trial.room, &shell(&script), &part)?;
    let starved = Starved {
        reads: true,
        errors: &["StorageFull"],
    };
    let feed = |child: &Child| lift(child, Resource::Fsize);
    let refused = feed_and_hear(&mut history, &mut child, &starved, feed)?;
    child.finish()?;
    ensure!(history.ledger.known() == EVENTS as usize, "not all events");
    history.judge(After::Crash)?;
    *count += u64::from(refused);
    Ok(())
}

fn file_limit_kill(trial: &Trial, count: &mut u64) -> Result<()> {
    let blocks = 1 + trial.seed % BLOCKS_MAX;
    let mixed = trial.seed % 4 > 1;
    let style = if mixed { Style::Mixed } else { Style::Plain };
    let mut history = History::new(trial.room, "store", trial.seed, style);
    let segment = just_below(blocks, trial.seed);
    let part = match mixed {
        true => history.writer(1, 200, 1),
        false => history.appender(EVENTS, &format!("--segment-bytes {segment}")),
    };
    let script = format!("ulimit -c 0; ulimit -f {blocks};");
    // Room is reserved before a group is written, and the limit strikes there. Where the file
    // system cannot reserve, it strikes in the middle of a group.
    let mut wrapper = match trial.seed % 4 {
        0 => Vec::new(),
        _ => strace::injecting(Path::new("/dev/null"), "fallocate", "error=EOPNOTSUPP"),
    };
    wrapper.extend(shell(&script));
    let child = Child::start(trial.room, &wrapper, &part)?;
    history.hear_out(&child)?;
    let status = child.finish()?;
    let killed = status.signal() == Some(Signal::XFSZ.as_raw()) && history.ledger.known() > 0;
    history.judge(After::Crash)?;
    let part = history.writer(1, 5, 1);
    let child = Child::start(trial.room, &[], &part)?;
    history.hear_out(&child)?;
    child.finish()?;
    history.judge(After::Crash)?;
    *count += u64::from(killed);
    Ok(())
}

fn few_files(trial: &Trial, count: &mut u64) -> Result<()> {
    // Three are open from the start, and the loader needs one.
    let files = 4 + trial.seed % 8;
    let mut history = History::new(trial.room, "store", trial.seed, Style::Plain);
    // Segments to read from, beside the one to write to.
    let part = history.appender(EVENTS, "--segment-bytes 1024");
    let child = Child::start(trial.room, &[], &part)?;
    history.hear_out(&child)?;
    child.finish()?;
    let part = history.appender(EVENTS, "--wait --segment-bytes 1024");
    let script = format!("ulimit -S -n {files};");
    let mut child = Child::start(trial.room, &shell(&script), &part)?;
    let starved = Starved {
        reads: false,
        errors: &["StorageFull", "Io"],
    };
    let feed = |child: &Child| lift(child, Resource::Nofile);
    let refused = feed_and_hear(&mut history, &mut child, &starved, feed)?;
    child.finish()?;
    let known = history.ledger.known();
    ensure!(known == 2 * EVENTS as usize, "{known} events");
    history.judge(After::Crash)?;
    *count += u64::from(refused);
    Ok(())
}

fn full_disk(trial: &Trial, count: &mut u64) -> Result<()> {
    let kib = 4 * (1 + trial.seed % 16);
    let disk = Mount::in_memory(&trial.room.join("disk"), kib)?;
    let mut history = History::new(trial.room, "disk/store", trial.seed, Style::Plain);
    let segment = match trial.seed / 16 % 3 {
        0 => 1024,
        1 => 4096,
        _ => 1_000_000,
    };
    let part = history.appender(4 * EVENTS, &format!("--wait --segment-bytes {segment}"));
    let mut child = Child::start(trial.room, &[], &part)?;
    let starved = Starved {
        reads: true,
        errors: &["StorageFull"],
    };
    let feed = |_: &Child| disk.again("size=64m");
    let refused = feed_and_hear(&mut history, &mut child, &starved, feed)?;
    child.finish()?;
    let known = history.ledger.known();
    ensure!(known == 4 * EVENTS as usize, "{known} events");
    history.judge(After::Crash)?;
    *count += u64::from(refused);
    Ok(())
}
