//! One sync fails, at every place where there is one.

use crate::history::History;
use crate::ledger::After;
use crate::plan::Style;
use crate::process::Child;
use crate::row::{Row, Trial};
use crate::strace::{self, Call};
use anyhow::{Context, Result, ensure};
use std::path::Path;

pub(crate) const ROW: Row = Row {
    name: "failed-sync",
    promise: "nothing is acknowledged on a failed sync; the store is poisoned and says so",
    unit: "failed syncs",
    counts: [60, 1_000, 10_000],
    in_memory: false,
    why_not: strace::why_not,
    trial,
};

const EVENTS: u32 = 30;
const SYNCS: &str = "fsync,fdatasync";
const TRACED: &str = "write,fsync,fdatasync,renameat";

fn trial(trial: &Trial, count: &mut u64) -> Result<()> {
    let log = trial.room.join("calls");
    let mut history = History::new(trial.room, "traced", trial.seed, Style::Plain);
    let part = history.appender(EVENTS, "");
    let child = Child::start(trial.room, &strace::tracing(&log, SYNCS), &part)?;
    history.hear_out(&child)?;
    child.finish()?;
    let mut places = strace::places(&strace::read(&log)?);
    fastrand::Rng::with_seed(trial.seed).shuffle(&mut places);
    for (call, when) in places {
        if *count >= trial.left {
            break;
        }
        let place = format!("failed-{call}-{when}");
        *count += u64::from(fail(trial, &place, &call, when).context(place)?);
    }
    Ok(())
}

/// Returns whether a sync failed.
fn fail(trial: &Trial, place: &str, call: &str, when: usize) -> Result<bool> {
    let log = trial.room.join(format!("{place}.calls"));
    let mut history = History::new(trial.room, place, trial.seed, Style::Plain);
    let part = history.appender(EVENTS, "");
    let mut wrapper = strace::tracing(&log, TRACED);
    let inject = format!("inject={call}:error=EIO:when={when}");
    wrapper.extend(["-e".to_owned(), inject]);
    let child = Child::start(trial.room, &wrapper, &part)?;
    let told = history.hear_out(&child)?;
    child.finish()?;
    let calls = strace::read(&log)?;
    let Some(failed) = calls.iter().find(|call| call.was_injected()) else {
        return Ok(false);
    };
    judge_lines(&told, failed, &calls, &history.store)
        .with_context(|| format!("{told:?} after {}", failed.text))?;
    history.judge(After::Crash)?;
    // The reader of a second crash must not lose what the first opening had shown.
    let part = history.appender(5, "");
    let child = Child::start(trial.room, &[], &part)?;
    history.hear_out(&child)?;
    child.finish()?;
    history.judge(After::Crash)?;
    Ok(true)
}

/// A file that is prepared and not part of the log yet may fail: the append that needed it is
/// certainly not written, and another file is made. So may the footer of a segment that was synced
/// before the next one began: it is advisory. After any other failure nothing more is
/// acknowledged, and the close says so.
fn judge_lines(told: &[String], failed: &Call, calls: &[Call], store: &Path) -> Result<()> {
    let store = store.display().to_string();
    let of_directory = failed.text.contains(&format!("<{store}>"));
    let of_log = of_directory || is_newest_segment(failed, calls);
    let acknowledged_later = calls
        .iter()
        .any(|call| call.begun > failed.ended && call.text.contains("\"ack "));
    let refused: Vec<_> = told
        .iter()
        .filter(|line| line.starts_with("error "))
        .collect();
    let says = |word: &str| refused.iter().any(|line| line.contains(word));
    let (unknown, poisoned) = (says(" unknown "), says(" Poisoned "));
    let complained = told.iter().any(|line| line.starts_with("not-"));
    if of_log || unknown || poisoned {
        ensure!(!acknowledged_later, "acknowledged after a failed sync");
        ensure!(complained, "neither opening nor close failed");
        ensure!(refused.len() < 2 || poisoned, "refused, and not poisoned");
        ensure!(
            refused.is_empty() || unknown || poisoned,
            "refused otherwise"
        );
    } else {
        // Calls are counted for each thread, so there may be more than one.
        let failures = calls.iter().filter(|call| call.was_injected()).count();
        ensure!(refused.len() <= failures, "refused without a cause");
    }
    Ok(())
}

/// Whether a call is about the segment that takes events: no later one has been heard of by then.
fn is_newest_segment(call: &Call, calls: &[Call]) -> bool {
    let Some(name) = segment_of(call) else {
        return false;
    };
    let earlier = calls.iter().filter(|other| other.begun < call.ended);
    earlier.filter_map(segment_of).max() == Some(name)
}

fn segment_of(call: &Call) -> Option<&str> {
    let (path, _) = call.text.rsplit_once(".fbat")?;
    path.rsplit(['/', '"']).next()
}
