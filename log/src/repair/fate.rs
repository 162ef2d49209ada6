//! What became of a visibility fence in a segment that is damaged.

use crate::error::LogError;
use crate::fs::File;
use crate::segment::{FenceRecord, GroupReader, MarkerSearch, SegmentHeader, Step};
use std::sync::Arc;

/// What is known of the fence that a group belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Committed,
    Cancelled,
    /// The record that ends it is not there.
    Unknown,
}

/// Looks behind a group of a fence for the record that ends it. While a fence is open nobody else
/// writes: the first whole group that is not of the fence ends the search.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn fate_of(
    file: &Arc<dyn File>,
    header: &SegmentHeader,
    number: u64,
    (from, end): (u64, u64),
) -> Result<Fate, LogError> {
    let mut markers = MarkerSearch::new(&**file, header.binding().group_marker(), end);
    let mut reader = GroupReader::new(Arc::clone(file), header, end);
    reader.judge_from(from);
    loop {
        let at = reader.position();
        match reader.step() {
            Ok(Step::Group(group)) => match group.fence {
                Some(FenceRecord::Member(of)) if of == number => {}
                Some(FenceRecord::Commit(of)) if of == number => return Ok(Fate::Committed),
                Some(FenceRecord::Cancel(of)) if of == number => return Ok(Fate::Cancelled),
                Some(_) | None => return Ok(Fate::Unknown),
            },
            Ok(Step::End) => return Ok(Fate::Unknown),
            Ok(Step::NotWhole { .. } | Step::Unfinished(_))
            | Err(LogError::CorruptSegment { .. }) => match markers.next(at + 1)? {
                Some(candidate) => reader.judge_from(candidate),
                None => return Ok(Fate::Unknown),
            },
            Err(error) => return Err(error),
        }
    }
}
