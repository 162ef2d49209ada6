//! Results on the disk: every answer of every child, and how they were come by.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::child::Figures;
use crate::engines::Name;
use crate::machine::Machine;

/// A whole run, or several that were merged.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Results {
    /// Where it ran; one for each run.
    pub(crate) machines: Vec<Machine>,
    /// How much was measured.
    pub(crate) counts: Counts,
    /// What was measured.
    pub(crate) samples: Vec<Sample>,
}

/// How much is measured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counts {
    /// Events appended relaxed.
    pub(crate) appended: u64,
    /// Events appended durably by one caller.
    pub(crate) durable: u64,
    /// Events appended durably by eight callers.
    pub(crate) durable_threads: u64,
    /// Events appended durably in batches.
    pub(crate) durable_batches: u64,
    /// Events in the stores that are read by id, replayed, reopened, and filled for memory.
    pub(crate) stored: u64,
    /// Events read by id.
    pub(crate) gets: u64,
    /// Events in the stores whose streams are read.
    pub(crate) streamed: u64,
    /// Entities.
    pub(crate) entities: u64,
    /// The budget of an engine's own cache.
    pub(crate) cache_mib: u64,
}

/// What one child answered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Sample {
    /// Which run, by the second it began.
    pub(crate) run: String,
    /// Which round of it: engines are compared within a round.
    pub(crate) round: u32,
    /// Which workload.
    pub(crate) workload: String,
    /// Which engine, or which variant of it.
    pub(crate) engine: String,
    /// What was measured; nothing when it failed.
    pub(crate) figures: Figures,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<String>,
}

impl Results {
    /// Reads results.
    pub(crate) fn load(path: &Path) -> Result<Self> {
        let name = path.display();
        let text = fs::read_to_string(path).with_context(|| format!("{name} cannot be read"))?;
        serde_json::from_str(&text).with_context(|| format!("{name} holds no results"))
    }

    /// Writes results beside the old ones, then over them.
    pub(crate) fn save(&self, path: &Path) -> Result<()> {
        let beside = path.with_extension("json.new");
        fs::write(&beside, serde_json::to_string_pretty(self)?)?;
        fs::rename(beside, path)?;
        Ok(())
    }

    /// Adds the samples of other runs, which must have measured as much. A run that is in both
    /// counts once.
    pub(crate) fn merge(&mut self, other: Self) -> Result<()> {
        let counts = &self.counts;
        ensure!(
            *counts == other.counts,
            "{counts:?} were measured, not {:?}",
            other.counts
        );
        let runs: BTreeSet<String> = self
            .samples
            .iter()
            .map(|sample| sample.run.clone())
            .collect();
        let new = |sample: &Sample| !runs.contains(&sample.run);
        self.samples.extend(other.samples.into_iter().filter(new));
        for machine in other.machines {
            if !self.machines.contains(&machine) {
                self.machines.push(machine);
            }
        }
        Ok(())
    }

    /// Returns the columns of the tables: every engine and variant, in the order of engines.
    pub(crate) fn engines(&self) -> Vec<String> {
        let place = |engine: &str| {
            let name = engine.split('/').next();
            Name::ALL
                .iter()
                .position(|known| Some(known.text()) == name)
        };
        let engines: BTreeSet<&String> = self.samples.iter().map(|sample| &sample.engine).collect();
        let mut engines: Vec<String> = engines.into_iter().cloned().collect();
        engines.sort_by_key(|engine| place(engine));
        engines
    }

    /// Returns a figure's values of an engine, with the round that each is of.
    pub(crate) fn values(&self, workload: &str, key: &str, engine: &str) -> Vec<Value> {
        let samples = self.samples.iter();
        let own = samples.filter(|sample| sample.workload == workload && sample.engine == engine);
        own.filter_map(|sample| {
            let value = *sample.figures.get(key)?;
            let round = (sample.run.clone(), sample.round);
            Some(Value { round, value })
        })
        .collect()
    }

    /// Returns what failed, once each.
    pub(crate) fn failures(&self) -> BTreeSet<String> {
        let failed = self.samples.iter().filter_map(|sample| {
            let failure = sample.failure.as_ref()?;
            Some(format!("{} {}: {failure}", sample.engine, sample.workload))
        });
        failed.collect()
    }
}

/// A value and its round.
pub(crate) struct Value {
    /// The run and the round in it.
    pub(crate) round: (String, u32),
    /// What was measured.
    pub(crate) value: f64,
}
