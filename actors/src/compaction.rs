//! Plans a compaction, on the thread of whoever asks for it: which segments there are, which
//! events are to go, and which neighbours become one.

use crate::error::StoreError;
use crate::protocol::roller::Removal;
use crate::reader::Reader;
use batpak_log::coordinate::Region;
use batpak_log::event::StoredEvent;
use batpak_log::fs::Access;
use batpak_log::layout::REPLACED_MAX;
use batpak_log::segment::{SegmentHeader, SegmentName};
use std::sync::Arc;

/// What a stub takes beside what the event took, its payload apart, in bytes: no more than that.
const STUB_BYTES: i64 = 40;

/// A segment that no event comes to any more.
#[derive(Clone, Debug)]
pub struct SealedSegment {
    /// Its header.
    pub header: Arc<SegmentHeader>,
    /// The file's length, in bytes.
    pub len: u64,
    /// Its events have smaller sequences.
    pub end_sequence: u64,
}

/// Returns the sealed segments, oldest first; `opened_last_id` is the last number that the log had
/// when it was opened.
pub(crate) fn sealed_segments(
    reader: &Reader,
    opened_last_id: u64,
) -> Result<Vec<SealedSegment>, StoreError> {
    let view = reader.view().snapshot();
    let segments = view.lists.segments();
    let mut sealed = Vec::with_capacity(segments.len());
    for (at, known) in segments.iter().enumerate() {
        let header = &known.header;
        let end_sequence = match segments.get(at + 1) {
            Some(successor) => successor.header.first_sequence,
            // The writer goes on in none that was there before, and in none that was merged.
            None if header.segment.id <= opened_last_id || header.segment.generation > 0 => {
                view.visible
            }
            None => break,
        };
        if end_sequence > view.visible {
            break;
        }
        if header.holds_version1() {
            // It stands for files that stay, and is left as it is.
            continue;
        }
        let file = reader
            .access()
            .fs()
            .open(&header.segment.file_name(), Access::Read)?;
        sealed.push(SealedSegment {
            header: Arc::clone(header),
            len: file.len()?,
            end_sequence,
        });
    }
    Ok(sealed)
}

/// An event that is to go.
#[derive(Clone, Copy, Debug)]
pub struct ToRemove {
    /// Its sequence.
    pub sequence: u64,
    /// How many bytes less its segment takes then; more of them when this is negative.
    pub bytes: i64,
}

/// Asks about every event of a segment whether it is kept. One that was removed before is not
/// asked about, unless it is shown and `is_shown` is false. Those that are to go are added, in
/// order.
///
/// # Errors
/// What `keep` returns, and what reading returns.
pub fn judge(
    reader: &Reader,
    segment: &SealedSegment,
    is_shown: bool,
    keep: &mut dyn FnMut(StoredEvent<Vec<u8>>) -> Result<bool, StoreError>,
    to_remove: &mut Vec<ToRemove>,
) -> Result<(), StoreError> {
    let mut events = reader.events(&Region::all(), segment.header.first_sequence);
    loop {
        let event = match events.next_with(|event| event.map_payload(<[u8]>::to_vec)) {
            None => break,
            Some(event) => event?,
        };
        let sequence = event.global_sequence;
        if sequence >= segment.end_sequence {
            break;
        }
        let is_removed = event.is_removed();
        if is_removed && is_shown {
            continue;
        }
        let payload_len = i64::try_from(event.payload.len()).unwrap_or(i64::MAX);
        if !keep(events.complete(event)?)? {
            let bytes = if is_removed {
                0
            } else {
                payload_len - STUB_BYTES
            };
            to_remove.push(ToRemove { sequence, bytes });
        }
    }
    Ok(())
}

/// Neighbours that become one segment.
#[derive(Clone, Debug)]
pub struct Unit {
    /// Their names, in order.
    pub segments: Vec<SegmentName>,
    /// What is removed from them.
    pub removal: Arc<Removal>,
    /// How long their files are together, in bytes.
    pub bytes: u64,
}

/// Puts neighbours together whose sum stays below `segment_max_bytes`, about; one alone is written
/// again only when something is removed from it. `to_remove` is ascending.
pub fn units(
    sealed: &[SealedSegment],
    to_remove: &[ToRemove],
    is_shown: bool,
    segment_max_bytes: u64,
) -> Vec<Unit> {
    let mut units: Vec<(Unit, Removal)> = Vec::new();
    let mut left_bytes = u64::MAX;
    for segment in sealed {
        let sequences = segment.header.first_sequence..segment.end_sequence;
        let before = |sequence| to_remove.partition_point(|event| event.sequence < sequence);
        let removed = to_remove
            .get(before(sequences.start)..before(sequences.end))
            .unwrap_or_default();
        let less: i64 = removed.iter().map(|event| event.bytes).sum();
        let removed = removed.iter().map(|event| event.sequence);
        let left = segment.len.saturating_add_signed(-less);
        left_bytes = left_bytes.saturating_add(left);
        let fits =
            |unit: &Unit| left_bytes <= segment_max_bytes && unit.segments.len() < REPLACED_MAX;
        let name = segment.header.segment;
        match units.last_mut() {
            Some((unit, removal)) if fits(unit) => {
                unit.segments.push(name);
                unit.bytes += segment.len;
                removal.sequences.extend(removed);
            }
            Some(_) | None => {
                left_bytes = left;
                let unit = Unit {
                    segments: vec![name],
                    removal: Arc::default(),
                    bytes: segment.len,
                };
                let removal = Removal {
                    sequences: removed.collect(),
                    is_shown,
                };
                units.push((unit, removal));
            }
        }
    }
    let pays = |(unit, removal): &(Unit, Removal)| {
        unit.segments.len() > 1 || !removal.sequences.is_empty()
    };
    let whole = |(unit, removal)| Unit {
        removal: Arc::new(removal),
        ..unit
    };
    units.into_iter().filter(pays).map(whole).collect()
}
