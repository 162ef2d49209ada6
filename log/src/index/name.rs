//! Names of index runs, in memory and as files.

use crate::layout::{SEGMENT_EXTENSION, run};
use crate::segment::SegmentName;
use std::fmt;

/// Identifies an index run: the segment, and which of its events are indexed.
///
/// Ordered by segment, then first event, then end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunName {
    /// The segment that holds the events.
    pub segment: SegmentName,
    /// The first event, counted from 0 in the segment.
    pub first: u64,
    /// The event behind the last one.
    pub end: u64,
}

impl RunName {
    /// Returns the file's name: `NNNNNN.F-E.fbix`, or `NNNNNN-G.F-E.fbix` beside a merged segment.
    pub fn file_name(&self) -> String {
        let segment = self.segment.file_name();
        let stem = segment.strip_suffix(SEGMENT_EXTENSION).unwrap_or_default();
        format!("{stem}{}-{}.{}", self.first, self.end, run::EXTENSION)
    }

    /// Reads a file's name; `None` when it is not exactly one that [`file_name`](Self::file_name)
    /// would make, or names no events.
    pub fn parse(file_name: &str) -> Option<Self> {
        let (segment, rest) = file_name.split_once('.')?;
        let (range, _) = rest.split_once('.')?;
        let (first, end) = range.split_once('-')?;
        let name = Self {
            segment: SegmentName::parse(&format!("{segment}.{SEGMENT_EXTENSION}"))?,
            first: first.parse().ok()?,
            end: end.parse().ok()?,
        };
        (name.first < name.end && name.file_name() == file_name).then_some(name)
    }
}

impl fmt::Display for RunName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file_name())
    }
}
