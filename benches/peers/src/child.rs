//! One measurement, in a process of its own: the `child` command.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde::{Deserialize, Serialize};

use crate::engines::{Engine, Name, Opening};
use crate::event::World;
use crate::workloads::{Job, append, memory, prepare, read, reopen};

/// What was measured, by name.
pub(crate) type Figures = BTreeMap<String, f64>;

/// What a child is told.
#[derive(Args, Clone, Debug)]
pub(crate) struct ChildOptions {
    /// Which engine.
    #[arg(long)]
    pub(crate) engine: Name,
    /// What to do.
    #[arg(long)]
    pub(crate) job: Job,
    /// The store's directory.
    #[arg(long)]
    pub(crate) dir: PathBuf,
    /// How many events are appended, or stored in the store that is read.
    #[arg(long)]
    pub(crate) events: u64,
    /// How many events are read, where not all are.
    #[arg(long, default_value_t = 0)]
    pub(crate) reads: u64,
    /// How many entities take turns.
    #[arg(long, default_value_t = 1000)]
    pub(crate) entities: u64,
    /// Every event brings a key.
    #[arg(long)]
    pub(crate) keyed: bool,
    /// The size of batpak's segments.
    #[arg(long)]
    pub(crate) segment_mib: Option<u64>,
    /// The budget of an engine's own cache.
    #[arg(long, default_value_t = 64)]
    pub(crate) cache_mib: u64,
}

impl ChildOptions {
    /// Opens the store.
    pub(crate) fn open(&self, durable: bool) -> Result<Box<dyn Engine>> {
        self.engine.open(&Opening {
            directory: self.dir.clone(),
            durable,
            segment_mib: self.segment_mib,
            cache_mib: self.cache_mib,
            reads: matches!(self.job, Job::Get | Job::Streams | Job::Replay),
        })
    }

    /// Returns the events that the store is given.
    pub(crate) fn world(&self) -> World {
        World::new(self.entities, self.keyed)
    }
}

/// The line that a child prints.
#[derive(Serialize, Deserialize)]
pub(crate) struct Answer {
    /// What was measured.
    pub(crate) figures: Figures,
}

/// Measures, and prints the line.
pub(crate) fn run(options: &ChildOptions) -> Result<()> {
    let figures = match options.job {
        Job::One => append::one_caller(options, false)?,
        Job::Threads => append::threads(options, false)?,
        Job::Windows => append::windows(options)?,
        Job::OneDurable => append::one_caller(options, true)?,
        Job::ThreadsDurable => append::threads(options, true)?,
        Job::BatchesDurable => append::batches(options)?,
        Job::Get => read::get(options)?,
        Job::Streams => read::streams(options)?,
        Job::Replay => read::replay(options)?,
        Job::Reopen => reopen::reopen(options)?,
        Job::Memory => memory::memory(options)?,
        Job::Grow => memory::grow(options)?,
        Job::PrepareClosed => prepare::closed(options)?,
        Job::PrepareAborted => prepare::aborted(options)?,
    };
    println!("{}", serde_json::to_string(&Answer { figures })?);
    Ok(())
}
