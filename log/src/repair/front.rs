//! Finds the longest front of a log that every opening accepts.

use super::salvage::segment_end;
use super::survey::{FoundSegment, HeaderState, Survey};
use crate::error::LogError;
use crate::fs::{File, Fs};
use crate::log_position::LogPosition;
use crate::recover_segment::sealed_end;
use crate::segment::{
    GroupReader, Removals, SegmentHeader, Step, Stop, TailFacts, judge_tail, read_trailer,
};
use std::ops::Range;
use std::sync::Arc;

/// A segment that is whole, or the whole front of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptSegment {
    /// Which of the survey's segments it is.
    pub at: usize,
    /// Where the log stands behind its whole groups.
    pub position: LogPosition,
    /// Nothing that is whole in it says where its groups end.
    pub lacks_footer: bool,
    /// Which stubs its sound groups hold.
    pub removals: Removals,
}

/// The longest front of a log that is sound.
#[derive(Clone, Debug, Default)]
pub struct Front {
    /// Its segments, in order.
    pub segments: Vec<KeptSegment>,
    /// How the last of them ends.
    pub end: Option<FrontEnd>,
}

/// How the last segment of a front ends.
#[derive(Clone, Copy, Debug)]
pub struct FrontEnd {
    /// Where its groups should end; `None` when nothing that is whole says so.
    pub groups_end: Option<u64>,
    /// Where the reading has stopped.
    pub stop: Stop,
    /// The highest offset that a group or the checkpoint proves durable, in bytes.
    pub proven: u64,
    /// The sequence behind all that were used up to there.
    pub next_sequence: u64,
    /// The footer counts other events than are there, although both are whole.
    pub footer_disagrees: bool,
}

/// Reads segments from the first on, as long as each is whole and the next one follows it.
/// `progress` is told how many bytes of segments it is through with.
///
/// # Errors
/// When a file cannot be read.
pub fn find_front(
    fs: &dyn Fs,
    survey: &Survey,
    progress: &mut dyn FnMut(u64),
) -> Result<Front, LogError> {
    let mut front = Front::default();
    let first = survey.segments.iter().position(|of| {
        of.header
            .predecessor
            .is_none_or(|before| before.last_id == 0)
    });
    let Some(mut at) = first else {
        return Ok(front);
    };
    let mut done = 0;
    while let Some(segment) = survey.segments.get(at) {
        let Some((kept, next)) = sealed(fs, survey, at)? else {
            let (read, end) = last(fs, survey, segment)?;
            front.segments.push(KeptSegment {
                at,
                position: read.position,
                lacks_footer: false,
                removals: read.removals,
            });
            front.end = Some(end);
            break;
        };
        front.segments.push(kept);
        done += segment.len;
        progress(done);
        at = next;
    }
    drop_unproven(fs, survey, &mut front)?;
    Ok(front)
}

/// Takes segments whose header was rebuilt from the end of the front, unless the log hash of a
/// footer, or of a segment behind, is that of all events up to there.
fn drop_unproven(fs: &dyn Fs, survey: &Survey, front: &mut Front) -> Result<(), LogError> {
    // With other times than theirs, its events would not give their hashes.
    let lacks_times = |kept: &KeptSegment| {
        let state = survey.segments.get(kept.at).map(|of| of.state);
        matches!(
            state,
            Some(HeaderState::Rebuilt {
                times_proven: false
            })
        )
    };
    let unproven = front.segments.iter().position(lacks_times);
    let mut has_changed = unproven.is_some();
    if let Some(unproven) = unproven {
        front.segments.truncate(unproven);
        front.end = None;
    }
    while let Some(last) = front.segments.last().copied()
        && let Some(segment) = survey.segments.get(last.at)
        && segment.is_rebuilt()
        && !is_proven(fs, segment, &last.position)?
    {
        front.segments.pop();
        front.end = None;
        has_changed = true;
    }
    let before = front.segments.last_mut().filter(|_| has_changed);
    if let Some(kept) = before
        && let Some(segment) = survey.segments.get(kept.at)
    {
        let (read, end) = last(fs, survey, segment)?;
        kept.position = read.position;
        kept.lacks_footer = false;
        kept.removals = read.removals;
        front.end = Some(end);
    }
    Ok(())
}

/// Returns whether a segment holds all that its own footer counts.
///
/// # Errors
/// When the file cannot be read.
pub fn is_whole(fs: &dyn Fs, segment: &FoundSegment) -> Result<bool, LogError> {
    let file = segment.open(fs)?;
    let read = read_upto(&file, &segment.header, None)?;
    is_proven(fs, segment, &read.position)
}

fn is_proven(
    fs: &dyn Fs,
    segment: &FoundSegment,
    position: &LogPosition,
) -> Result<bool, LogError> {
    let trailer = read_trailer(&*segment.open(fs)?, &segment.header.binding())?;
    Ok(trailer.is_some_and(|trailer| {
        trailer.end_offset == position.offset
            && trailer.event_count == position.event_count
            && trailer.log_hash == position.log_hash
    }))
}

/// Reads a segment that another one follows; `None` when none follows it that would be accepted.
fn sealed(
    fs: &dyn Fs,
    survey: &Survey,
    at: usize,
) -> Result<Option<(KeptSegment, usize)>, LogError> {
    let Some(segment) = survey.segments.get(at) else {
        return Ok(None);
    };
    let header = &segment.header;
    let file = segment.open(fs)?;
    for (next, successor) in survey.segments.iter().enumerate() {
        let Some(named) = successor.header.predecessor else {
            continue;
        };
        let follows = successor.header.segment.id > header.last_id
            && named.last_id == header.last_id
            && named.generation <= header.segment.generation;
        if !follows {
            continue;
        }
        // A header that was rebuilt says only what was read of this segment.
        let end = match successor.is_rebuilt() {
            true => read_trailer(&*file, &header.binding())?.map(|trailer| trailer.end_offset),
            false => sealed_end(&file, header, &named)?,
        };
        let read = read_upto(&file, header, end)?;
        let position = read.position;
        let is_whole = end.is_none_or(|end| position.offset == end)
            && position.log_hash == named.log_hash
            && position.event_count == successor.header.events_before
            && position.next_sequence <= successor.header.first_sequence;
        if is_whole {
            let kept = KeptSegment {
                at,
                position,
                lacks_footer: end.is_none(),
                removals: read.removals,
            };
            return Ok(Some((kept, next)));
        }
    }
    Ok(None)
}

/// Reads the last segment of the front, as far as it is whole.
fn last(
    fs: &dyn Fs,
    survey: &Survey,
    segment: &FoundSegment,
) -> Result<(Read, FrontEnd), LogError> {
    let file = segment.open(fs)?;
    let header = &segment.header;
    let groups_end = segment_end(fs, segment, &survey.segments)?;
    let read = read_upto(&file, header, groups_end)?;
    let position = read.position;
    let trailer = read_trailer(&*file, &header.binding())?;
    let told = trailer.filter(|trailer| trailer.end_offset == position.offset);
    let checkpoint = survey.checkpoint.map(|checkpoint| checkpoint.position);
    let checkpoint = checkpoint.filter(|proven| proven.segment == header.segment);
    let end = FrontEnd {
        groups_end,
        stop: read.stop,
        proven: read
            .proven
            .max(checkpoint.map_or(0, |proven| proven.offset)),
        next_sequence: read.used.max(told.map_or(0, |told| told.next_sequence)),
        footer_disagrees: told.is_some_and(|told| told.log_hash != position.log_hash),
    };
    Ok((read, end))
}

/// Judges what stands behind the front where nothing says how far the groups go and no segment
/// follows: returns the bytes that a crash has torn, as an opening would cut them off, or `None`
/// when they are damage.
///
/// # Errors
/// When the file cannot be read.
pub fn judge_end(
    file: &Arc<dyn File>,
    header: &SegmentHeader,
    end: &FrontEnd,
) -> Result<Option<Range<u64>>, LogError> {
    // Whoever repairs saves whole groups wherever they stand, as on a machine that was never
    // restarted.
    let facts = TailFacts {
        same_boot: true,
        poisoned: false,
        proven: end.proven,
    };
    match judge_tail(file, header, end.stop, facts) {
        Ok(tail) => Ok(Some(tail.torn.unwrap_or(tail.end..tail.end))),
        Err(LogError::CrcMismatch { .. } | LogError::CorruptSegment { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What was read of a segment.
pub(super) struct Read {
    pub(super) position: LogPosition,
    stop: Stop,
    proven: u64,
    used: u64,
    removals: Removals,
}

/// Reads groups as long as they are whole and in order.
pub(super) fn read_upto(
    file: &Arc<dyn File>,
    header: &SegmentHeader,
    end: Option<u64>,
) -> Result<Read, LogError> {
    let len = file.len()?;
    let limit = end.unwrap_or(len).min(len);
    let mut reader = GroupReader::new(Arc::clone(file), header, limit);
    let mut position = LogPosition::at_start_of(header);
    let (mut proven, mut used) = (0, header.first_sequence);
    let mut removals = Removals::default();
    let stop = loop {
        match reader.step() {
            Ok(Step::Group(group)) if group.header.first_sequence >= position.next_sequence => {
                position.advance(&group);
                proven = proven.max(group.header.proven);
                used = used.max(group.next_sequence());
                for event in &group.events {
                    if let Some(removed) = event.record.removed {
                        removals.count(&event.record.event_hash, removed.is_shown);
                    }
                }
            }
            Ok(Step::Group(group)) => break Stop::at(group.offset, group.offset),
            Ok(Step::End) => break Stop::at(position.offset, position.offset),
            Ok(Step::NotWhole { offset, bad, .. }) => break Stop::at(offset, bad),
            Ok(Step::Unfinished(fence)) => {
                used = used.max(fence.next_sequence);
                break Stop::before(fence);
            }
            Err(LogError::CorruptSegment { .. }) => {
                break Stop::at(position.offset, position.offset);
            }
            Err(error) => return Err(error),
        }
    };
    Ok(Read {
        position,
        stop,
        proven,
        used,
        removals,
    })
}
