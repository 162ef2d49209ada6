//! Makes a readable store of a directory that an opening refuses, in another directory.
//!
//! 1. The directory is read: the longest front of the log that is sound, and whole groups behind
//!    it. Nothing is written to it.
//! 2. The destination gets the mark of an unfinished copy, durably, before anything else.
//! 3. The front is copied as it is; its last segment ends behind its last sound group, with a
//!    footer of its own.
//! 4. An engine opens the copy and appends the events that were saved. So what is there in the end
//!    was accepted by the same opening and the same writer as every store.
//! 5. The mark goes once all of it is durable. Whatever a crash leaves before is refused.

mod append;
mod behind_mark;
mod borrowed_names;
mod copy;
mod gaps;
mod plan;
mod proven_names;
mod report;
mod retaken;
mod version1;

pub use batpak_log::repair::{LeftOut, OutdatedForm};
pub use report::{
    LostRange, LostSequences, MissingSegments, NotSaved, RebuiltHeader, RepairReport,
};

use crate::engine::{Engine, EngineOptions};
use crate::error::StoreError;
use append::Appender;
use batpak_log::fs::{Fs, remove_if_there};
use batpak_log::layout::{RECOVERED_DIRECTORY, SNAPSHOT_MARK_NAME};
use batpak_log::repair::survey;
use behind_mark::BehindMark;
use plan::Plan;
use std::sync::Arc;
use version1::Version1Log;

/// What a repair is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RepairStage {
    /// The log is read, to see what of it is sound.
    Reading,
    /// Its sound front is copied.
    Copying,
    /// Events from behind the damage are appended.
    Saving,
}

/// How far a repair has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RepairProgress {
    /// What it is at.
    pub stage: RepairStage,
    /// How many bytes it is through with, in this stage.
    pub done_bytes: u64,
    /// Of how many.
    pub total_bytes: u64,
}

/// Repairs the log in `from` into the directory of `options`, which must be empty.
///
/// In memory are one group at a time, the names of one segment, and the ids of events that were
/// removed, where a source of a merged segment is looked into.
///
/// # Errors
/// `Configuration` when there is no log; `CorruptSegment` when nothing of it is whole;
/// `FutureVersion` when a later version wrote a part of it; `Io` when it cannot be read. What
/// opening, appending and closing return for the destination: what was written there is removed
/// again.
pub fn repair(
    from: &Arc<dyn Fs>,
    options: &EngineOptions,
    progress: &mut dyn FnMut(RepairProgress),
) -> Result<RepairReport, StoreError> {
    let (from, survey, retaken) = retaken::take_over_again(from, survey(&**from)?)?;
    let work = match survey.version1.is_empty() {
        false => Work::Version1(Box::new(Version1Log::new(survey))),
        true => Work::Log(Box::new(Plan::make(&*from, survey, progress)?)),
    };
    let to = &options.fs;
    to.create_new(SNAPSHOT_MARK_NAME)?.sync_all()?;
    to.sync_directory("")?;
    let repaired = carry_out(&*from, work, options, progress);
    if repaired.is_err() {
        take_back(&**to);
    }
    let mut report = repaired?;
    report.version1 = report.version1.or(retaken);
    Ok(report)
}

/// What is repaired.
enum Work {
    Log(Box<Plan>),
    /// Nothing has taken it over.
    Version1(Box<Version1Log>),
}

fn carry_out(
    from: &dyn Fs,
    mut work: Work,
    options: &EngineOptions,
    progress: &mut dyn FnMut(RepairProgress),
) -> Result<RepairReport, StoreError> {
    let to = &options.fs;
    let (report, has_sources) = match &mut work {
        Work::Log(plan) => {
            copy::copy_front(from, &**to, plan, progress)?;
            (std::mem::take(&mut plan.report), !plan.gaps.is_empty())
        }
        Work::Version1(log) => (log.copy_front(from, &**to, progress)?, false),
    };
    let options = EngineOptions {
        fs: Arc::new(BehindMark(Arc::clone(to))),
        ..options.clone()
    };
    let engine = Engine::open(&options)?;
    let mut appender = Appender::new(engine.handle(), report, has_sources);
    let saved = match &work {
        Work::Log(plan) => append::save(from, plan, &mut appender, progress),
        Work::Version1(log) => log.save(from, &mut appender, progress),
    };
    let report = appender.into_report();
    let closed = engine.close(None);
    saved?;
    closed?;
    to.sync_directory("")?;
    to.remove(SNAPSHOT_MARK_NAME)?;
    to.sync_directory("")?;
    Ok(report)
}

/// Removes what was written, the mark last; what cannot be removed stays refused.
fn take_back(to: &dyn Fs) {
    let remove = || {
        for directory in ["", RECOVERED_DIRECTORY] {
            let prefix = if directory.is_empty() { "" } else { "/" };
            for name in to.list(directory).unwrap_or_default() {
                if name != SNAPSHOT_MARK_NAME {
                    to.remove(&format!("{directory}{prefix}{name}"))?;
                }
            }
        }
        to.sync_directory("")?;
        remove_if_there(to, SNAPSHOT_MARK_NAME)
    };
    if let Err(error) = remove() {
        tracing::warn!(%error, "a repaired copy that was not finished was not removed");
    }
}
