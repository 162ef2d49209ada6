//! A simulated machine with a store on it, programs that use it, and the model that watches.

mod compacting;
mod copying;
mod ending;
mod fences;
mod folder;
mod following;
mod image;
mod inner;
mod operations;

pub(crate) use image::ImageTally;
pub(crate) use inner::{ImagePolicy, died};

use crate::model::{Checks, Died, Model, Recovered, Strictness};
use crate::plan::{Knobs, Operation};
use batpak::prelude::Region;
use batpak::store::{Open, RestartPolicy, Store, StoreConfig, StoreError};
use batpak::testkit::{Clock, Machine, SimFs, step};
use fastrand::Rng;
use following::{Follower, Kept};
use inner::Inner;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a run of a world has shown.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct WorldTally {
    pub(crate) operations: u64,
    pub(crate) images: ImageTally,
    pub(crate) checks: Checks,
    /// Compactions that have written something.
    pub(crate) compactions: u64,
    /// Events that the one who follows was given, and folds that were compared.
    pub(crate) handed_out: u64,
    pub(crate) projections: u64,
}

/// A world.
pub(crate) struct World {
    machine: Machine,
    inner: Arc<Mutex<Inner>>,
    store: Option<Store<Open>>,
    seed: u64,
    follower: Follower,
    tally: WorldTally,
    /// Faults of the disk that have made an opening fail.
    forgiven: u64,
}

/// Tells whether an error is what is said of a log that is not what it was.
pub(crate) fn is_refusal(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::CrcMismatch { .. }
            | StoreError::CorruptSegment { .. }
            | StoreError::MissingSegment { .. }
            | StoreError::ForeignFile { .. }
            | StoreError::Rollback { .. }
    )
}

/// Returns how a store of these knobs is configured.
pub(crate) fn config(knobs: &Knobs) -> StoreConfig {
    StoreConfig::new("simulated")
        .with_segment_max_bytes(knobs.segment_max_bytes)
        .with_sync_every_n_events(knobs.every_n_events)
        .with_sync_max_delay_ms(knobs.max_delay_ms)
        .with_writer_channel_capacity(knobs.channel_capacity)
        .with_enable_checkpoint(knobs.checkpoints)
        .with_incremental_projection(knobs.incremental)
        .with_fd_budget(3)
        .with_broadcast_capacity(4096)
        .with_restart_policy(RestartPolicy::Bounded {
            max_restarts: 100_000,
            within_ms: 1000,
        })
}

/// Returns what a world of these knobs owes when its disk is good and nobody panics.
pub(crate) fn strictness(knobs: &Knobs) -> Strictness {
    let always = knobs.every_n_events <= 1;
    Strictness {
        exact: true,
        may_lose_events: if always {
            0
        } else {
            u64::from(knobs.every_n_events)
        },
        may_lose_us: knobs.max_delay_ms * 1000,
        always,
        disk_lies: false,
        pages_drop: false,
        disk_fails: false,
        budget_may_end: false,
    }
}

impl World {
    /// Makes a world in which nothing was done yet; [`open`](Self::open) comes next.
    pub(crate) fn new(
        seed: u64,
        config: StoreConfig,
        strictness: Strictness,
        policy: ImagePolicy,
    ) -> Self {
        let inner = Inner {
            model: Model::new(strictness),
            questions: Vec::new(),
            subscription: None,
            policy,
            crash: None,
            died_before: Died::Nothing,
            left: None,
            failure: None,
            config,
            random: Rng::with_seed(seed ^ 0xc0ffee),
            tally: ImageTally::default(),
            maintaining: false,
            copy: None,
            kept: Kept::default(),
            calls: 0,
            trace: None,
        };
        Self {
            machine: Machine::new(seed),
            inner: Arc::new(Mutex::new(inner)),
            store: None,
            seed,
            follower: Follower::default(),
            tally: WorldTally::default(),
            forgiven: 0,
        }
    }

    pub(crate) fn machine(&self) -> &Machine {
        &self.machine
    }

    pub(crate) fn disk(&self) -> &SimFs {
        self.machine.disk()
    }

    pub(crate) fn store(&self) -> Option<&Store<Open>> {
        self.store.as_ref()
    }

    pub(crate) fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn shared(&self) -> &Arc<Mutex<Inner>> {
        &self.inner
    }

    /// Keeps what is done and called, to be printed with a failure.
    pub(crate) fn keep_trace(&self) {
        self.inner().trace = Some(Vec::new());
    }

    pub(crate) fn tally(&self) -> WorldTally {
        let inner = self.inner();
        WorldTally {
            images: inner.tally,
            checks: inner.model.checks,
            ..self.tally
        }
    }

    /// Opens the store, as the first thing or after whatever ended it; checks what it holds.
    pub(crate) fn open(&mut self, died: Died) -> Result<(), String> {
        // A session that died while it was opened may have lost what the one before it had left.
        let died = died.max(self.inner().died_before);
        self.inner().died_before = died;
        self.observe();
        let config = self.inner().config.clone();
        let kept = self.inner().kept.clone();
        let opened = self.machine.open_with_cache(config, Box::new(kept));
        if self.has_died() {
            drop(opened);
            return self.go_on_after_crash();
        }
        self.failure()?;
        let store = match opened {
            Ok(store) => store,
            Err(error) => return self.cannot_open(died, &error),
        };
        let log = Recovered::try_read(&store, &self.inner().model);
        let log = match log {
            Ok(Ok(log)) => log,
            Ok(Err(error)) => {
                drop(store);
                return self.cannot_open(died, &error);
            }
            Err(_) if self.forgives() => {
                drop(store);
                return self.open(died);
            }
            Err(text) => return Err(text),
        };
        let now_us = self.now_us();
        let mut inner = self.inner();
        inner.model.check(&log, died, now_us)?;
        inner.model.rebase(&log, now_us)?;
        inner.model.notified.clear();
        inner.died_before = Died::Nothing;
        drop(inner);
        let subscription = store.subscribe_lossy(&Region::all());
        self.inner().subscription = Some(subscription);
        self.store = Some(store);
        self.failure()
    }

    /// An opening, or reading what it found, may fail while the disk does, and works once the disk
    /// does. After lies a refusal is the end.
    fn cannot_open(&mut self, died: Died, error: &StoreError) -> Result<(), String> {
        let strictness = self.inner().model.strictness;
        if strictness.disk_lies && is_refusal(error) {
            return Ok(());
        }
        match self.forgives() {
            true => self.open(died),
            false => Err(format!("opening and reading after {died:?} died: {error}")),
        }
    }

    /// Makes the disk good if it has struck again; then what failed is tried again.
    fn forgives(&mut self) -> bool {
        let struck = self.disk().injected();
        let forgives = self.inner().model.strictness.disk_fails && struck > self.forgiven;
        self.forgiven = struck;
        if forgives {
            self.disk().clear_faults();
        }
        forgives
    }

    /// Carries out a whole plan, closes, and checks the log once more.
    pub(crate) fn run(&mut self, operations: &[Operation]) -> Result<(), String> {
        for operation in operations {
            self.carry_out(operation)?;
        }
        self.disk().clear_faults();
        self.still_serves()?;
        self.reopen()?;
        self.end()
    }

    pub(crate) fn carry_out(&mut self, operation: &Operation) -> Result<(), String> {
        self.tally.operations += 1;
        if let Some(trace) = &mut self.inner().trace {
            trace.push(format!("{operation:?}"));
        }
        self.act(operation)?;
        self.look()?;
        if self.has_died() {
            self.go_on_after_crash()?;
        }
        Ok(())
    }

    /// Takes the answers, and returns the first failure that anybody has seen.
    pub(crate) fn look(&self) -> Result<(), String> {
        let mut inner = self.inner();
        if inner.left.is_none() {
            inner.take_answers(&self.machine);
        }
        drop(inner);
        self.failure()
    }

    fn failure(&self) -> Result<(), String> {
        match &self.inner().failure {
            Some(text) => Err(text.clone()),
            None => Ok(()),
        }
    }

    fn has_died(&self) -> bool {
        self.inner().left.is_some()
    }

    /// What the dead process would have said is never heard; the machine starts again.
    fn go_on_after_crash(&mut self) -> Result<(), String> {
        let (image, loss) = {
            let mut inner = self.inner();
            let Some(left) = inner.left.take() else {
                return Ok(());
            };
            inner.crash = None;
            inner.questions.clear();
            inner.subscription = None;
            inner.model.abandon();
            // Whatever the dying store calls, nobody looks at it.
            inner.left = Some(left.clone());
            left
        };
        drop(self.store.take());
        self.disk().observe(None);
        self.seed = self
            .seed
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .wrapping_add(1);
        self.machine = self.machine.with_image(image, self.seed);
        self.forgiven = 0;
        self.inner().left = None;
        self.open(died(loss))
    }

    fn observe(&self) {
        let (inner, machine) = (Arc::clone(&self.inner), self.machine.clone());
        self.disk().observe(Some(Box::new(move |call| {
            // Whoever holds the lock looks at the store itself; that is no call of an actor.
            if let Ok(mut inner) = inner.try_lock() {
                inner.observe(&machine, call);
            }
        })));
    }

    /// Runs until nobody has anything to do.
    pub(crate) fn settle(&mut self) -> Result<(), String> {
        while !self.has_died() && self.store.as_ref().is_some_and(step) {}
        if self.has_died() {
            return Ok(());
        }
        self.look()?;
        match self.inner().questions.first() {
            Some(question) => Err(format!("{:?} is never answered", question.numbers)),
            None => Ok(()),
        }
    }

    pub(crate) fn now_us(&self) -> u64 {
        u64::try_from(self.machine.clock().wall_us()).unwrap_or(0)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.disk().observe(None);
    }
}
