//! What an opening for writing does about what it found.

use super::ReadLog;
use crate::error::StoreError;
use batpak_log::fs::{Access, File, Fs, read_range, remove_if_there, write_all_at};
use batpak_log::layout::{
    MERGING_NAME, PREPARED_NAME, RECOVERED_DIRECTORY, RECOVERED_KEPT, RUN_TEMPORARY_NAME,
};
use batpak_log::planted::{Bug, planted};
use batpak_log::poison_mark::PoisonMark;
use batpak_log::segment::{SegmentName, encode_footer};
use std::io;
use std::sync::Arc;

/// Leaves the newest segment trimmed, durable and marked clean, and removes what is left over.
///
/// The unproven bytes are written again before they are synced: after a sync that failed in an
/// earlier process, the page cache may hold as clean what the disk never got.
///
/// # Errors
/// `Io` or `StorageFull`; everything can be done again by the next opening.
pub fn mend(fs: &Arc<dyn Fs>, log: &mut ReadLog) -> Result<(), StoreError> {
    let next_sequence = log.position.next_sequence;
    log.position.next_sequence = next_sequence.saturating_add(log.report.skipped_sequences);
    if !log.replaced.is_empty() {
        // The merged segment's name may not be durable yet, and its sources are all there is.
        fs.sync_directory("")?;
    }
    for name in &log.replaced {
        fs.remove(&name.file_name())?;
    }
    if !log.replaced.is_empty() {
        fs.sync_directory("")?;
    }
    remove_if_there(&**fs, PREPARED_NAME)?;
    remove_if_there(&**fs, RUN_TEMPORARY_NAME)?;
    remove_if_there(&**fs, MERGING_NAME)?;
    for name in &log.useless_runs {
        fs.remove(&name.file_name())?;
    }
    let (Some(header), Some(end)) = (&log.newest, &log.end) else {
        return Ok(());
    };
    if end.clean {
        // A crash may have kept the mending opening from taking back the mark that it answered.
        return Ok(PoisonMark::remove(&**fs)?);
    }
    let file = fs.open(&header.segment.file_name(), Access::ReadWrite)?;
    if let Some(torn) = &end.tail.torn {
        let bytes = read_range(&*file, torn.start, usize_of(torn.end - torn.start))?;
        if planted(Bug::HideRepair) {
            log.report.truncated_bytes = 0;
        }
        log.report.set_aside = Some(set_aside(&**fs, header.segment, torn.start, &bytes)?);
        log.report.kept_aside = list_aside(&**fs)?;
    }
    let proven = end.proven.max(header.encoded_len());
    if !planted(Bug::TrustPageCache) {
        rewrite(&*file, proven, end.position.offset)?;
    }
    if planted(Bug::LeaveTornTail) {
        return Ok(());
    }
    file.truncate(log.position.offset)?;
    let footer = encode_footer(&header.binding(), &log.position.as_trailer(true));
    file.sync_all()?;
    write_all_at(&*file, &footer, log.position.offset)?;
    file.sync_all()?;
    fs.sync_directory("")?;
    PoisonMark::remove(&**fs)?;
    Ok(())
}

/// Writes bytes again where they stand, so that the next sync really writes them: after a failed
/// sync the page cache may hold as clean what the disk never got.
pub(crate) fn rewrite(file: &dyn File, from: u64, to: u64) -> io::Result<()> {
    const SLICE: u64 = 4 * 1024 * 1024;
    let mut at = from;
    while at < to {
        let length = SLICE.min(to - at);
        let bytes = read_range(file, at, usize_of(length))?;
        write_all_at(file, &bytes, at)?;
        at += length;
    }
    Ok(())
}

/// Keeps dropped bytes as evidence; only the newest few are kept.
fn set_aside(
    fs: &dyn Fs,
    segment: SegmentName,
    offset: u64,
    bytes: &[u8],
) -> Result<String, StoreError> {
    fs.create_directory(RECOVERED_DIRECTORY)?;
    fs.sync_directory("")?;
    let kept = list_aside(fs)?;
    let number = kept.last().and_then(|name| aside_number(name)).unwrap_or(0);
    // Whoever can write there can give a file the highest number.
    let number = number.saturating_add(1);
    let suffix = aside_suffix(segment, offset);
    let name = format!("{RECOVERED_DIRECTORY}/{number:06}{suffix}");
    batpak_log::fs::create_atomically(fs, &name, bytes)?;
    let excess = (kept.len() + 1).saturating_sub(RECOVERED_KEPT);
    for name in kept.iter().take(excess) {
        fs.remove(name)?;
    }
    Ok(name)
}

/// Returns how the names end of what was cut off there.
pub(super) fn aside_suffix(segment: SegmentName, offset: u64) -> String {
    format!("-{:06}-{offset}.torn", segment.id)
}

pub(super) fn list_aside(fs: &dyn Fs) -> Result<Vec<String>, StoreError> {
    match fs.list(RECOVERED_DIRECTORY) {
        Ok(names) => Ok(names
            .into_iter()
            .filter(|name| name.ends_with(".torn"))
            .map(|name| format!("{RECOVERED_DIRECTORY}/{name}"))
            .collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

fn aside_number(name: &str) -> Option<u64> {
    let (_, file_name) = name.split_once('/')?;
    file_name.split_once('-')?.0.parse().ok()
}

fn usize_of(length: u64) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}
