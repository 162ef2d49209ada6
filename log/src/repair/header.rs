//! Restores a segment's header in which one byte was damaged.

use crate::error::LogError;
use crate::fs::{File, read_range};
use crate::layout::{HEADER_LEN, REMOVALS_LEN, REPLACED_LEN};
use crate::segment::{SegmentHeader, SegmentName, header_crc_holds};

/// Longer headers are not tried: the work grows with the square of the length.
const TRIED_LEN_MAX: usize = HEADER_LEN + 16 * REPLACED_LEN + REMOVALS_LEN;
/// Where the number of replaced ranges stands.
const REPLACED_COUNT_AT: usize = 60;
/// Where the header's length stands.
const LENGTH_AT: usize = 8;

/// Returns the header of a file if changing one byte of it makes its checksum hold and makes it
/// that of the segment which the file's name says.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn restore_header(
    name: SegmentName,
    file: &dyn File,
) -> Result<Option<SegmentHeader>, LogError> {
    let len = usize::try_from(file.len()?).unwrap_or(usize::MAX);
    let mut bytes = read_range(file, 0, len.min(TRIED_LEN_MAX))?;
    let number_at = |at: usize| {
        let number = bytes.get(at..).and_then(|rest| rest.first_chunk::<4>());
        number.map_or(usize::MAX, |number| u32::from_be_bytes(*number) as usize)
    };
    let replaced = number_at(REPLACED_COUNT_AT).saturating_mul(REPLACED_LEN);
    // Either of the two fields that say the length may be the damaged one.
    let counted = replaced.saturating_add(HEADER_LEN);
    let lengths = [
        number_at(LENGTH_AT),
        counted,
        counted.saturating_add(REMOVALS_LEN),
    ];
    for length in lengths {
        let Some(header) = bytes.get_mut(..length) else {
            continue;
        };
        if let Some(restored) = try_each_byte(name, header) {
            return Ok(Some(restored));
        }
    }
    Ok(None)
}

fn try_each_byte(name: SegmentName, bytes: &mut [u8]) -> Option<SegmentHeader> {
    for at in 0..bytes.len() {
        let found = bytes.get(at).copied()?;
        for value in 0..=u8::MAX {
            *bytes.get_mut(at)? = value;
            if !header_crc_holds(bytes) {
                continue;
            }
            let header = SegmentHeader::decode(name, bytes).ok();
            if let Some(header) = header.filter(|header| header.segment == name) {
                return Some(header);
            }
        }
        *bytes.get_mut(at)? = found;
    }
    None
}
