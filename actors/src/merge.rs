//! Merges small neighbouring segments into one, so that a store which is opened often stays small
//! in files.
//!
//! The merged segment is complete and durable under its own name before a source is removed; its
//! header lists the sources, and an opening removes those that a crash left.

use crate::error::StoreError;
use crate::reader::Reader;
use crate::rewriter::{MergeSource, Rewriter, merged_header};
use batpak_log::directory::read_directory;
use batpak_log::fs::{Access, Fs, remove_if_there, write_all_at};
use batpak_log::layout::MERGING_NAME;
use batpak_log::log_position::LogPosition;
use batpak_log::planted::{Bug, planted};
use batpak_log::recover_segment::recover_sealed;
use batpak_log::segment::{Predecessor, ReadStart, encode_footer, read_trailer};
use std::sync::Arc;

/// So many neighbours of one size class are merged.
pub(crate) const MERGE_NEIGHBOURS: usize = 8;
/// `close` merges no more than so many bytes.
pub(crate) const MERGE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Two segments are of one class when their sizes differ by less than this power of two.
const CLASS_BITS: u32 = 3;

/// Merges while there are eight small neighbours; returns where the log ends afterwards.
///
/// # Errors
/// What reading or writing returns; the sources are then still there.
pub(crate) fn merge_small_neighbours(
    fs: &Arc<dyn Fs>,
    reader: &Arc<Reader>,
    segment_max_bytes: u64,
    mut end: LogPosition,
) -> Result<LogPosition, StoreError> {
    remove_replaced(fs)?;
    let mut budget = MERGE_BYTES_MAX;
    while let Some(sources) = choose(&**fs, segment_max_bytes.min(budget))? {
        let bytes: u64 = sources.iter().map(|source| source.len).sum();
        budget = budget.saturating_sub(bytes);
        let merged = merge(fs, reader, &sources)?;
        if merged.last_id == end.last_id {
            end = LogPosition {
                next_sequence: end.next_sequence,
                ..merged
            };
        }
    }
    Ok(end)
}

/// Removes what a merge that crashed has left: the header that lists it may be merged next.
fn remove_replaced(fs: &Arc<dyn Fs>) -> Result<(), StoreError> {
    let replaced = read_directory(&**fs)?.replaced;
    if !replaced.is_empty() {
        fs.sync_directory("")?;
    }
    for name in replaced {
        fs.remove(&name.file_name())?;
    }
    Ok(())
}

/// Finds eight neighbours of one size class whose sum stays below `bytes_max`.
fn choose(fs: &dyn Fs, bytes_max: u64) -> Result<Option<Vec<MergeSource>>, StoreError> {
    let headers = read_directory(fs)?.segments;
    if headers.len() < MERGE_NEIGHBOURS {
        return Ok(None);
    }
    let mut run: Vec<MergeSource> = Vec::new();
    for header in headers {
        let file = fs.open(&header.segment.file_name(), Access::Read)?;
        let len = file.len()?;
        let trailer = read_trailer(&*file, &header.binding())?;
        // What was taken over from version 1 names files that stay; it is left as it is.
        let Some(trailer) = trailer.filter(|_| !header.holds_version1()) else {
            run.clear();
            continue;
        };
        let end = Predecessor {
            last_id: header.last_id,
            generation: header.segment.generation,
            end_offset: trailer.end_offset,
            log_hash: trailer.log_hash,
        };
        if run.last().is_some_and(|last| class(last.len) != class(len)) {
            run.clear();
        }
        run.push(MergeSource { header, len, end });
        if run.len() == MERGE_NEIGHBOURS {
            let sum: u64 = run.iter().map(|candidate| candidate.len).sum();
            if sum <= bytes_max {
                return Ok(Some(run));
            }
            run.clear();
        }
    }
    Ok(None)
}

fn class(len: u64) -> u32 {
    len.max(1).ilog2() / CLASS_BITS
}

fn merge(
    fs: &Arc<dyn Fs>,
    reader: &Arc<Reader>,
    sources: &[MergeSource],
) -> Result<LogPosition, StoreError> {
    let header = merged_header(fs.boot_id(), sources, false);
    let (Some(last), Some(header)) = (sources.last(), header) else {
        return Err(StoreError::Configuration("nothing to merge".into()));
    };
    remove_if_there(&**fs, MERGING_NAME)?;
    let file = fs.create_new(MERGING_NAME)?;
    write_all_at(&*file, &header.encode(), 0)?;
    let mut rewriter = Rewriter::new(reader, &header, Arc::default());
    for source in sources {
        let source_file = fs.open(&source.header.segment.file_name(), Access::Read)?;
        let mut failure = None;
        recover_sealed(
            &source_file,
            &source.header,
            &source.end,
            &ReadStart::of(&source.header),
            &mut |_, group| {
                let rewritten = rewriter
                    .rewrite(group)
                    .and_then(|(bytes, at)| Ok(write_all_at(&*file, &bytes, at)?));
                failure = failure.take().or(rewritten.err());
            },
        )?;
        if let Some(error) = failure {
            remove_if_there(&**fs, MERGING_NAME)?;
            return Err(error);
        }
    }
    let mut position = *rewriter.position();
    if position.log_hash != last.end.log_hash {
        return Err(StoreError::corrupt(
            header.segment.id,
            "merging changed its events",
        ));
    }
    let last_file = fs.open(&last.header.segment.file_name(), Access::Read)?;
    let trailer = read_trailer(&*last_file, &last.header.binding())?;
    position.next_sequence = trailer.map_or(position.next_sequence, |last| last.next_sequence);
    let clean = trailer.is_some_and(|trailer| trailer.clean);
    let footer = encode_footer(&header.binding(), &position.as_trailer(clean));
    write_all_at(&*file, &footer, position.offset)?;
    write_all_at(&*file, &rewriter.finished(&header).encode(), 0)?;
    if !planted(Bug::RemoveSourcesEarly) {
        file.sync_all()?;
    }
    fs.rename(MERGING_NAME, &header.segment.file_name())?;
    if !planted(Bug::RemoveSourcesEarly) {
        fs.sync_directory("")?;
    }
    for source in sources {
        fs.remove(&source.header.segment.file_name())?;
    }
    fs.sync_directory("")?;
    Ok(position)
}
