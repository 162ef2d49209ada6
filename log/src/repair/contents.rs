//! What the groups of a segment tell, whatever its header says.

use super::salvage::{Found, SalvagedEvent, Salvaging, salvage};
use crate::error::LogError;
use crate::fs::File;
use crate::segment::{Removals, SegmentHeader, Tie};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the whole groups of a segment tell.
#[derive(Clone, Copy, Debug)]
pub(super) struct Contents {
    /// Where the first of them starts, in bytes.
    pub(super) first: u64,
    pub(super) first_sequence: u64,
    /// The sequence behind those that they have used.
    pub(super) next_sequence: u64,
    /// How many events they have.
    pub(super) events: u64,
    /// Which stubs are among them.
    pub(super) removals: Removals,
    pub(super) holds_version1: bool,
    /// How far the latest event is from the header's time, in microseconds.
    pub(super) last_elapsed: u64,
}

/// Reads all whole groups; `None` when there is none. The header's time must be zero.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn read_contents(
    file: &Arc<dyn File>,
    header: &SegmentHeader,
    end: Option<u64>,
) -> Result<Option<Contents>, LogError> {
    let mut contents: Option<Contents> = None;
    salvage::<LogError>(file, header, Salvaging { from: 0, end }, &mut |found| {
        let Found::Group(group) = found else {
            return Ok(());
        };
        let contents = contents.get_or_insert(Contents {
            first: group.offset,
            first_sequence: group.first_sequence,
            next_sequence: 0,
            events: 0,
            removals: Removals::default(),
            holds_version1: false,
            last_elapsed: 0,
        });
        contents.next_sequence = group.next_sequence;
        for SalvagedEvent { record, .. } in &group.events {
            contents.events += 1;
            contents.holds_version1 |= record.tie != Tie::Hashed;
            contents.last_elapsed = contents.last_elapsed.max(record.hlc.wall_us);
            if let Some(removed) = record.removed {
                contents
                    .removals
                    .count(&record.event_hash, removed.is_shown);
            }
        }
        Ok(())
    })?;
    Ok(contents)
}

/// The clock and the hash of the latest event of each entity.
pub(super) type Heads = BTreeMap<Arc<str>, (u32, [u8; 32])>;

/// Takes up the latest events of a segment.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn read_heads(
    file: &Arc<dyn File>,
    header: &SegmentHeader,
    end: Option<u64>,
    heads: &mut Heads,
) -> Result<(), LogError> {
    salvage::<LogError>(file, header, Salvaging { from: 0, end }, &mut |found| {
        if let Found::Group(group) = found {
            for SalvagedEvent {
                record, coordinate, ..
            } in &group.events
            {
                if let Some(coordinate) = coordinate {
                    let head = (record.clock, record.event_hash);
                    heads.insert(coordinate.entity_arc(), head);
                }
            }
        }
        Ok(())
    })
}

/// Why a reading ended.
enum Ended {
    Proven,
    Failed(LogError),
}

impl From<LogError> for Ended {
    fn from(error: LogError) -> Self {
        Self::Failed(error)
    }
}

/// Returns whether the hash of some event speaks for the header's time: it covers the event's time,
/// and is built on that of the event before in its entity.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn times_fit(
    file: &Arc<dyn File>,
    header: &SegmentHeader,
    heads: &Heads,
) -> Result<bool, LogError> {
    let mut latest = heads.clone();
    let what = Salvaging { from: 0, end: None };
    let read = salvage::<Ended>(file, header, what, &mut |found| {
        let Found::Group(group) = found else {
            return Ok(());
        };
        for SalvagedEvent {
            record, coordinate, ..
        } in &group.events
        {
            let Some(coordinate) = coordinate else {
                continue;
            };
            let head = (record.clock, record.event_hash);
            let before = latest.insert(coordinate.entity_arc(), head);
            let before = match (record.clock, before) {
                (0, _) => Some([0; 32]),
                (clock, Some((of, hash))) if of.checked_add(1) == Some(clock) => Some(hash),
                (_, _) => None,
            };
            if let Some(before) = before
                && record.tie == Tie::Hashed
                && record.hash_at(coordinate, &before) == record.event_hash
            {
                return Err(Ended::Proven);
            }
        }
        Ok(())
    });
    match read {
        Ok(()) => Ok(false),
        Err(Ended::Proven) => Ok(true),
        Err(Ended::Failed(error)) => Err(error),
    }
}
