//! No acknowledgement leaves before the system has confirmed the bytes of its event and the name of
//! its segment.

use crate::process::Child;
use crate::row::{Row, Trial};
use crate::strace::{self, Call};
use anyhow::{Context, Result, ensure};
use std::collections::HashMap;
use std::path::Path;

pub(crate) const ROW: Row = Row {
    name: "ack-after-sync",
    promise: "bytes and directory entry are synced before an acknowledgement leaves",
    unit: "acknowledgements",
    counts: [400, 10_000, 100_000],
    in_memory: false,
    why_not: strace::why_not,
    trial,
};

/// Appended alone, in batches, by threads together, through many segments, and where only the
/// append asks to be durable.
const PATTERNS: [&str; 5] = ["single", "batch", "group", "rotation", "per-append"];
const CALLS: &str = "write,pwrite64,fsync,fdatasync,rename,renameat,renameat2";

fn trial(trial: &Trial, count: &mut u64) -> Result<()> {
    let store = trial.room.join("store");
    let log = trial.room.join("calls");
    let nth = usize::try_from(trial.seed)? % PATTERNS.len();
    let pattern = PATTERNS.get(nth).context("no pattern")?;
    let events = trial.left.min(if *pattern == "batch" { 100 } else { 80 });
    let mut part = vec!["pace".to_owned(), store.display().to_string()];
    part.extend(["--pattern", pattern, "--events", &events.to_string()].map(str::to_owned));
    if trial.seed / 5 % 2 == 1 {
        part.push("--data-only".to_owned());
    }
    let child = Child::start(trial.room, &strace::tracing(&log, CALLS), &part)?;
    let mut told = 0;
    while child.hear()?.is_some() {
        told += 1;
    }
    child.finish()?;
    let judged = judge(&strace::read(&log)?, &store);
    let acknowledged = judged.with_context(|| format!("{pattern}, {}", log.display()))?;
    ensure!(
        acknowledged == told,
        "{acknowledged} of {told} are in the log"
    );
    *count += acknowledged;
    Ok(())
}

/// What the log of calls has shown of one file so far.
#[derive(Debug, Default)]
struct Seen {
    /// Ranges that were written, and in which line that ended.
    written: Vec<(u64, u64, usize)>,
    /// The lines where syncs began that have ended well.
    synced: Vec<usize>,
    /// The line by which it had its name.
    named: Option<usize>,
}

#[derive(Debug, Default)]
struct Files {
    files: HashMap<String, Seen>,
    directory_synced: Vec<usize>,
}

/// Judges every acknowledgement in a log of calls; returns how many there are.
pub(crate) fn judge(calls: &[Call], store: &Path) -> Result<u64> {
    let store = store.display().to_string();
    let mut acknowledged = 0;
    for call in calls {
        let Some(told) = call.text.split_once("\"at ") else {
            continue;
        };
        let mut files = Files::default();
        // An acknowledgement may rest on what had ended when it began, and on nothing else.
        for earlier in calls.iter().filter(|earlier| earlier.ended < call.begun) {
            if earlier.succeeded() {
                files.take(earlier, &store)?;
            }
        }
        let line = told.1.split("\\n").next().unwrap_or_default();
        files.acknowledge(line).with_context(|| line.to_owned())?;
        acknowledged += 1;
    }
    Ok(acknowledged)
}

impl Files {
    fn take(&mut self, call: &Call, store: &str) -> Result<()> {
        let file = |text: &str| {
            let (_, after) = text.split_once(&format!("{store}/"))?;
            Some(after.split(['>', '"']).next()?.to_owned())
        };
        match call.name.as_str() {
            "pwrite64" => {
                let Some(name) = file(&call.text) else {
                    return Ok(());
                };
                let (arguments, returned) = call.text.rsplit_once(" = ").context("no end")?;
                let arguments = arguments.trim_end().trim_end_matches(')');
                let offset = arguments.rsplit_once(", ").context("no offset")?.1;
                let (offset, length): (u64, u64) =
                    (offset.trim().parse()?, returned.trim().parse()?);
                let range = (offset, offset + length, call.ended);
                self.files.entry(name).or_default().written.push(range);
            }
            "fsync" | "fdatasync" => match file(&call.text) {
                Some(name) => self.files.entry(name).or_default().synced.push(call.begun),
                None if call.text.contains(&format!("<{store}>")) => {
                    self.directory_synced.push(call.begun);
                }
                None => {}
            },
            "rename" | "renameat" | "renameat2" => {
                let mut names = call.text.split('"').skip(1).step_by(2);
                let mut name = || names.next()?.rsplit('/').next();
                let (from, to) = (name().context("no name")?, name().context("no name")?);
                let mut seen = self.files.remove(from).unwrap_or_default();
                seen.named = Some(call.ended);
                self.files.insert(to.to_owned(), seen);
            }
            _ => {}
        }
        Ok(())
    }

    /// Judges `<segment> <start> <end>`, which is about to leave.
    fn acknowledge(&self, line: &str) -> Result<()> {
        let mut words = line.split(' ');
        let name = words.next().context("no segment")?;
        let start: u64 = words.next().context("no start")?.parse()?;
        let end: u64 = words.next().context("no end")?.parse()?;
        let seen = self.files.get(name).context("nothing was written")?;
        let range = |range: &&(u64, u64, usize)| range.0 <= start && end <= range.1;
        let (_, _, written) = seen.written.iter().find(range).context("not written")?;
        let synced = seen.synced.iter().any(|begun| begun > written);
        ensure!(synced, "acknowledged before its sync");
        let named = seen.named.context("its segment has no name")?;
        let entry_synced = self.directory_synced.iter().any(|begun| *begun > named);
        ensure!(
            entry_synced,
            "acknowledged before the sync of its segment's name"
        );
        Ok(())
    }
}
