//! Makes an index again from the frames that it is about.

use crate::view::IndexedPart;
use batpak_log::error::LogError;
use batpak_log::fs::{Access, Fs};
use batpak_log::index::RunBuilder;
use batpak_log::log_position::LogPosition;
use batpak_log::segment::{GroupReader, Step, UnfinishedFence};
use std::sync::Arc;

/// Returns the bytes of a run whose file is damaged.
///
/// The segment is read from its beginning, because the index would know the names that were
/// defined before the run.
///
/// # Errors
/// `CrcMismatch` when the frames are damaged too, `CorruptSegment` when they are not those that the
/// run was about, and what reading returns.
pub(super) fn heal(fs: &Arc<dyn Fs>, part: &IndexedPart) -> Result<Vec<u8>, LogError> {
    let (run, header) = (&part.run, &part.segment.header);
    let file = fs.open(&header.segment.file_name(), Access::Read)?;
    let end = run.end();
    let mut reader = GroupReader::new(file, header, end.offset);
    // A run is about events that readers have seen.
    reader.believe_up_to(end.offset);
    let mut position = LogPosition::at_start_of(header);
    let mut builder: Option<RunBuilder> = None;
    loop {
        let names_before = reader.name_count();
        match reader.step()? {
            Step::Group(group) => {
                if group.offset >= run.start_offset() {
                    let started = || RunBuilder::new(header, position, names_before);
                    builder.get_or_insert_with(started).add(&group);
                }
                position.advance(&group);
            }
            Step::End => break,
            Step::NotWhole { bad, .. } | Step::Unfinished(UnfinishedFence { end: bad, .. }) => {
                return Err(LogError::CrcMismatch {
                    segment_id: header.segment.id,
                    offset: bad,
                });
            }
        }
    }
    let made = builder.filter(|_| position == *end).map(RunBuilder::finish);
    match made {
        Some((name, bytes)) if name == *run.name() => Ok(bytes),
        Some(_) | None => {
            let detail = format!("{} is not about its events", run.name().file_name());
            Err(LogError::corrupt(header.segment.id, detail))
        }
    }
}
