//! The frame around the events of version 1: a segment's header and its footer.

use super::msgpack::Values;
use crate::error::LogError;
use crate::fs::{File, read_range};
use crate::layout::{SEGMENT_MAGIC, VERSION_BIT};
use crate::segment::SegmentName;

/// Magic and the header's length.
const PREFIX_LEN: usize = 8;
/// No header is longer; the released crate writes some 60 bytes.
const HEADER_MAX: usize = 1024;
/// Where the footer starts (8), the number of its entries (4), magic.
pub(super) const TRAILER_LEN: usize = 16;
const TRAILER_MAGIC: &[u8; 4] = b"SIDX";
/// Length of a footer's entry.
pub(super) const ENTRY_LEN: u64 = 154;

/// A segment that the released batpak wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version1Segment {
    /// Its number, which is its file's.
    pub id: u64,
    /// Magic, length and header, as they stand at its front.
    pub front: Vec<u8>,
    /// How long the file is, in bytes.
    pub len: u64,
    /// Where its footer starts; none when the released batpak crashed over it, or compacted it.
    pub footer_at: Option<u64>,
}

impl Version1Segment {
    /// Returns the name under which a merged header lists it.
    pub fn name(&self) -> SegmentName {
        SegmentName::first_generation(self.id)
    }

    /// Takes a file for a segment whose header is damaged; where its frames begin is not known.
    pub(super) fn guess(id: u64, file: &dyn File) -> Result<Option<Self>, LogError> {
        let len = file.len()?;
        if len < PREFIX_LEN as u64 {
            return Ok(None);
        }
        Ok(Some(Self {
            id,
            front: read_range(file, 0, PREFIX_LEN)?,
            len,
            footer_at: read_footer(file, PREFIX_LEN as u64, len)?,
        }))
    }

    /// Takes a file whose header was cut off, as a crash leaves the newest one.
    fn cut_off(id: u64, len: u64) -> Self {
        Self {
            id,
            front: Vec::new(),
            len,
            footer_at: None,
        }
    }
}

/// Reads the front of a file as version 1. Its header has no checksum, so only a header that is
/// exactly one counts; `None` for everything else.
///
/// `may_be_cut_off` says that a crash may have cut off the header itself: then a file that ends in
/// the middle of one is a segment without an event.
///
/// # Errors
/// When the file cannot be read.
pub fn read_version1_header(
    name: SegmentName,
    file: &dyn File,
    may_be_cut_off: bool,
) -> Result<Option<Version1Segment>, LogError> {
    let len = file.len()?;
    let whole = usize::try_from(len).unwrap_or(usize::MAX);
    let start = read_range(file, 0, whole.min(PREFIX_LEN))?;
    let begins = SEGMENT_MAGIC.iter().zip(&start).all(|(a, b)| a == b);
    if name.generation != 0 || !begins {
        return Ok(None);
    }
    let cut_off = || may_be_cut_off.then(|| Version1Segment::cut_off(name.id, len));
    let Some((_, length)) = start
        .split_last_chunk::<4>()
        .filter(|_| whole >= PREFIX_LEN)
    else {
        return Ok(cut_off());
    };
    let length = u32::from_be_bytes(*length);
    let header_len = usize::try_from(length).unwrap_or(usize::MAX);
    if length & VERSION_BIT != 0 || header_len > HEADER_MAX {
        return Ok(None);
    }
    if whole < PREFIX_LEN + header_len {
        return Ok(cut_off());
    }
    let front = read_range(file, 0, PREFIX_LEN + header_len)?;
    if segment_id(front.get(PREFIX_LEN..).unwrap_or_default()) != Some(name.id) {
        return Ok(None);
    }
    let footer_at = read_footer(file, front.len() as u64, len)?;
    Ok(Some(Version1Segment {
        id: name.id,
        front,
        len,
        footer_at,
    }))
}

/// Returns the segment number of a header; `None` for what is no header of version 1.
fn segment_id(header: &[u8]) -> Option<u64> {
    let (mut version, mut flags, mut created_ns, mut id) = (None, None, None, None);
    let mut values = Values::new(header);
    values.map(|key, values| {
        match key {
            "version" => version = Some(values.int::<u16>()?),
            "flags" => flags = Some(values.int::<u16>()?),
            "created_ns" => created_ns = Some(values.int::<i64>()?),
            "segment_id" => id = Some(values.int::<u64>()?),
            _ => return None,
        }
        Some(())
    })?;
    let known = version == Some(1) && flags.is_some() && created_ns.is_some();
    id.filter(|_| known && values.is_empty())
}

/// Returns where the footer starts, if one can stand at the end of the file.
fn read_footer(file: &dyn File, frames_at: u64, len: u64) -> Result<Option<u64>, LogError> {
    let Some(at) = len.checked_sub(TRAILER_LEN as u64) else {
        return Ok(None);
    };
    let trailer = read_range(file, at, TRAILER_LEN)?;
    if trailer.last_chunk() != Some(TRAILER_MAGIC) {
        return Ok(None);
    }
    let start = number(trailer.get(..8).unwrap_or_default());
    let entries = number(trailer.get(8..12).unwrap_or_default());
    let table_end = at.checked_sub(entries.saturating_mul(ENTRY_LEN));
    let fits = start >= frames_at && table_end.is_some_and(|end| start < end);
    Ok(fits.then_some(start))
}

/// Reads the least significant byte first, which version 1 does in its footers.
fn number(bytes: &[u8]) -> u64 {
    let digits = bytes.iter().rev();
    digits.fold(0, |number, digit| number << 8 | u64::from(*digit))
}

/// Checks that no number is missing among the segments, which are sorted.
///
/// A compaction of the released batpak leaves a gap behind the first segment, which has no footer
/// then; it leaves no other.
///
/// # Errors
/// `MissingSegment`.
pub fn check_numbers(segments: &[Version1Segment]) -> Result<(), LogError> {
    let mut expected = 1;
    let mut compacted = false;
    for segment in segments {
        if segment.id != expected && !compacted {
            return Err(LogError::MissingSegment {
                segment_id: expected,
            });
        }
        compacted = segment.id == 1 && segment.footer_at.is_none();
        expected = segment.id.saturating_add(1);
    }
    Ok(())
}
