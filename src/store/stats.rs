//! What a store tells about itself.

use super::{ActorHealth, RecoveryReport, RestartPolicy};
use std::path::PathBuf;

/// The size of a store.
///
/// It is asked of the file system and of what is in memory, and costs by files and parts of the
/// index, not by events. How many idempotency keys there are is not told: no index counts them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub struct StoreStats {
    /// How many events reads return; those that compaction removed are not among them.
    pub event_count: usize,
    /// Everything below this sequence is visible; the next event gets it, or a higher one.
    pub global_sequence: u64,
    /// How many segments the log has.
    pub segments: usize,
    /// How long the files of segments and indexes are together, in bytes, space that is reserved
    /// for what comes included; a file that goes or cannot be looked at meanwhile counts nothing.
    pub bytes_on_disk: u64,
    /// How many entities have events, each counted once for every part of the index that it is in,
    /// in memory or on disk: there are no more than that. It is exact where the index has one part,
    /// as [`tile_count`](StoreDiagnostics::tile_count) tells;
    /// counting them exactly takes a walk, which [`verify`](super::Store::verify) makes.
    pub entities_at_most: u64,
}

/// How full the writer's mailbox is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct WriterPressure {
    /// How many commands wait.
    pub queue_len: usize,
    /// How many may wait before callers do.
    pub capacity: usize,
}

impl WriterPressure {
    /// Returns the part of the capacity that is used, from 0 to 1.
    pub fn utilization(&self) -> f64 {
        match self.capacity {
            0 => 0.0,
            capacity => self.queue_len as f64 / capacity as f64,
        }
    }

    /// Returns how many commands still fit.
    pub fn headroom(&self) -> usize {
        self.capacity.saturating_sub(self.queue_len)
    }

    /// Returns whether nothing waits.
    pub fn is_idle(&self) -> bool {
        self.queue_len == 0
    }
}

/// What an opening used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenIndexPath {
    /// An index was mapped. Never used: files are read, not mapped.
    Mmap,
    /// The index was restored from what was stored, and only the tail was read.
    Checkpoint,
    /// The log was read.
    Rebuild,
}

/// How a store was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenIndexReport {
    /// What was used.
    pub path: OpenIndexPath,
    /// How many entries came from a stored index.
    pub restored_entries: usize,
    /// How many entries came from reading the log.
    pub tail_entries: usize,
    /// How long it took, in microseconds.
    pub elapsed_us: u64,
}

/// Everything that helps to understand a store that does not do what it should.
#[derive(Clone, Debug)]
#[must_use]
#[non_exhaustive]
pub struct StoreDiagnostics {
    /// How many events are visible.
    pub event_count: usize,
    /// Everything below this sequence is visible.
    pub global_sequence: u64,
    /// The same, under the name that readers use.
    pub visible_sequence: u64,
    /// Where the store is.
    pub data_dir: PathBuf,
    /// The configured size of a full segment, in bytes.
    pub segment_max_bytes: u64,
    /// The configured number of open files.
    pub fd_budget: usize,
    /// The configured restart policy.
    pub restart_policy: RestartPolicy,
    /// How full the writer's mailbox is.
    pub writer_pressure: WriterPressure,
    /// The configured hint.
    pub index_layout: &'static str,
    /// How many parts the index has, in memory and on disk.
    pub tile_count: usize,
    /// How many events are found in memory; the others through index runs beside their segments.
    pub events_in_memory: u64,
    /// How the store was opened.
    pub open_report: Option<OpenIndexReport>,
    /// What opening found and mended.
    pub recovery: RecoveryReport,
    /// The health of every actor, from the writer to the checkpointer.
    pub actors: Vec<ActorHealth>,
    /// The first failure of a read that could not return one.
    pub read_fault: Option<String>,
    /// The first error that has ended a reaction loop.
    pub reaction_fault: Option<String>,
}
