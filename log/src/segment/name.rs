//! Names of segments, in memory and as files.

use crate::layout::SEGMENT_EXTENSION;
use std::fmt;

/// Identifies a segment: its number, and how often it was rewritten by merging.
///
/// Ordered by number, then generation. A name is never used twice for different content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentName {
    /// The number, from 1. A merged segment takes that of its first source.
    pub id: u64,
    /// 0 for a segment as the writer made it; a merged one has one more than the highest among its
    /// sources, so that it differs from what the next segment says of the last of them.
    pub generation: u32,
}

impl SegmentName {
    /// Names the segment as the writer makes it.
    pub fn first_generation(id: u64) -> Self {
        Self { id, generation: 0 }
    }

    /// Returns the file's name: `NNNNNN.fbat`, or `NNNNNN-G.fbat` for a merged segment.
    pub fn file_name(self) -> String {
        match self.generation {
            0 => segment_filename(self.id),
            generation => format!("{:06}-{generation}.{SEGMENT_EXTENSION}", self.id),
        }
    }

    /// Reads a file's name; `None` when it is not exactly one that [`file_name`](Self::file_name)
    /// would make.
    pub fn parse(file_name: &str) -> Option<Self> {
        let stem = file_name
            .strip_suffix(SEGMENT_EXTENSION)?
            .strip_suffix('.')?;
        let (id, generation) = match stem.split_once('-') {
            Some((id, generation)) => (id, generation.parse().ok()?),
            None => (stem, 0),
        };
        let name = Self {
            id: id.parse().ok()?,
            generation,
        };
        // None could follow the greatest number.
        let has_place = name.id > 0 && name.id < u64::MAX;
        (has_place && name.file_name() == file_name).then_some(name)
    }
}

impl fmt::Display for SegmentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file_name())
    }
}

/// Returns the file name of a segment that was never merged.
pub fn segment_filename(segment_id: u64) -> String {
    format!("{segment_id:06}.{SEGMENT_EXTENSION}")
}
