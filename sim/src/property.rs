//! A promise, how it is tried, and how often at each tier.

use crate::scenario::{Outcome, Scenario};

/// How long a campaign lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Tier {
    /// Minutes: before every merge.
    Pr,
    /// Within two hours: every night.
    Nightly,
    /// Hours: before a release.
    Release,
}

pub(crate) struct Property {
    pub(crate) name: &'static str,
    /// What holds, in a sentence.
    pub(crate) promise: &'static str,
    /// What is counted.
    pub(crate) unit: &'static str,
    /// How many of them at each tier.
    pub(crate) counts: [u64; 3],
    pub(crate) trial: Trial,
}

/// How a seed is tried.
pub(crate) enum Trial {
    /// A world that can be shrunk.
    World {
        scenario: fn(u64) -> Scenario,
        count: fn(&Outcome) -> u64,
    },
    /// Anything else.
    Case(fn(u64, &mut Effort) -> Result<(), String>),
}

/// What trying one seed has cost and shown.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Effort {
    pub(crate) count: u64,
    pub(crate) operations: u64,
    pub(crate) images: u64,
    /// Sequences that were compared with what they stood for before.
    pub(crate) sequences: u64,
    /// How often a planned fault struck.
    pub(crate) struck: u64,
}

impl Effort {
    pub(crate) fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.operations += other.operations;
        self.images += other.images;
        self.sequences += other.sequences;
        self.struck += other.struck;
    }

    /// Adds what a world has done; the count is the property's own.
    pub(crate) fn add_world(&mut self, outcome: &Outcome) {
        self.operations += outcome.tally.operations;
        self.images += outcome.tally.images.images + outcome.tally.images.nested;
        self.sequences += outcome.tally.checks.sequences;
        self.struck += outcome.struck;
    }
}

impl Property {
    pub(crate) fn target(&self, tier: Tier) -> u64 {
        let [pr, nightly, release] = self.counts;
        match tier {
            Tier::Pr => pr,
            Tier::Nightly => nightly,
            Tier::Release => release,
        }
    }

    /// Tries one seed.
    pub(crate) fn try_seed(&self, seed: u64, effort: &mut Effort) -> Result<(), String> {
        match &self.trial {
            Trial::World { scenario, count } => {
                let outcome = scenario(seed).run(false);
                effort.count += count(&outcome);
                effort.add_world(&outcome);
                outcome.result
            }
            Trial::Case(case) => case(seed, effort),
        }
    }
}
