//! Version 1: what the released batpak 0.5 wrote.
//!
//! Reads its segments and the ranges that it hides, oldest event first, and says what is torn and
//! what is damage. Never writes: the files of version 1 stay as they are. `FORMAT.md` describes the
//! bytes under "Version 1".

mod batches;
mod event;
mod msgpack;
mod ranges;
mod salvage;
mod scan;
mod segment;

pub use event::Version1Event;
pub use salvage::{FoundVersion1, SalvagedVersion1, Version1Gap, guess_version1, salvage_version1};
pub use segment::{Version1Segment, check_numbers, read_version1_header};

use crate::error::LogError;
use crate::fs::Fs;
use batches::Batches;
use ranges::HiddenRanges;
use scan::{Scan, ScanStep};

/// What reading version 1 came to, beside the events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Version1End {
    /// The smallest sequence that no event of it has.
    pub next_sequence: u64,
    /// How many events a cancelled fence hides.
    pub hidden_events: u64,
    /// How many batches have no end, so that none of their events is there.
    pub dropped_batches: u64,
    /// How many events of such batches stand in the files.
    pub dropped_events: u64,
    /// How many bytes behind the last whole frames of segments belong to nothing.
    pub torn_bytes: u64,
    /// The newest segment was closed in good order.
    pub clean: bool,
}

/// An event with its sequence.
#[derive(Clone, Debug)]
pub struct Numbered {
    /// The event.
    pub event: Version1Event,
    /// Its sequence; behind a place where something is missing, the least that it may have had.
    pub sequence: u64,
    /// Something is missing before, so that nobody can tell whether a cancelled fence hid it.
    pub is_undecided: bool,
}

/// What [`read_version1`] finds, in commit order.
#[derive(Debug)]
pub enum Version1Step {
    /// The next visible event, with its sequence.
    Event(Box<Version1Event>, u64),
    /// All of a segment was read.
    SegmentEnd,
}

/// Reads the segments of version 1, which [`check_numbers`] has passed.
///
/// # Errors
/// `CrcMismatch` for a frame that is not whole and has whole frames behind it, `CorruptSegment` for
/// one that is whole and not understood, `DamagedFile` for damaged ranges; what `visit` returns.
pub fn read_version1<E: From<LogError>>(
    fs: &dyn Fs,
    segments: &[Version1Segment],
    visit: &mut dyn FnMut(Version1Step) -> Result<(), E>,
) -> Result<Version1End, E> {
    let hidden = HiddenRanges::read(fs)?;
    let mut batches = Batches::new(hidden);
    let mut end = Version1End::default();
    let mut events = Vec::new();
    for (at, segment) in segments.iter().enumerate() {
        let mut scan = Scan::open(fs, segment)?;
        let torn = loop {
            match scan.step()? {
                ScanStep::Frame(frame) => batches.take(segment.id, frame, &mut events)?,
                ScanStep::End { torn_bytes } => break torn_bytes,
                // Only a salvage passes them.
                ScanStep::Lost(_) => {}
            }
            give(&mut events, visit)?;
        };
        let newest = at + 1 == segments.len();
        if torn > 0 || newest {
            batches.break_off(&mut events);
            give(&mut events, visit)?;
        }
        end.torn_bytes += torn;
        end.clean = segment.footer_at.is_some() && torn == 0;
        visit(Version1Step::SegmentEnd)?;
    }
    let counts = batches.counts();
    Ok(Version1End {
        next_sequence: counts.next_sequence,
        hidden_events: counts.hidden_events,
        dropped_batches: counts.dropped_batches,
        dropped_events: counts.dropped_events,
        ..end
    })
}

fn give<E>(
    events: &mut Vec<Numbered>,
    visit: &mut dyn FnMut(Version1Step) -> Result<(), E>,
) -> Result<(), E> {
    let mut given = events.drain(..);
    given.try_for_each(|given| visit(Version1Step::Event(Box::new(given.event), given.sequence)))
}

#[cfg(test)]
mod tests;
