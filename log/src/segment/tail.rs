//! Tells a torn tail from damage, in the newest segment of a store that was not closed.
//!
//! The rule and its reasons are in `FORMAT.md` under "Torn or damaged".

use super::{GroupReader, SegmentHeader, Step, UnfinishedFence};
use crate::error::LogError;
use crate::fs::{File, read_range};
use crate::planted::{Bug, planted};
use memchr::memmem;
use std::ops::Range;
use std::sync::Arc;

const WINDOW_BYTES: usize = 1024 * 1024;

/// What is known about the end of a segment from elsewhere.
#[derive(Clone, Copy, Debug, Default)]
pub struct TailFacts {
    /// The machine has not been restarted since the segment was made: nothing that was written
    /// can have been lost by the disk.
    pub same_boot: bool,
    /// The writer said that its file could not be trusted any more.
    pub poisoned: bool,
    /// Everything below this offset was proven durable.
    pub proven: u64,
}

/// How a segment ends that no clean mark ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tail {
    /// Where the last whole group ends, in bytes.
    pub end: u64,
    /// The bytes after it that are not zeros: a group or a footer that was not finished.
    pub torn: Option<Range<u64>>,
}

/// Where the reading of a segment came to a stop.
#[derive(Clone, Copy, Debug)]
pub struct Stop {
    /// Where what counts ends, in bytes.
    pub end: u64,
    /// Where what is whole ends, in bytes: behind a fence that was not committed, or at `end`.
    pub whole: u64,
    /// Where the first checksum fails, in bytes.
    pub bad: u64,
    /// The fence that stands at `end`, if one does.
    pub fence: Option<UnfinishedFence>,
}

impl Stop {
    /// Stops at a group that is not whole, or at the end.
    pub fn at(end: u64, bad: u64) -> Self {
        Self {
            end,
            whole: end,
            bad,
            fence: None,
        }
    }

    /// Stops before a fence that has no end.
    pub fn before(fence: UnfinishedFence) -> Self {
        Self {
            end: fence.offset,
            whole: fence.end,
            bad: fence.bad.unwrap_or(fence.end),
            fence: Some(fence),
        }
    }
}

/// Judges what stands where a reading has stopped.
///
/// # Errors
/// `CrcMismatch` when the bytes there are damage: they were proven durable, or nothing but damage
/// explains the whole groups behind them.
pub fn judge_tail(
    file: &Arc<dyn File>,
    header: &SegmentHeader,
    stop: Stop,
    facts: TailFacts,
) -> Result<Tail, LogError> {
    let Stop { end, whole, .. } = stop;
    let damage = LogError::CrcMismatch {
        segment_id: header.segment.id,
        offset: stop.bad,
    };
    if facts.proven > whole && !planted(Bug::CutProvenDamage) {
        return Err(damage);
    }
    let len = file.len()?;
    let Some(last) = last_nonzero(&**file, end, len)? else {
        return Ok(Tail { end, torn: None });
    };
    let torn = end..last + 1;
    let nothing_was_lost = facts.same_boot && !facts.poisoned;
    let mut markers = MarkerSearch::new(&**file, header.binding().group_marker(), len);
    let mut reader = GroupReader::new(Arc::clone(file), header, len);
    // What stands right behind a fence may be a whole group that does not belong there.
    let mut from = whole + u64::from(whole == end);
    while let Some(candidate) = markers.next(from)? {
        reader.judge_from(candidate);
        from = match reader.step()? {
            Step::Group(_) if planted(Bug::RefuseTornTail) => return Err(damage),
            Step::Group(group) if planted(Bug::CutProvenDamage) => group.end,
            Step::Group(group) if nothing_was_lost || group.header.proven > whole => {
                return Err(damage);
            }
            Step::Group(group) => group.end,
            Step::End | Step::NotWhole { .. } | Step::Unfinished(_) => candidate + 1,
        };
    }
    Ok(Tail {
        end,
        torn: Some(torn),
    })
}

pub(crate) fn last_nonzero(file: &dyn File, from: u64, len: u64) -> Result<Option<u64>, LogError> {
    let mut end = len;
    while end > from {
        let start = end.saturating_sub(WINDOW_BYTES as u64).max(from);
        let bytes = read_range(
            file,
            start,
            usize::try_from(end - start).unwrap_or(WINDOW_BYTES),
        )?;
        if let Some(at) = bytes.iter().rposition(|byte| *byte != 0) {
            return Ok(Some(start + at as u64));
        }
        end = start;
    }
    Ok(None)
}

/// Finds the places where a group may start.
///
/// It keeps its window, as the reader of the candidates does, so that the reading is linear in the
/// tail's length, however many markers it holds: anybody who can append can write a payload of
/// nothing but markers.
pub(crate) struct MarkerSearch<'f> {
    file: &'f dyn File,
    marker: [u8; 8],
    len: u64,
    window: Vec<u8>,
    window_start: u64,
}

impl<'f> MarkerSearch<'f> {
    pub(crate) fn new(file: &'f dyn File, marker: [u8; 8], len: u64) -> Self {
        Self {
            file,
            marker,
            len,
            window: Vec::new(),
            window_start: 0,
        }
    }

    /// Returns the first marker at or after `from`.
    pub(crate) fn next(&mut self, from: u64) -> Result<Option<u64>, LogError> {
        let mut from = from;
        while from.saturating_add(self.marker.len() as u64) <= self.len {
            self.fill(from)?;
            let skipped = usize::try_from(from - self.window_start).unwrap_or(usize::MAX);
            let rest = self.window.get(skipped..).unwrap_or_default();
            if let Some(at) = memmem::find(rest, &self.marker) {
                return Ok(Some(from + at as u64));
            }
            // The last bytes may be the front of a marker.
            from += (rest.len() - (self.marker.len() - 1)) as u64;
        }
        Ok(None)
    }

    /// Makes at least a marker's length at `from` part of the window.
    fn fill(&mut self, from: u64) -> Result<(), LogError> {
        let window_end = self.window_start + self.window.len() as u64;
        if from < self.window_start || from + self.marker.len() as u64 > window_end {
            let ahead = usize::try_from(self.len - from).unwrap_or(usize::MAX);
            self.window = read_range(self.file, from, ahead.min(WINDOW_BYTES))?;
            self.window_start = from;
        }
        Ok(())
    }
}
