//! How a store is opened.

#[cfg(feature = "dangerous-test-hooks")]
use super::FaultInjector;
use super::{IndexLayout, RestartPolicy, StoreError, ViewConfig};
use batpak_actors::engine::Placement;
use batpak_actors::runtime::Waiting;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

const MEBIBYTE: u32 = 1024 * 1024;
/// What a queue may hold: its places are reserved as a whole when it is made.
const CAPACITY_MAX: usize = 1 << 20;

/// A clock: microseconds since the epoch.
pub(super) type WallClock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// What a sync covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SyncMode {
    /// The file's bytes and all of its metadata (`fsync`).
    #[default]
    SyncAll,
    /// The file's bytes and what is needed to read them (`fdatasync`).
    SyncData,
}

/// Limits of batches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchConfig {
    /// The most items in one batch; 256 by default, at most 4096.
    pub max_size: u32,
    /// The most payload bytes in one batch; 1 MiB by default, at most 16 MiB.
    pub max_bytes: u32,
    /// Over 1, every single append must carry an idempotency key; it changes nothing else, since
    /// what is queued is always committed as a group. Leave it at 1.
    pub group_commit_max_batch: u32,
}

impl Default for BatchConfig {
    fn default() -> Self {
        Self {
            max_size: 256,
            max_bytes: MEBIBYTE,
            group_commit_max_batch: 1,
        }
    }
}

/// The writer and the engine's threads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriterConfig {
    /// How many commands may wait for the writer before callers do; 4096 by default, at most
    /// 1,048,576. The commands that wait also hold at most 64 MiB, or one command.
    pub channel_capacity: usize,
    /// From this part of the capacity on the `try_` forms ask to retry, in percent; 75 by default.
    pub pressure_retry_threshold_pct: u8,
    /// Stack size of the engine's threads, in bytes; the system's default when none. They need
    /// 256 KiB, and get them where less is asked for.
    pub stack_size: Option<usize>,
    /// How often an actor is restarted after a panic.
    pub restart_policy: RestartPolicy,
    /// Accepted for compatibility: a store that is dropped carries out all that was submitted,
    /// unless the disk needs more than five seconds.
    pub shutdown_drain_limit: usize,
    /// How long a caller waits for room in a full mailbox before it gets `Busy` (certainly not
    /// written), and then for the answer before it gets `TimedOut` (fate unknown). By default it
    /// waits as long as the disk takes, and so does `close`.
    pub reply_timeout: Option<Duration>,
    /// How idle engine threads wait.
    pub waiting: Waiting,
    /// Which thread runs which actor.
    pub placement: Placement,
}

impl Default for WriterConfig {
    fn default() -> Self {
        Self {
            channel_capacity: 4096,
            pressure_retry_threshold_pct: 75,
            stack_size: None,
            restart_policy: RestartPolicy::default(),
            shutdown_drain_limit: 1024,
            reply_timeout: None,
            waiting: Waiting::default(),
            placement: Placement::default(),
        }
    }
}

/// When acknowledged events are made durable. A process that is killed loses none of them; these
/// bounds are about machines that crash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncConfig {
    /// What a sync covers.
    pub mode: SyncMode,
    /// A machine crash loses at most so many acknowledged events; 1000 by default. 1 (or 0) means
    /// that every append is acknowledged only once it is durable.
    pub every_n_events: u32,
    /// A machine crash loses at most what was acknowledged within this time; 1000 by default.
    pub max_delay_ms: u64,
}

impl Default for SyncConfig {
    fn default() -> Self {
        Self {
            mode: SyncMode::default(),
            every_n_events: 1000,
            max_delay_ms: 1000,
        }
    }
}

/// The index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexConfig {
    /// A hint; see [`IndexLayout`].
    pub layout: IndexLayout,
    /// Hints; see [`ViewConfig`].
    pub views: ViewConfig,
    /// Whether projections may be brought up to date from a cached state.
    pub incremental_projection: bool,
    /// Whether checkpoints are written and believed. Without them the loss of whole last segments
    /// cannot be noticed.
    pub enable_checkpoint: bool,
    /// A hint; files are never mapped into memory.
    pub enable_mmap_index: bool,
}

impl Default for IndexConfig {
    fn default() -> Self {
        Self {
            layout: IndexLayout::default(),
            views: ViewConfig::default(),
            incremental_projection: false,
            enable_checkpoint: true,
            enable_mmap_index: true,
        }
    }
}

/// How a store is opened. Start from [`StoreConfig::new`].
#[derive(Clone)]
pub struct StoreConfig {
    /// The directory that holds the store and nothing else.
    pub data_dir: PathBuf,
    /// A segment of at least this size is full, in bytes; 256 MiB by default.
    pub segment_max_bytes: u64,
    /// How many files are kept open for reading; 64 by default.
    pub fd_budget: usize,
    /// How many bytes of indexes and segments are kept for reading; 16 MiB by default.
    pub cache_bytes: u64,
    /// How many notifications a subscriber may be behind before it loses some; 8192 by default, at
    /// most 1,048,576. A subscriber reserves room for all of them.
    pub broadcast_capacity: usize,
    /// The most payload bytes of a single append; 16 MiB by default, at most 64 MiB.
    pub single_append_max_bytes: u32,
    /// Limits of batches.
    pub batch: BatchConfig,
    /// The writer and the engine's threads.
    pub writer: WriterConfig,
    /// When acknowledged events are made durable.
    pub sync: SyncConfig,
    /// The index.
    pub index: IndexConfig,
    /// The clock that events get their time from, in microseconds since the epoch; the system's
    /// when none.
    pub clock: Option<Arc<dyn Fn() -> i64 + Send + Sync>>,
    /// Makes writes fail at chosen points, for tests; none by default.
    #[cfg(feature = "dangerous-test-hooks")]
    pub fault_injector: Option<Arc<dyn FaultInjector>>,
}

impl StoreConfig {
    /// Returns the defaults for a directory.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            segment_max_bytes: 256 * u64::from(MEBIBYTE),
            fd_budget: 64,
            cache_bytes: 16 * u64::from(MEBIBYTE),
            broadcast_capacity: 8192,
            single_append_max_bytes: 16 * MEBIBYTE,
            batch: BatchConfig::default(),
            writer: WriterConfig::default(),
            sync: SyncConfig::default(),
            index: IndexConfig::default(),
            clock: None,
            #[cfg(feature = "dangerous-test-hooks")]
            fault_injector: None,
        }
    }

    /// Refuses values that make no sense, naming the field and what it may be.
    pub(crate) fn validate(&self) -> Result<(), StoreError> {
        let refusals = [
            (
                self.data_dir.as_os_str().is_empty(),
                "data_dir must name a directory",
            ),
            (
                self.segment_max_bytes == 0,
                "segment_max_bytes must be at least 1",
            ),
            (self.fd_budget == 0, "fd_budget must be at least 1"),
            (
                !(1..=CAPACITY_MAX).contains(&self.broadcast_capacity),
                "broadcast_capacity must be 1 to 1048576",
            ),
            (
                !(1..=64 * MEBIBYTE).contains(&self.single_append_max_bytes),
                "single_append_max_bytes must be 1 to 64 MiB",
            ),
            (
                !(1..=4096).contains(&self.batch.max_size),
                "batch.max_size must be 1 to 4096",
            ),
            (
                !(1..=16 * MEBIBYTE).contains(&self.batch.max_bytes),
                "batch.max_bytes must be 1 to 16 MiB",
            ),
            (
                !(1..=CAPACITY_MAX).contains(&self.writer.channel_capacity),
                "writer.channel_capacity must be 1 to 1048576",
            ),
            (
                !(1..=100).contains(&self.writer.pressure_retry_threshold_pct),
                "writer.pressure_retry_threshold_pct must be 1 to 100",
            ),
        ];
        match refusals.into_iter().find(|(refused, _)| *refused) {
            Some((_, text)) => Err(StoreError::Configuration(text.into())),
            #[cfg(feature = "dangerous-test-hooks")]
            None => self.validate_faults(),
            #[cfg(not(feature = "dangerous-test-hooks"))]
            None => Ok(()),
        }
    }
}

/// Writes one builder method for each field.
macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident($($path:ident).+): $type:ty;)+) => {
        impl StoreConfig {
            $(
                $(#[$doc])*
                pub fn $name(mut self, value: $type) -> Self {
                    self.$($path).+ = value;
                    self
                }
            )+
        }
    };
}

setters! {
    /// Sets [`segment_max_bytes`](Self::segment_max_bytes).
    with_segment_max_bytes(segment_max_bytes): u64;
    /// Sets [`fd_budget`](Self::fd_budget).
    with_fd_budget(fd_budget): usize;
    /// Sets [`cache_bytes`](Self::cache_bytes).
    with_cache_bytes(cache_bytes): u64;
    /// Sets [`broadcast_capacity`](Self::broadcast_capacity).
    with_broadcast_capacity(broadcast_capacity): usize;
    /// Sets [`single_append_max_bytes`](Self::single_append_max_bytes).
    with_single_append_max_bytes(single_append_max_bytes): u32;
    /// Sets [`BatchConfig::max_size`].
    with_batch_max_size(batch.max_size): u32;
    /// Sets [`BatchConfig::max_bytes`].
    with_batch_max_bytes(batch.max_bytes): u32;
    /// Sets [`BatchConfig::group_commit_max_batch`].
    with_group_commit_max_batch(batch.group_commit_max_batch): u32;
    /// Sets [`WriterConfig::channel_capacity`].
    with_writer_channel_capacity(writer.channel_capacity): usize;
    /// Sets [`WriterConfig::pressure_retry_threshold_pct`].
    with_writer_pressure_retry_threshold_pct(writer.pressure_retry_threshold_pct): u8;
    /// Sets [`WriterConfig::stack_size`].
    with_writer_stack_size(writer.stack_size): Option<usize>;
    /// Sets [`WriterConfig::restart_policy`].
    with_restart_policy(writer.restart_policy): RestartPolicy;
    /// Sets [`WriterConfig::shutdown_drain_limit`].
    with_shutdown_drain_limit(writer.shutdown_drain_limit): usize;
    /// Sets [`WriterConfig::reply_timeout`].
    with_reply_timeout(writer.reply_timeout): Option<Duration>;
    /// Sets [`WriterConfig::waiting`].
    with_waiting(writer.waiting): Waiting;
    /// Sets [`WriterConfig::placement`].
    with_placement(writer.placement): Placement;
    /// Sets [`SyncConfig::mode`].
    with_sync_mode(sync.mode): SyncMode;
    /// Sets [`SyncConfig::every_n_events`].
    with_sync_every_n_events(sync.every_n_events): u32;
    /// Sets [`SyncConfig::max_delay_ms`].
    with_sync_max_delay_ms(sync.max_delay_ms): u64;
    /// Sets [`IndexConfig::layout`].
    with_index_layout(index.layout): IndexLayout;
    /// Sets [`IndexConfig::views`].
    with_views(index.views): ViewConfig;
    /// Sets [`IndexConfig::incremental_projection`].
    with_incremental_projection(index.incremental_projection): bool;
    /// Sets [`IndexConfig::enable_checkpoint`].
    with_enable_checkpoint(index.enable_checkpoint): bool;
    /// Sets [`IndexConfig::enable_mmap_index`].
    with_enable_mmap_index(index.enable_mmap_index): bool;
    /// Sets [`clock`](Self::clock).
    with_clock(clock): Option<Arc<dyn Fn() -> i64 + Send + Sync>>;
    /// Sets [`fault_injector`](Self::fault_injector).
    #[cfg(feature = "dangerous-test-hooks")]
    with_fault_injector(fault_injector): Option<Arc<dyn FaultInjector>>;
}

impl fmt::Debug for StoreConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("StoreConfig");
        fields
            .field("data_dir", &self.data_dir)
            .field("segment_max_bytes", &self.segment_max_bytes)
            .field("fd_budget", &self.fd_budget)
            .field("cache_bytes", &self.cache_bytes)
            .field("broadcast_capacity", &self.broadcast_capacity)
            .field("single_append_max_bytes", &self.single_append_max_bytes)
            .field("batch", &self.batch)
            .field("writer", &self.writer)
            .field("sync", &self.sync)
            .field("index", &self.index)
            .field("clock", &self.clock.as_ref().map(|_| "configured"));
        #[cfg(feature = "dangerous-test-hooks")]
        fields.field(
            "fault_injector",
            &self.fault_injector.as_ref().map(|_| "configured"),
        );
        fields.finish()
    }
}
