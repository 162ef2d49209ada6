//! Opens what a vandal has left, and judges what the store makes of it.

use super::ground::Ground;
use super::made::{KILLED_NUMBERS, KIND};
use super::seen::{Seen, ask_keys, read};
use batpak::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What may become of a directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    /// Everything is there as it was.
    Same,
    /// The end is cut off, and the report says so.
    Repaired,
    /// The end is gone as if it had never been written, and nothing can tell: see [`Due`].
    Earlier,
    /// An opening, or a read, says what is wrong.
    Refused,
}

/// What is to be found.
#[derive(Clone, Debug)]
pub(crate) struct Due {
    pub(crate) seen: Seen,
    /// So many events are proven durable by something else than the newest segment: that many are
    /// there whatever is done to it, or there is a refusal.
    pub(crate) proven: usize,
}

/// Judges a directory. An error says what the store did that it must not do.
pub(crate) fn judge(ground: &impl Ground, due: &Due) -> Result<Verdict, String> {
    let judged = catch_unwind(AssertUnwindSafe(|| judge_openings(ground, due)));
    judged.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(format!("a panic: {}", text.unwrap_or_default()))
    })
}

fn judge_openings(ground: &impl Ground, due: &Due) -> Result<Verdict, String> {
    let before = ground.files();
    let looked_at = read_only(ground)?;
    if ground.files() != before {
        return Err("an opening for reading has changed files".into());
    }
    let store = match ground.open() {
        Ok(store) => store,
        Err(error) => {
            check_refusal(&error)?;
            // Whether a temporary file can be removed is only known once that is tried.
            if ground.files() != before && !matches!(error, StoreError::Io(_)) {
                return Err(format!("files have changed, and then: {error}"));
            }
            let again = ground.open().err().map(|error| error.to_string());
            return match (again, looked_at) {
                (None, _) => Err(format!("opened at the second time; at first: {error}")),
                (Some(again), _) if again != error.to_string() => Err(format!(
                    "refused otherwise at the second time: {again}; {error}"
                )),
                // A reader beside a writer sees what is there so far: what is missing at the end
                // may be on its way.
                (_, Ok(seen)) if !due.seen.starts_with(&seen) => Err(format!(
                    "read-only shows something else; for writing: {error}"
                )),
                _ => Ok(Verdict::Refused),
            };
        }
    };
    let report = store.diagnostics().recovery;
    let is_told = report.truncated_bytes > 0;
    let seen = match read(&store)? {
        Ok(seen) => seen,
        Err(error) => {
            check_refusal(&error)?;
            check_others(&store, due)?;
            store.close().map_err(|error| format!("closing: {error}"))?;
            return again_refused(ground);
        }
    };
    let verdict = compare(&seen, due, is_told)?;
    if let Ok(looked_at) = &looked_at
        && *looked_at != seen
    {
        return Err("read-only and for writing show different events".into());
    }
    if let (Err(error), Verdict::Same) = (&looked_at, &verdict) {
        return Err(format!("read-only refuses what is whole: {error}"));
    }
    ask_keys(&store, &seen, 0..KILLED_NUMBERS)?;
    go_on(ground, store, seen)?;
    Ok(verdict)
}

fn read_only(ground: &impl Ground) -> Result<Result<Seen, StoreError>, String> {
    let store = match ground.open_read_only() {
        Ok(store) => store,
        Err(error) => {
            check_refusal(&error)?;
            return Ok(Err(error));
        }
    };
    let seen = read(&store)?;
    if let Err(error) = &seen {
        check_refusal(error)?;
    }
    store.close().map_err(|error| format!("closing: {error}"))?;
    Ok(seen)
}

fn compare(seen: &Seen, due: &Due, is_told: bool) -> Result<Verdict, String> {
    if *seen == due.seen {
        return Ok(Verdict::Same);
    }
    if !due.seen.starts_with(seen) {
        return Err("the store opens and holds something else".into());
    }
    let (left, of) = (seen.len(), due.seen.len());
    if left < due.proven {
        return Err(format!(
            "{left} of {of} events are left, and {} are proven",
            due.proven
        ));
    }
    match is_told {
        true => Ok(Verdict::Repaired),
        false => Ok(Verdict::Earlier),
    }
}

/// The store opens, and some event cannot be read: whatever can be is what it was.
fn check_others(store: &Store, due: &Due) -> Result<(), String> {
    for event in &due.seen {
        match store.get_raw(event.id) {
            Ok(stored) if stored.event != *event.event() => {
                return Err(format!("{:032x} is read as something else", event.id));
            }
            Ok(_) => {}
            Err(StoreError::NotFound(_)) => {}
            Err(error) => check_refusal(&error)?,
        }
    }
    Ok(())
}

/// What was damaged stays damaged: nothing is mended in silence by opening again.
fn again_refused(ground: &impl Ground) -> Result<Verdict, String> {
    match ground.open() {
        Ok(store) => match read(&store)? {
            Ok(_) => Err("an event that could not be read is there again, or gone".into()),
            Err(error) => check_refusal(&error).map(|()| Verdict::Refused),
        },
        Err(error) => check_refusal(&error).map(|()| Verdict::Refused),
    }
}

/// Appends, closes, opens and reads again; the second opening has nothing to mend.
fn go_on(ground: &impl Ground, store: Store, mut seen: Seen) -> Result<(), String> {
    let coord = Coordinate::new("entity:0", "scope:0").map_err(|error| error.to_string())?;
    let appended = store.append(&coord, KIND, &"more");
    let appended = appended.map_err(|error| format!("appending: {error}"))?;
    let after = read(&store)?.map_err(|error| format!("reading on: {error}"))?;
    let last = after.last().filter(|last| last.id == appended.event_id);
    seen.push(last.ok_or("what was appended is not read")?.clone());
    if after != seen {
        return Err("an append has changed other events".into());
    }
    store.close().map_err(|error| format!("closing: {error}"))?;
    let store = ground
        .open()
        .map_err(|error| format!("opening again: {error}"))?;
    let report = store.diagnostics().recovery;
    if report.truncated_bytes > 0 || report.unclean {
        return Err(format!("the second opening mends again: {report:?}"));
    }
    match read(&store)?.map_err(|error| format!("reading again: {error}"))? == seen {
        true => store.close().map(drop).map_err(|error| error.to_string()),
        false => Err("the second opening holds something else".into()),
    }
}

/// Refusals name what is wrong with the directory; any other error is not one.
fn check_refusal(error: &StoreError) -> Result<(), String> {
    match error {
        StoreError::CrcMismatch { .. }
        | StoreError::CorruptSegment { .. }
        | StoreError::MissingSegment { .. }
        | StoreError::ForeignFile { .. }
        | StoreError::Rollback { .. }
        | StoreError::DamagedFile { .. }
        | StoreError::DamagedIndex { .. }
        | StoreError::FutureVersion { .. }
        | StoreError::UnfinishedSnapshot => Ok(()),
        // What stands in a file's place is named.
        StoreError::Io(error) if error.to_string().starts_with('"') => Ok(()),
        other => Err(format!("not a refusal that names the damage: {other:?}")),
    }
}
