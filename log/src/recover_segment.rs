//! Reads one segment from end to end and says where and how it ends.

use crate::error::LogError;
use crate::fs::File;
use crate::log_position::LogPosition;
use crate::planted::{Bug, planted};
use crate::segment::{
    Group, GroupReader, Predecessor, ReadStart, SegmentHeader, Step, Stop, Tail, TailFacts,
    Trailer, UnfinishedFence, judge_tail, read_footer, read_trailer,
};
use std::sync::Arc;

/// How the newest segment of a store ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewestEnd {
    /// The position behind its last whole group.
    pub position: LogPosition,
    /// Whether the segment ends with a clean mark, so that nothing needs mending.
    pub clean: bool,
    /// The sequence that the log may give out next: a clean mark, or a fence that was not
    /// committed, may have used some behind the position.
    pub next_sequence: u64,
    /// What stands behind the last whole group; empty when clean.
    pub tail: Tail,
    /// The highest offset that a group in it proves durable.
    pub proven: u64,
    /// A fence behind the position that was neither committed nor cancelled.
    pub unfinished: Option<UnfinishedFence>,
}

/// Reads a segment that another one follows, from `start` on. `successor` is how that one describes
/// it.
///
/// # Errors
/// `CrcMismatch` or `CorruptSegment` for damage, a sequence that goes back among it; `ForeignFile`
/// when its events are not those that the successor follows.
pub fn recover_sealed(
    file: &Arc<dyn File>,
    header: &SegmentHeader,
    successor: &Predecessor,
    start: &ReadStart,
    visit: &mut dyn FnMut(&SegmentHeader, &Group<'_>),
) -> Result<LogPosition, LogError> {
    let damaged = |detail: &str| LogError::corrupt(header.segment.id, detail);
    let end = sealed_end(file, header, successor)?
        .ok_or_else(|| damaged("it was merged and its footer is damaged"))?;
    if file.len()? < end {
        return Err(damaged("it is shorter than its successor says"));
    }
    let mut reader = GroupReader::resume(Arc::clone(file), header, start, end);
    let mut position = start.position;
    let stopped = read_groups(&mut reader, header, &mut position, visit)?;
    if let Some(stop) = stopped.filter(|_| !planted(Bug::SkipBadGroup)) {
        return Err(LogError::CrcMismatch {
            segment_id: header.segment.id,
            offset: stop.bad,
        });
    }
    let same = position.log_hash == successor.log_hash;
    if !same && !planted(Bug::IgnoreForeignEvents) && !planted(Bug::SkipBadGroup) {
        return Err(LogError::ForeignFile {
            name: header.segment.file_name(),
            detail: "its events are not those that its successor follows".into(),
        });
    }
    Ok(position)
}

/// Returns where the groups of a sealed segment end; `None` when nothing that is whole says so.
///
/// A merged segment's own trailer comes first: what the successor says may be about a source that
/// happened to have the same generation.
pub fn sealed_end(
    file: &Arc<dyn File>,
    header: &SegmentHeader,
    successor: &Predecessor,
) -> Result<Option<u64>, LogError> {
    let named = (header.segment.generation == successor.generation).then_some(successor.end_offset);
    if named.is_some() && header.replaced.is_empty() {
        return Ok(named);
    }
    let trailer = read_trailer(&**file, &header.binding())?;
    Ok(trailer.map(|trailer| trailer.end_offset).or(named))
}

/// Reads the newest segment from `start` on; `facts` is what the directory and the machine say
/// about its end.
///
/// # Errors
/// `CrcMismatch` or `CorruptSegment` for damage, a sequence that goes back among it.
pub fn recover_newest(
    file: &Arc<dyn File>,
    header: &SegmentHeader,
    facts: TailFacts,
    start: &ReadStart,
    visit: &mut dyn FnMut(&SegmentHeader, &Group<'_>),
) -> Result<NewestEnd, LogError> {
    // A clean mark is written once everything below it is durable, whatever became of its marker.
    let clean = read_footer(&**file, &header.binding())?.filter(|footer| footer.trailer.clean);
    let promised = clean.map_or(0, |footer| footer.trailer.end_offset);
    let trailer = clean
        .filter(|footer| footer.marked)
        .map(|footer| footer.trailer);
    let limit = match &trailer {
        Some(trailer) => trailer.end_offset,
        None => file.len()?,
    };
    let mut proven = facts.proven.max(promised);
    // A group without events may say that sequences before it were used up.
    let mut used = 0;
    let mut position = start.position;
    let mut reader = GroupReader::resume(Arc::clone(file), header, start, limit);
    let stopped = read_groups(&mut reader, header, &mut position, &mut |header, group| {
        proven = proven.max(group.header.proven);
        used = used.max(group.next_sequence());
        visit(header, group);
    })?;
    if let Some(trailer) = trailer {
        return clean_end(header, position, &trailer, stopped);
    }
    let mut stop = stopped.unwrap_or(Stop::at(position.offset, position.offset));
    let verdict = judge_tail(file, header, stop, TailFacts { proven, ..facts });
    // Somebody may be writing: what was not whole when it was read may be whole by the time that
    // the bytes behind it are looked at. Then nothing there is torn or damaged, it is on its way;
    // an opening for writing is alone with the log and never sees this.
    reader.set_limit(file.len()?);
    let stopped = read_groups(&mut reader, header, &mut position, &mut |header, group| {
        proven = proven.max(group.header.proven);
        used = used.max(group.next_sequence());
        visit(header, group);
    })?;
    let tail = match position.offset == stop.end {
        true => verdict?,
        false => Tail {
            end: position.offset,
            torn: None,
        },
    };
    stop = stopped.unwrap_or(stop);
    used = stop
        .fence
        .map_or(used, |fence| used.max(fence.next_sequence));
    Ok(NewestEnd {
        position,
        clean: false,
        next_sequence: position.next_sequence.max(used),
        tail,
        proven,
        unfinished: stop.fence,
    })
}

/// Judges a segment that ends with a clean mark, of which nothing below may differ.
fn clean_end(
    header: &SegmentHeader,
    position: LogPosition,
    trailer: &Trailer,
    stopped: Option<Stop>,
) -> Result<NewestEnd, LogError> {
    if let Some(stop) = stopped {
        let segment_id = header.segment.id;
        let offset = stop.bad;
        return Err(LogError::CrcMismatch { segment_id, offset });
    }
    if trailer.log_hash != position.log_hash {
        return Err(LogError::corrupt(
            header.segment.id,
            "its events are not those that its footer counts",
        ));
    }
    Ok(NewestEnd {
        position,
        clean: true,
        next_sequence: trailer.next_sequence.max(position.next_sequence),
        tail: Tail {
            end: position.offset,
            torn: None,
        },
        proven: position.offset,
        unfinished: None,
    })
}

/// Returns whether a whole group stands at `offset` and ends at `end`, whatever names it uses.
///
/// # Errors
/// When the file cannot be read.
pub fn is_group(
    file: &Arc<dyn File>,
    header: &SegmentHeader,
    (offset, end): (u64, u64),
) -> Result<bool, LogError> {
    if file.len()? < end {
        return Ok(false);
    }
    let mut reader = GroupReader::new(Arc::clone(file), header, end);
    reader.judge_from(offset);
    match reader.step() {
        Ok(Step::Group(group)) => Ok(group.end == end),
        Ok(Step::End | Step::NotWhole { .. } | Step::Unfinished(_))
        | Err(LogError::CorruptSegment { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Reads what counts up to the reader's limit; returns where it stops before.
fn read_groups(
    reader: &mut GroupReader,
    header: &SegmentHeader,
    position: &mut LogPosition,
    visit: &mut dyn FnMut(&SegmentHeader, &Group<'_>),
) -> Result<Option<Stop>, LogError> {
    loop {
        match reader.step()? {
            Step::Group(group) => {
                check_sequence(header, position, &group)?;
                position.advance(&group);
                visit(header, &group);
            }
            Step::End => return Ok(None),
            Step::NotWhole { offset, bad, .. } => return Ok(Some(Stop::at(offset, bad))),
            Step::Unfinished(fence) => return Ok(Some(Stop::before(fence))),
        }
    }
}

/// Gaps are legal, since sequences are skipped after a loss; one that was given out is never given
/// out again, and no crash writes a right checksum over one.
fn check_sequence(
    header: &SegmentHeader,
    position: &LogPosition,
    group: &Group<'_>,
) -> Result<(), LogError> {
    if group.header.first_sequence < position.next_sequence {
        let (first, next) = (group.header.first_sequence, position.next_sequence);
        let detail = format!(
            "the group at byte {} begins with sequence {first}, and {next} would be next",
            group.offset
        );
        return Err(LogError::corrupt(header.segment.id, detail));
    }
    Ok(())
}

/// Checks that `successor` goes on where the segment before it ended, which is `position` as
/// [`recover_sealed`] returned it.
///
/// # Errors
/// `ForeignFile` when it counts other events before itself, or begins with a sequence that the
/// segment before it has used.
pub fn check_successor(position: &LogPosition, successor: &SegmentHeader) -> Result<(), LogError> {
    let foreign = |detail: String| LogError::ForeignFile {
        name: successor.segment.file_name(),
        detail,
    };
    if successor.events_before != position.event_count && !planted(Bug::SkipBadGroup) {
        return Err(foreign(format!(
            "it follows {} events, and {} are there",
            successor.events_before, position.event_count
        )));
    }
    if successor.first_sequence < position.next_sequence {
        return Err(foreign(format!(
            "it begins with sequence {}, and {} would be next",
            successor.first_sequence, position.next_sequence
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
