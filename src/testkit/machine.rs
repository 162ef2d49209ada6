//! A simulated machine: one disk, one clock, and stores on it that run on the caller's thread.

use crate::id::IdSource;
use crate::store::open::Ground;
use crate::store::{NoCache, Open, ProjectionCache, ReadOnly, Store, StoreConfig, StoreError};
use batpak_actors::indexing::IndexPolicy;
use batpak_actors::runtime::{Clock, Counter, ManualClock, System};
use batpak_log::fs::{Loss, SimFs};
use std::sync::Arc;

/// A machine's stores renew their checkpoint this often, in events, so that short runs have many.
const CHECKPOINT_EVERY_EVENTS: u64 = 8;
/// As small as to be used by any history: few events stay in memory, and runs are merged.
const INDEX_POLICY: IndexPolicy = IndexPolicy {
    every_events: 12,
    every_bytes: 64 * 1024,
    at_close_events: 6,
    merged_runs: 3,
};
/// Where the simulated clock starts: a time in November 2023, in microseconds since the epoch.
const STARTS_AT_US: i64 = 1_700_000_000_000_000;

/// A simulated machine.
///
/// Stores that are opened on it run on the thread that calls them: whoever waits for an answer
/// steps the actors, in an order that follows from the seed, so a run repeats exactly. One thread
/// drives a store. Time stands still unless [`clock`](Self::clock) is moved or a timer is waited
/// for.
#[derive(Clone, Debug)]
pub struct Machine {
    disk: SimFs,
    clock: Arc<ManualClock>,
    seed: u64,
    openings: Arc<Counter>,
}

impl Machine {
    /// Makes a machine with an empty disk.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::with_disk(SimFs::new(), seed)
    }

    /// Makes a machine with this disk.
    #[must_use]
    pub fn with_disk(disk: SimFs, seed: u64) -> Self {
        Self {
            disk,
            clock: Arc::new(ManualClock::new(STARTS_AT_US)),
            seed,
            openings: Arc::new(Counter::new(0)),
        }
    }

    /// Returns the machine's disk; a clone of it shares the files.
    #[must_use]
    pub fn disk(&self) -> &SimFs {
        &self.disk
    }

    /// Returns the machine's clock.
    #[must_use]
    pub fn clock(&self) -> &ManualClock {
        &self.clock
    }

    /// Opens a store for writing. `config.data_dir` is only a name here: a machine has one
    /// directory.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open(&self, config: StoreConfig) -> Result<Store<Open>, StoreError> {
        config.validate()?;
        Store::start(config, self.ground())
    }

    /// As [`open`](Self::open), and keeps what is projected in a cache.
    ///
    /// # Errors
    /// As [`Store::open_with_cache`].
    pub fn open_with_cache(
        &self,
        config: StoreConfig,
        cache: Box<dyn ProjectionCache>,
    ) -> Result<Store<Open>, StoreError> {
        config.validate()?;
        let ground = Ground {
            cache,
            ..self.ground()
        };
        Store::start(config, ground)
    }

    /// Opens a store for reading.
    ///
    /// # Errors
    /// As [`Store::open_read_only`].
    pub fn open_read_only(&self, config: StoreConfig) -> Result<Store<ReadOnly>, StoreError> {
        config.validate()?;
        Store::start_read_only(config, self.ground())
    }

    /// Returns the machine that starts again after a crash at this moment: its disk has lost what
    /// `loss` says, and its clock goes on from here.
    #[must_use]
    pub fn crash(&self, loss: Loss, random: &mut fastrand::Rng) -> Self {
        self.with_image(self.disk.crash(loss, random), random.u64(..))
    }

    /// Returns a machine with another disk and this one's time.
    #[must_use]
    pub fn with_image(&self, disk: SimFs, seed: u64) -> Self {
        let machine = Self::with_disk(disk, seed);
        machine.clock.set_wall_us(self.clock.wall_us());
        machine
    }

    fn ground(&self) -> Ground {
        // Openings next to each other must not make the same ids.
        let nth = self.openings.next();
        let seed = fastrand::Rng::with_seed(self.seed ^ (nth << 48)).u64(..);
        let clock: Arc<ManualClock> = Arc::clone(&self.clock);
        Ground {
            fs: Arc::new(self.disk.clone()),
            system: Some(System::stepped(Arc::clone(&clock), seed)),
            clock,
            ids: IdSource::with_seed(seed),
            checkpoint_every_events: CHECKPOINT_EVERY_EVENTS,
            index: INDEX_POLICY,
            cache: Box::new(NoCache),
        }
    }
}

/// Runs one step of a store's actors: one of them handles what waits for it. Returns `false` when
/// nothing waits.
///
/// Only stores of a [`Machine`] are stepped; those on threads run by themselves.
pub fn step(store: &Store<Open>) -> bool {
    store.step()
}
