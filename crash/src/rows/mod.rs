//! The rows.

mod acknowledged;
mod at_calls;
mod at_random;
mod failed_sync;
mod files;
mod limits;
mod power;
mod read_only;
mod slow_sync;
mod stalled_disk;
mod two_processes;

#[cfg(test)]
pub(crate) use acknowledged::judge as judge_acknowledgements;

use crate::row::Row;

pub(crate) const ALL: &[Row] = &[
    at_random::ROW,
    at_calls::ROW,
    failed_sync::ROW,
    slow_sync::ROW,
    stalled_disk::ROW,
    limits::FILE_LIMIT,
    limits::FILE_LIMIT_KILL,
    limits::FEW_FILES,
    limits::FULL_DISK,
    read_only::DISK,
    read_only::MEDIA,
    files::MOVED_DIRECTORY,
    files::SHORTENED_SEGMENT,
    two_processes::ROW,
    acknowledged::ROW,
    power::ROW,
];
