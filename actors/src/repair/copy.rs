//! Copies the sound front of a log.

use super::plan::Plan;
use super::{RepairProgress, RepairStage};
use crate::error::StoreError;
use batpak_log::fs::{File, Fs, read_range, write_all_at};
use batpak_log::layout::FEATURE_FENCES;
use batpak_log::log_position::LogPosition;
use batpak_log::position::Hlc;
use batpak_log::repair::{FoundSegment, HeaderState, KeptSegment};
use batpak_log::segment::{Removals, SegmentHeader, SegmentName, encode_footer};

/// So many bytes are copied at once.
const PIECE_BYTES: u64 = 1024 * 1024;

/// Copies the segments of the front. The last one gets a footer that ends the log there, in good
/// order, and says which sequences must not be given out again.
pub(super) fn copy_front(
    from: &dyn Fs,
    to: &dyn Fs,
    plan: &Plan,
    progress: &mut dyn FnMut(RepairProgress),
) -> Result<(), StoreError> {
    let Some((last, before)) = plan.kept.split_last() else {
        return begin_log(to, plan);
    };
    let total_bytes = plan.kept_bytes();
    let mut done_bytes = 0;
    let mut done = |bytes| {
        done_bytes += bytes;
        progress(RepairProgress {
            stage: RepairStage::Copying,
            done_bytes,
            total_bytes,
        });
    };
    for kept in before {
        let segment = plan.segment(kept)?;
        match kept.lacks_footer {
            false => copy_whole(from, to, segment, &mut done)?,
            true => copy_groups(from, to, (segment, kept), false, &mut done)?,
        }
    }
    let mut last = *last;
    last.position.next_sequence = plan.next_sequence;
    copy_groups(from, to, (plan.segment(&last)?, &last), true, &mut done)?;
    Ok(to.sync_directory("")?)
}

/// Copies a segment as it is.
fn copy_whole(
    from: &dyn Fs,
    to: &dyn Fs,
    segment: &FoundSegment,
    done: &mut dyn FnMut(u64),
) -> Result<(), StoreError> {
    let file = copy_bytes(from, to, (segment, segment.len), done)?;
    if segment.state != HeaderState::Whole {
        write_all_at(&*file, &segment.header.encode(), 0)?;
    }
    Ok(file.sync_all()?)
}

/// Copies a segment's sound groups and writes a footer behind them.
fn copy_groups(
    from: &dyn Fs,
    to: &dyn Fs,
    (segment, kept): (&FoundSegment, &KeptSegment),
    is_last: bool,
    done: &mut dyn FnMut(u64),
) -> Result<(), StoreError> {
    let position = kept.position;
    let file = copy_bytes(from, to, (segment, position.offset), done)?;
    // It is that of the file, but for stubs behind the end, which it does not count any more.
    let header = SegmentHeader {
        removals: kept.removals,
        ..segment.header.clone()
    };
    write_all_at(&*file, &header.encode(), 0)?;
    // The clean mark promises that what is before it is durable.
    file.sync_all()?;
    let footer = encode_footer(&segment.header.binding(), &position.as_trailer(is_last));
    write_all_at(&*file, &footer, position.offset)?;
    Ok(file.sync_all()?)
}

fn copy_bytes(
    from: &dyn Fs,
    to: &dyn Fs,
    (segment, end): (&FoundSegment, u64),
    done: &mut dyn FnMut(u64),
) -> Result<std::sync::Arc<dyn File>, StoreError> {
    let source = segment.open(from)?;
    let copy = to.create_new(&segment.header.segment.file_name())?;
    let mut at = 0;
    while at < end {
        let length = (end - at).min(PIECE_BYTES);
        let bytes = read_range(&*source, at, usize::try_from(length).unwrap_or(0))?;
        write_all_at(&*copy, &bytes, at)?;
        at += length;
        done(length);
    }
    Ok(copy)
}

/// Begins a log of which nothing could be kept: a first segment without events says whose it is
/// and which sequences must not be given out again.
fn begin_log(to: &dyn Fs, plan: &Plan) -> Result<(), StoreError> {
    let header = SegmentHeader {
        store_id: plan.store_id,
        segment: SegmentName::first_generation(1),
        last_id: 1,
        first_sequence: 0,
        boot_id: to.boot_id().unwrap_or_default(),
        hlc: Hlc::default(),
        events_before: 0,
        predecessor: None,
        replaced: Vec::new(),
        removals: Removals::default(),
        required_features: FEATURE_FENCES,
        optional_features: 0,
    };
    let position = LogPosition {
        next_sequence: plan.next_sequence,
        ..LogPosition::at_start_of(&header)
    };
    let file = to.create_new(&header.segment.file_name())?;
    write_all_at(&*file, &header.encode(), 0)?;
    file.sync_all()?;
    let footer = encode_footer(&header.binding(), &position.as_trailer(true));
    write_all_at(&*file, &footer, position.offset)?;
    file.sync_all()?;
    Ok(to.sync_directory("")?)
}
