//! Finds the whole groups of a segment in which bytes are damaged.

use super::fate::{Fate, fate_of};
use super::names::KnownNames;
use super::survey::FoundSegment;
use crate::coordinate::Coordinate;
use crate::error::LogError;
use crate::fs::{File, Fs};
use crate::segment::{
    EventRecord, FenceRecord, Group, GroupReader, MarkerSearch, SegmentHeader, Step, last_nonzero,
    read_trailer,
};
use std::ops::Range;
use std::sync::Arc;

/// An event of a whole group.
#[derive(Clone, Debug)]
pub struct SalvagedEvent<'a> {
    /// The event's fields.
    pub record: EventRecord<'a>,
    /// Its entity and scope; `None` when they were defined in bytes that are lost.
    pub coordinate: Option<Coordinate>,
    /// The sequence that it had.
    pub sequence: u64,
}

/// A whole group.
#[derive(Clone, Debug)]
pub struct SalvagedGroup<'a> {
    /// Where it starts, in bytes.
    pub offset: u64,
    /// Where it ends, in bytes.
    pub end: u64,
    /// Its events, in order; none of a fence that was cancelled.
    pub events: Vec<SalvagedEvent<'a>>,
    /// It belongs to a fence, and the record that ends the fence is lost: nobody can tell whether
    /// its events were ever visible.
    pub is_undecided: bool,
    /// The first of the sequences that it has used.
    pub first_sequence: u64,
    /// The sequence behind those that it has used.
    pub next_sequence: u64,
}

/// Bytes between whole groups in which groups stood, or may have stood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostBytes {
    /// Where they are.
    pub bytes: Range<u64>,
    /// The smallest sequence that an event in them may have had.
    pub first_sequence: u64,
    /// No event in them had this sequence or a greater one; `None` when nothing in the segment
    /// tells.
    pub end_sequence: Option<u64>,
}

/// What is found in a damaged segment, in order.
#[derive(Debug)]
pub enum Found<'a> {
    /// A whole group.
    Group(SalvagedGroup<'a>),
    /// Bytes that are no whole group.
    Lost(LostBytes),
}

/// What is read of a damaged segment.
#[derive(Clone, Copy, Debug)]
pub struct Salvaging {
    /// What is before this offset is known to be whole, and is not told of.
    pub from: u64,
    /// Where the segment's groups end; `None` when nothing that is whole says so.
    pub end: Option<u64>,
}

/// Returns where a segment's groups end, as its own trailer or a segment behind it says. A header
/// that was rebuilt says only what was read here.
///
/// # Errors
/// When the file cannot be read.
pub fn segment_end(
    fs: &dyn Fs,
    segment: &FoundSegment,
    all: &[FoundSegment],
) -> Result<Option<u64>, LogError> {
    let file = segment.open(fs)?;
    if let Some(trailer) = read_trailer(&*file, &segment.header.binding())? {
        return Ok(Some(trailer.end_offset));
    }
    let header = &segment.header;
    let own = all
        .iter()
        .filter(|other| other.header.store_id == header.store_id && !other.is_rebuilt());
    let named = own.filter_map(|other| other.header.predecessor);
    let mut named = named.filter(|predecessor| {
        predecessor.last_id == header.last_id
            && predecessor.generation == header.segment.generation
            && header.replaced.is_empty()
    });
    Ok(named.next().map(|predecessor| predecessor.end_offset))
}

/// Tells of the whole groups of a segment and of the bytes between them.
///
/// The names that it has are in memory, and one group at a time.
///
/// # Errors
/// `Io` when the file cannot be read; what `visit` returns.
pub fn salvage<E: From<LogError>>(
    file: &Arc<dyn File>,
    header: &SegmentHeader,
    what: Salvaging,
    visit: &mut dyn FnMut(Found<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let len = file.len().map_err(LogError::from)?;
    let end = what.end.unwrap_or(len).min(len);
    let binding = header.binding();
    let mut markers = MarkerSearch::new(&**file, binding.group_marker(), end);
    let mut reader = GroupReader::new(Arc::clone(file), header, end);
    reader.judge_from(header.encoded_len());
    let mut walk = Walk {
        file,
        header,
        end,
        names: KnownNames::new(),
        lost_from: None,
        whole_upto: header.encoded_len(),
        next_sequence: header.first_sequence,
        fate: None,
    };
    loop {
        let at = reader.position();
        let stepped = match reader.step() {
            Ok(Step::Group(group)) if group.header.first_sequence >= walk.next_sequence => {
                if let Some(lost) = walk.end_of_lost(&group) {
                    visit(Found::Lost(lost))?;
                }
                walk.names.define(&**file, &binding, &group)?;
                if group.offset >= what.from {
                    visit(Found::Group(walk.judge(&group)?))?;
                }
                walk.pass(&group);
                continue;
            }
            // A sequence that goes back: whole, and of no use.
            Ok(Step::Group(group)) => Some(group.end),
            Ok(Step::End) => break,
            Ok(Step::NotWhole { .. } | Step::Unfinished(_))
            | Err(LogError::CorruptSegment { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        walk.lost_from.get_or_insert(at);
        match stepped {
            Some(behind) => reader.judge_from(behind),
            None => match markers.next(at + 1)? {
                Some(candidate) => reader.judge_from(candidate),
                None => break,
            },
        }
    }
    match walk.lost_at_end(what.end, len)? {
        Some(lost) => visit(Found::Lost(lost)),
        None => Ok(()),
    }
}

/// What is known on the way through a segment.
struct Walk<'s> {
    file: &'s Arc<dyn File>,
    header: &'s SegmentHeader,
    end: u64,
    names: KnownNames,
    /// Where the bytes begin that are no whole group.
    lost_from: Option<u64>,
    whole_upto: u64,
    next_sequence: u64,
    /// The fence that was asked about last.
    fate: Option<(u64, Fate)>,
}

impl Walk<'_> {
    /// Ends the bytes that are lost, if there are any, where a whole group starts.
    fn end_of_lost(&mut self, group: &Group<'_>) -> Option<LostBytes> {
        let from = self.lost_from.take()?;
        self.names.pass_lost();
        Some(LostBytes {
            bytes: from..group.offset,
            first_sequence: self.next_sequence,
            end_sequence: Some(group.header.first_sequence),
        })
    }

    fn pass(&mut self, group: &Group<'_>) {
        self.whole_upto = group.end;
        self.next_sequence = group.next_sequence();
    }

    fn judge<'a>(&mut self, group: &Group<'a>) -> Result<SalvagedGroup<'a>, LogError> {
        let fate = match group.fence {
            Some(FenceRecord::Member(number)) => self.fate(number, group.end)?,
            Some(FenceRecord::Commit(_) | FenceRecord::Cancel(_)) | None => Fate::Committed,
        };
        let shown = group.events.iter().filter(|_| fate != Fate::Cancelled);
        Ok(SalvagedGroup {
            offset: group.offset,
            end: group.end,
            events: shown
                .map(|event| SalvagedEvent {
                    record: event.record,
                    coordinate: self.names.of(&event.record),
                    sequence: event.sequence,
                })
                .collect(),
            is_undecided: fate == Fate::Unknown,
            first_sequence: group.header.first_sequence,
            next_sequence: group.next_sequence(),
        })
    }

    /// Returns what became of a fence, which is looked for once.
    fn fate(&mut self, number: u64, from: u64) -> Result<Fate, LogError> {
        if let Some((known, fate)) = self.fate
            && known == number
        {
            return Ok(fate);
        }
        let fate = fate_of(self.file, self.header, number, (from, self.end))?;
        self.fate = Some((number, fate));
        Ok(fate)
    }

    /// Returns what is lost between the last whole group and the end. Zeros where nothing says how
    /// far the groups go are space that was reserved.
    fn lost_at_end(&self, end: Option<u64>, len: u64) -> Result<Option<LostBytes>, LogError> {
        let from = self.lost_from.unwrap_or(self.whole_upto);
        let upto = match end {
            Some(end) => end,
            None => last_nonzero(&**self.file, from, len)?.map_or(from, |last| last + 1),
        };
        Ok((upto > from).then_some(LostBytes {
            bytes: from..upto,
            first_sequence: self.next_sequence,
            end_sequence: None,
        }))
    }
}
