//! What strace does for us: it counts calls, and kills, fails or delays the n-th of them.

use crate::process::run;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::path::Path;

/// The calls by which a store changes what is on the disk, and by which a child speaks.
pub(crate) const CALLS: &str = "write,pwrite64,fsync,fdatasync,rename,renameat,renameat2,unlink,\
    unlinkat,ftruncate,fallocate,mkdir,mkdirat";

/// Says why processes cannot be traced here, if so.
pub(crate) fn why_not() -> Option<String> {
    let tried = run("strace", &["-f", "-qq", "-o", "/dev/null", "true"]);
    tried
        .err()
        .map(|error| format!("strace does not work here: {error:#}"))
}

/// Returns a wrapper that writes a log of these calls, with the files that they are about.
pub(crate) fn tracing(log: &Path, calls: &str) -> Vec<String> {
    let log = log.display().to_string();
    let trace = format!("trace={calls}");
    let fixed = ["strace", "-f", "-qq", "-y", "-s", "200", "--seccomp-bpf"];
    let words = fixed.iter().copied().chain(["-o", &log, "-e", &trace]);
    words.map(str::to_owned).collect()
}

/// Returns the same with `what` done to these calls, such as `signal=KILL:when=3`.
pub(crate) fn injecting(log: &Path, calls: &str, what: &str) -> Vec<String> {
    let mut wrapper = tracing(log, calls);
    wrapper.extend(["-e".to_owned(), format!("inject={calls}:{what}")]);
    wrapper
}

/// A call of a log, whole; the order is that of their ends.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) thread: String,
    pub(crate) name: String,
    /// All of it, as strace says it.
    pub(crate) text: String,
    /// The numbers of the lines where it began and ended.
    pub(crate) begun: usize,
    pub(crate) ended: usize,
}

impl Call {
    /// Whether it has returned, and well.
    pub(crate) fn succeeded(&self) -> bool {
        let returned = self.text.rsplit_once(" = ").map(|(_, returned)| returned);
        returned.is_some_and(|returned| !returned.trim_start().starts_with(['-', '?']))
    }

    /// Whether strace has made it fail.
    pub(crate) fn was_injected(&self) -> bool {
        self.text.contains("(INJECTED)")
    }
}

/// Reads a log, in which a call of one thread may be cut by others' calls. A call that never ended
/// ends with the log.
pub(crate) fn read(log: &Path) -> Result<Vec<Call>> {
    let text = std::fs::read(log).with_context(|| format!("reading {}", log.display()))?;
    Ok(parse(&String::from_utf8_lossy(&text)))
}

pub(crate) fn parse(log: &str) -> Vec<Call> {
    let mut calls = Vec::new();
    let mut unfinished: BTreeMap<&str, (String, usize)> = BTreeMap::new();
    let mut add = |thread: &str, text: String, begun, ended| {
        let Some((name, _)) = text.split_once('(') else {
            return;
        };
        calls.push(Call {
            thread: thread.to_owned(),
            name: name.to_owned(),
            text,
            begun,
            ended,
        });
    };
    let mut lines = 0;
    for (number, line) in log.lines().enumerate() {
        lines = number + 1;
        let Some((thread, call)) = line.split_once(' ') else {
            continue;
        };
        let call = call.trim_start();
        if let Some(begun) = call.strip_suffix("<unfinished ...>") {
            unfinished.insert(thread, (begun.to_owned(), number));
        } else if let Some(resumed) = call.strip_prefix("<... ") {
            let rest = resumed.split_once(" resumed>").map_or("", |(_, rest)| rest);
            if let Some((start, begun)) = unfinished.remove(thread) {
                add(thread, format!("{start}{rest}"), begun, number);
            }
        } else {
            add(thread, call.to_owned(), number, number);
        }
    }
    for (thread, (start, begun)) in unfinished {
        add(thread, start, begun, lines);
    }
    calls
}

/// Returns each call's name and number within its thread, as strace counts them: every place at
/// which a kill can be asked for.
pub(crate) fn places(calls: &[Call]) -> Vec<(String, usize)> {
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut places = std::collections::BTreeSet::new();
    for call in calls {
        let count = counts.entry((&call.thread, &call.name)).or_default();
        *count += 1;
        places.insert((call.name.clone(), *count));
    }
    places.into_iter().collect()
}
