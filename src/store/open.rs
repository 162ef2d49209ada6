//! Opening.

use super::projection::KeptStates;
use super::stats::{OpenIndexPath, OpenIndexReport};
use super::{NativeCache, NoCache, Open, ProjectionCache, ReadOnly, Shared, Store};
use super::{StoreConfig, StoreError, SyncMode};
use crate::id::IdSource;
use batpak_actors::engine::{Engine, EngineOptions};
use batpak_actors::indexer::CHECKPOINT_EVERY_EVENTS;
use batpak_actors::indexing::IndexPolicy;
use batpak_actors::reader::ReaderOptions;
use batpak_actors::runtime::{Clock, Published, System, SystemClock, Watermark};
use batpak_actors::writer::SyncPolicy;
use batpak_log::fs::{Fs, RealFs};
use std::marker::PhantomData;
use std::path::Path;
use std::sync::Arc;

/// What the engine's threads need, with room to spare.
const STACK_BYTES_MIN: usize = 256 * 1024;

/// What a store stands on.
pub(crate) struct Ground {
    /// The data directory.
    pub(crate) fs: Arc<dyn Fs>,
    /// Time, unless the configuration brings its own.
    pub(crate) clock: Arc<dyn Clock>,
    /// Where ids come from.
    pub(crate) ids: IdSource,
    /// What runs the actors; threads when none.
    pub(crate) system: Option<System>,
    /// The checkpoint is renewed at least every so many events.
    pub(crate) checkpoint_every_events: u64,
    /// When index runs are written.
    pub(crate) index: IndexPolicy,
    /// Where projected states are kept.
    pub(crate) cache: Box<dyn ProjectionCache>,
}

impl Ground {
    fn real(fs: RealFs, cache: Box<dyn ProjectionCache>) -> Self {
        Self {
            fs: Arc::new(fs),
            clock: Arc::new(SystemClock),
            ids: IdSource::random(),
            system: None,
            checkpoint_every_events: CHECKPOINT_EVERY_EVENTS,
            index: IndexPolicy::default(),
            cache,
        }
    }
}

impl Store<Open> {
    /// Opens a store for writing, and creates it when its directory is not there or empty.
    ///
    /// What an earlier process left unfinished is mended, and told in
    /// [`diagnostics`](Store::diagnostics). What the released batpak 0.5.0 has written is taken
    /// over into a new segment, in one step; its own files stay as they are.
    ///
    /// # Errors
    /// `Configuration` for a value that makes no sense; `Locked` when the store is open for
    /// writing elsewhere; `CrcMismatch`, `CorruptSegment`, `MissingSegment`, `ForeignFile`,
    /// `DamagedFile`, `Rollback` or `FutureVersion` when the log is not what it was: then nothing
    /// is written.
    pub fn open(config: StoreConfig) -> Result<Self, StoreError> {
        Self::open_with_cache(config, Box::new(NoCache))
    }

    /// Opens a store for writing, and keeps what is projected in a directory, which is created
    /// when it is not there.
    ///
    /// # Errors
    /// As [`open`](Self::open), and `CacheFailed` as [`NativeCache::open`].
    pub fn open_with_native_cache(
        config: StoreConfig,
        cache_path: impl AsRef<Path>,
    ) -> Result<Self, StoreError> {
        config.validate()?;
        let cache = NativeCache::open(cache_path)?;
        Self::open_with_cache(config, Box::new(cache))
    }

    /// Opens a store for writing, and keeps what is projected in a cache.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with_cache(
        config: StoreConfig,
        cache: Box<dyn ProjectionCache>,
    ) -> Result<Self, StoreError> {
        config.validate()?;
        let fs = RealFs::create(&config.data_dir)?;
        Self::start(config, Ground::real(fs, cache))
    }
}

impl Store<ReadOnly> {
    /// Opens a store for reading, also while another process writes it. Writes and creates
    /// nothing.
    ///
    /// What is visible is what the writing process had written; it may not be durable yet.
    /// [`refresh`](Store::refresh) and cursors see what is written later. A log of the released
    /// batpak 0.5.0 that no opening for writing has taken over is read into memory, and shown as it
    /// was at that moment.
    ///
    /// # Errors
    /// As [`open`](Store::open), without `Locked`; `Io` when the directory is not there;
    /// `Configuration` for more than 256 MiB of the released batpak.
    pub fn open_read_only(config: StoreConfig) -> Result<Self, StoreError> {
        Self::open_read_only_with_cache(config, Box::new(NoCache))
    }

    /// Opens a store for reading, and takes from a directory what was projected before. Creates
    /// nothing, and puts nothing there.
    ///
    /// # Errors
    /// As [`open_read_only`](Self::open_read_only); `CacheFailed` when the directory is a symbolic
    /// link.
    pub fn open_read_only_with_native_cache(
        config: StoreConfig,
        cache_path: impl AsRef<Path>,
    ) -> Result<Self, StoreError> {
        let cache = NativeCache::at(cache_path.as_ref())?;
        Self::open_read_only_with_cache(config, Box::new(cache))
    }

    /// Opens a store for reading, and takes from a cache what was projected before. Puts nothing
    /// there: a writer's cache is filled by the writer.
    ///
    /// # Errors
    /// As [`open_read_only`](Self::open_read_only).
    pub fn open_read_only_with_cache(
        config: StoreConfig,
        cache: Box<dyn ProjectionCache>,
    ) -> Result<Self, StoreError> {
        config.validate()?;
        let fs = RealFs::open(&config.data_dir)?;
        Self::start_read_only(config, Ground::real(fs, cache))
    }
}

impl Store<Open> {
    /// Opens for writing on any ground; the configuration was validated.
    pub(crate) fn start(config: StoreConfig, ground: Ground) -> Result<Self, StoreError> {
        Self::start_with(config, ground, false, Engine::open, Engine::open_on)
    }
}

impl Store<ReadOnly> {
    /// Opens for reading on any ground; the configuration was validated.
    pub(crate) fn start_read_only(config: StoreConfig, ground: Ground) -> Result<Self, StoreError> {
        let (open, open_on) = (Engine::open_read_only, Engine::open_read_only_on);
        Self::start_with(config, ground, true, open, open_on)
    }
}

impl<State> Store<State> {
    fn start_with(
        config: StoreConfig,
        ground: Ground,
        read_only: bool,
        open: fn(&EngineOptions) -> Result<Engine, StoreError>,
        open_on: fn(System, &EngineOptions) -> Result<Engine, StoreError>,
    ) -> Result<Self, StoreError> {
        let Ground {
            fs,
            clock: own_clock,
            ids,
            system,
            checkpoint_every_events,
            index,
            cache,
        } = ground;
        let clock: Arc<dyn Clock> = match &config.clock {
            Some(wall_us) => Arc::new(ConfiguredClock {
                wall_us: Arc::clone(wall_us),
                monotonic: own_clock,
            }),
            None => own_clock,
        };
        let begun_us = clock.monotonic_us();
        let options = EngineOptions {
            checkpoint_every_events,
            index,
            ..engine_options(&config, fs, Arc::clone(&clock), &ids)
        };
        let engine = match system {
            Some(system) => open_on(system, &options)?,
            None => open(&options)?,
        };
        let elapsed_us = clock.monotonic_us().saturating_sub(begun_us);
        let view = engine.handle().reader().view();
        let (all, tail_entries) = (view.event_count(), view.events_in_memory());
        let restored_entries = all.saturating_sub(tail_entries);
        let opened = OpenIndexReport {
            path: match restored_entries {
                0 => OpenIndexPath::Rebuild,
                _ => OpenIndexPath::Checkpoint,
            },
            restored_entries: usize::try_from(restored_entries).unwrap_or(usize::MAX),
            tail_entries: usize::try_from(tail_entries).unwrap_or(usize::MAX),
            elapsed_us,
        };
        let in_memory = config.index.incremental_projection;
        let shared = Shared {
            projections: KeptStates::new(cache, read_only, in_memory),
            reaction_fault: Published::new(None),
            engine: engine.handle().clone(),
            config,
            clock,
            ids,
            read_only,
            fences: Watermark::new(0),
            opened,
            recovery: engine.report().clone(),
            read_fault: Published::new(None),
        };
        Ok(Self {
            shared: Arc::new(shared),
            owned: Some(engine),
            state: PhantomData,
        })
    }
}

/// Returns what a repair opens its copy with, on threads and the machine's clock.
pub(super) fn repair_options(config: &StoreConfig, fs: Arc<dyn Fs>) -> EngineOptions {
    engine_options(config, fs, Arc::new(SystemClock), &IdSource::random())
}

fn engine_options(
    config: &StoreConfig,
    fs: Arc<dyn Fs>,
    clock: Arc<dyn Clock>,
    ids: &IdSource,
) -> EngineOptions {
    EngineOptions {
        fs,
        directory: config.data_dir.display().to_string(),
        new_store_id: ids.make(clock.wall_us()).to_be_bytes(),
        clock,
        segment_max_bytes: config.segment_max_bytes,
        reader: ReaderOptions {
            fd_budget: config.fd_budget,
            cache_bytes: config.cache_bytes,
        },
        index: IndexPolicy::default(),
        writer_capacity: config.writer.channel_capacity,
        stack_size: config
            .writer
            .stack_size
            .map(|bytes| bytes.max(STACK_BYTES_MIN)),
        restart_policy: config.writer.restart_policy.clone(),
        sync: SyncPolicy {
            every_n_events: u64::from(config.sync.every_n_events.max(1)),
            max_delay_us: config.sync.max_delay_ms.saturating_mul(1000),
            sync_all: matches!(config.sync.mode, SyncMode::SyncAll),
        },
        checkpoints: config.index.enable_checkpoint,
        checkpoint_every_events: CHECKPOINT_EVERY_EVENTS,
        room_limit: config.writer.reply_timeout,
        waiting: config.writer.waiting,
        placement: config.writer.placement,
        #[cfg(feature = "dangerous-test-hooks")]
        faults: config.faults(),
        #[cfg(not(feature = "dangerous-test-hooks"))]
        faults: Default::default(),
    }
}

/// Takes wall time from the configuration; timers and budgets go by the ground's clock.
struct ConfiguredClock {
    wall_us: super::config::WallClock,
    monotonic: Arc<dyn Clock>,
}

impl Clock for ConfiguredClock {
    fn wall_us(&self) -> i64 {
        (self.wall_us)()
    }

    fn monotonic_us(&self) -> u64 {
        self.monotonic.monotonic_us()
    }
}
