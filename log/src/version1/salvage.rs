//! Finds what is whole in a log of version 1 that a reading refuses.
//!
//! Up to the first damage everything is as a reading finds it. Behind it, frames are looked for and
//! judged by their checksums; sequences are the least that there may have been, since they are not
//! stored; and a batch of which anything is missing is passed as a whole.

use super::batches::Batches;
use super::ranges::{self, HiddenRanges};
use super::scan::{Scan, ScanStep};
use super::{Numbered, Version1Segment};
use crate::error::LogError;
use crate::fs::{Access, Fs};
use crate::segment::SegmentName;
use std::ops::Range;

/// No header of version 1 is longer in practice, and no frame has room before this place.
const FRONT_MAX: u64 = 128;

/// What is missing somewhere in a log of version 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Version1Gap {
    /// Bytes of a file in which frames stood that are not whole.
    Bytes {
        /// The file's name.
        file: String,
        /// Where they are.
        bytes: Range<u64>,
    },
    /// Files that are not there, by the number of the first and the last.
    Segments(u64, u64),
}

/// What [`salvage_version1`] finds, in commit order.
#[derive(Debug)]
pub enum FoundVersion1 {
    /// Events: a batch, or such as were written one by one.
    Events(Vec<Numbered>),
    /// Something is missing; no event of it had a smaller sequence than this.
    Gap(Version1Gap, u64),
    /// All of a segment was read.
    SegmentEnd,
}

/// What a salvage came to, beside the events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SalvagedVersion1 {
    /// The smallest sequence that no event that is there has.
    pub next_sequence: u64,
    /// How many events a cancelled fence hides.
    pub hidden_events: u64,
    /// How many batches have no end, so that none of their events is there.
    pub dropped_batches: u64,
    /// How many events of such batches stand in the files.
    pub dropped_events: u64,
    /// How many whole events belong to batches of which others are missing.
    pub cut_events: u64,
    /// How many bytes behind the last whole frames of segments belong to nothing.
    pub torn_bytes: u64,
    /// The newest segment was closed in good order.
    pub clean: bool,
    /// The file of hidden ranges if it is damaged: what a cancelled fence hid is not known.
    pub damaged_ranges: Option<String>,
}

/// Reads all that is whole in segments of version 1, which are sorted.
///
/// # Errors
/// When a file cannot be read; what `visit` returns.
pub fn salvage_version1<E: From<LogError>>(
    fs: &dyn Fs,
    segments: &[Version1Segment],
    visit: &mut dyn FnMut(FoundVersion1) -> Result<(), E>,
) -> Result<SalvagedVersion1, E> {
    let mut found = SalvagedVersion1::default();
    let hidden = match HiddenRanges::read(fs) {
        Err(LogError::DamagedFile { .. }) => {
            found.damaged_ranges = Some(ranges::NAME.into());
            HiddenRanges::default()
        }
        read => read?,
    };
    let mut batches = Batches::new(hidden);
    let mut events = Vec::new();
    let (mut expected, mut compacted) = (1, false);
    for (at, segment) in segments.iter().enumerate() {
        if segment.id != expected && !compacted {
            batches.pass_lost(&mut events);
            give(&mut events, visit)?;
            let gap = Version1Gap::Segments(expected, segment.id.saturating_sub(1));
            visit(FoundVersion1::Gap(gap, batches.counts().next_sequence))?;
        }
        compacted = segment.id == 1 && segment.footer_at.is_none();
        expected = segment.id.saturating_add(1);
        let mut scan = Scan::open(fs, segment)?;
        let torn = loop {
            match scan.salvage()? {
                ScanStep::Frame(frame) => {
                    if batches.take(segment.id, frame, &mut events).is_err() {
                        // A batch that is longer than any can be.
                        batches.pass_lost(&mut events);
                    }
                }
                ScanStep::Lost(bytes) => {
                    batches.pass_lost(&mut events);
                    give(&mut events, visit)?;
                    let file = segment.name().file_name();
                    let gap = Version1Gap::Bytes { file, bytes };
                    visit(FoundVersion1::Gap(gap, batches.counts().next_sequence))?;
                }
                ScanStep::End { torn_bytes } => break torn_bytes,
            }
            give(&mut events, visit)?;
        };
        if torn > 0 || at + 1 == segments.len() {
            batches.release(&mut events);
            batches.break_off(&mut events);
            give(&mut events, visit)?;
        }
        found.torn_bytes += torn;
        found.clean = segment.footer_at.is_some() && torn == 0;
        visit(FoundVersion1::SegmentEnd)?;
    }
    let counts = batches.counts();
    Ok(SalvagedVersion1 {
        next_sequence: counts.next_sequence,
        hidden_events: counts.hidden_events,
        dropped_batches: counts.dropped_batches,
        dropped_events: counts.dropped_events,
        cut_events: counts.cut_events,
        ..found
    })
}

fn give<E>(
    events: &mut Vec<Numbered>,
    visit: &mut dyn FnMut(FoundVersion1) -> Result<(), E>,
) -> Result<(), E> {
    match events.is_empty() {
        true => Ok(()),
        false => visit(FoundVersion1::Events(std::mem::take(events))),
    }
}

/// Takes a file whose header is damaged for a segment of version 1, if a whole frame of it is in
/// there: the file's name says which segment it is.
///
/// # Errors
/// When the file cannot be read.
pub fn guess_version1(fs: &dyn Fs, name: SegmentName) -> Result<Option<Version1Segment>, LogError> {
    let file = fs.open(&name.file_name(), Access::Read)?;
    let guessed = match name.generation {
        0 => Version1Segment::guess(name.id, &*file)?,
        _ => None,
    };
    let Some(mut segment) = guessed else {
        return Ok(None);
    };
    let mut scan = Scan::open(fs, &segment)?;
    let first = match scan.salvage()? {
        ScanStep::Frame(_) => Some(segment.front.len() as u64),
        ScanStep::Lost(bytes) if matches!(scan.salvage()?, ScanStep::Frame(_)) => Some(bytes.end),
        ScanStep::Lost(_) | ScanStep::End { .. } => None,
    };
    let Some(first) = first else {
        return Ok(None);
    };
    if first <= FRONT_MAX {
        segment.front = crate::fs::read_range(&*file, 0, usize::try_from(first).unwrap_or(0))?;
    }
    Ok(Some(segment))
}
