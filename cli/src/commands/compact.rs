//! `batpak compact`: fewer files, and events that are removed by their age.

use crate::failure::Failure;
use crate::output::{Output, bytes_text, counted};
use crate::place::{open_for_writing, require_store};
use crate::progress;
use batpak::prelude::*;
use batpak::store::{CompactionProgress, CompactionStage, RawRetentionPredicate};
use serde_json::json;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// A day in microseconds.
const DAY_US: i64 = 24 * 60 * 60 * 1_000_000;

/// Which events are removed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Removing {
    /// Those that were written more than so many days ago.
    pub(crate) older_than_days: Option<u32>,
    /// A tombstone stays of each.
    pub(crate) tombstones: bool,
}

pub(crate) fn run(path: &Path, removing: Removing, output: &mut Output) -> Result<(), Failure> {
    require_store(path)?;
    let store = open_for_writing(path)?;
    let before = store.stats();
    let config = CompactionConfig {
        strategy: strategy(removing),
        min_segments: 1,
    };
    let bar = progress::start("compacting", Some(0));
    let done = store.compact_with(&config, |at: CompactionProgress| {
        bar.set_message(match at.stage == CompactionStage::Judging {
            true => "looking at events",
            false => "writing segments",
        });
        bar.set_length(at.total_bytes);
        bar.set_position(at.done_bytes);
    });
    bar.finish_and_clear();
    let after = store.stats();
    let closed = store.close();
    let done = done?;
    closed?;
    let removed = before.event_count.saturating_sub(after.event_count);
    if output.is_json() {
        return output.json(&json!({
            "segments_removed": done.segments_removed,
            "bytes_reclaimed": done.bytes_reclaimed,
            "segments": after.segments,
            "events_removed": removed,
            "events": after.event_count,
        }));
    }
    if done.segments_removed == 0 {
        return output.line(format_args!("nothing to do"));
    }
    let old = counted(done.segments_removed as u64, "segment");
    let left = counted(after.segments as u64, "segment");
    let bytes = bytes_text(done.bytes_reclaimed);
    let events = counted(removed as u64, "event");
    output.line(format_args!(
        "wrote {old} again, {left} now: {events} removed, {bytes} reclaimed"
    ))
}

fn strategy(removing: Removing) -> CompactionStrategy {
    let Some(days) = removing.older_than_days else {
        return CompactionStrategy::Merge;
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now_us = now.map_or(0, |now| i64::try_from(now.as_micros()).unwrap_or(i64::MAX));
    let oldest_us = now_us.saturating_sub(i64::from(days) * DAY_US);
    let keep: RawRetentionPredicate =
        Box::new(move |event| event.event.header.timestamp_us >= oldest_us);
    match removing.tombstones {
        true => CompactionStrategy::RawTombstone(keep),
        false => CompactionStrategy::RawRetention(keep),
    }
}
