//! `visibility_ranges.fbv`: the sequences that cancelled fences hide.

use super::msgpack::Values;
use crate::error::LogError;
use crate::fs::{Access, Fs, read_range};
use std::io;
use std::ops::Range;

/// The file's name in the data directory.
pub(super) const NAME: &str = "visibility_ranges.fbv";
const MAGIC: &[u8; 6] = b"FBATVR";
const VERSION: u16 = 1;
/// Magic, version and checksum.
const HEADER_LEN: usize = 12;

/// Sequences that are hidden for ever: ranges in order, none of which touches another.
#[derive(Debug, Default)]
pub(super) struct HiddenRanges(Vec<Range<u64>>);

impl HiddenRanges {
    /// Reads the ranges; there are none where the file is missing.
    pub(super) fn read(fs: &dyn Fs) -> Result<Self, LogError> {
        let file = match fs.open(NAME, Access::Read) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            opened => opened?,
        };
        let length = usize::try_from(file.len()?).unwrap_or(usize::MAX);
        let bytes = read_range(&*file, 0, length)?;
        let damaged = |detail: &str| LogError::DamagedFile {
            name: NAME.into(),
            detail: detail.into(),
        };
        let (header, body) = bytes
            .split_first_chunk::<HEADER_LEN>()
            .ok_or_else(|| damaged("it is too short"))?;
        let (magic, rest) = header.split_at(MAGIC.len());
        let [v0, v1, c0, c1, c2, c3] = rest else {
            return Err(damaged("it is too short"));
        };
        if magic != MAGIC || number(&[*v0, *v1]) != u32::from(VERSION) {
            return Err(damaged("it does not start as it must"));
        }
        if crc32fast::hash(body) != number(&[*c0, *c1, *c2, *c3]) {
            return Err(damaged("it fails its checksum"));
        }
        let ranges = decode(body).ok_or_else(|| damaged("its ranges are not whole"))?;
        Ok(Self(in_order(ranges)))
    }

    pub(super) fn hides(&self, sequence: u64) -> bool {
        let at = self.0.partition_point(|range| range.end <= sequence);
        self.0.get(at).is_some_and(|range| range.start <= sequence)
    }

    /// Returns whether a sequence is hidden that is no less.
    pub(super) fn may_hide_from(&self, sequence: u64) -> bool {
        self.0.last().is_some_and(|last| last.end > sequence)
    }
}

/// Reads the least significant byte first, as version 1 wrote here.
fn number(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .rev()
        .fold(0, |number, byte| number << 8 | u32::from(*byte))
}

fn decode(body: &[u8]) -> Option<Vec<Range<u64>>> {
    let mut ranges = None;
    let mut values = Values::new(body);
    values.map(|key, values| {
        match key {
            "ranges" => ranges = Some(values.array(read_one)?),
            _ => values.skip()?,
        }
        Some(())
    })?;
    ranges.filter(|_| values.is_empty())
}

fn in_order(mut ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    ranges.retain(|range| !range.is_empty());
    ranges.sort_unstable_by_key(|range| range.start);
    let mut joined: Vec<Range<u64>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match joined.last_mut().filter(|last| range.start <= last.end) {
            Some(last) => last.end = last.end.max(range.end),
            None => joined.push(range),
        }
    }
    joined
}

fn read_one(values: &mut Values<'_>) -> Option<Range<u64>> {
    let (mut start, mut end) = (None, None);
    values.map(|key, values| {
        match key {
            "start" => start = Some(values.int()?),
            "end" => end = Some(values.int()?),
            _ => values.skip()?,
        }
        Some(())
    })?;
    Some(start?..end?)
}
