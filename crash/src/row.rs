//! A promise, how it is tried on real processes, and how often at each tier.

use anyhow::Result;
use std::path::Path;

/// How long a campaign lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tier {
    Pr,
    Nightly,
    Release,
}

pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// What holds, in a sentence.
    pub(crate) promise: &'static str,
    /// What is counted.
    pub(crate) unit: &'static str,
    /// How many of them at each tier.
    pub(crate) counts: [u64; 3],
    /// Whether its stores may lie in memory: where only processes die, no sync matters, and it is
    /// many times faster.
    pub(crate) in_memory: bool,
    /// Says why the row cannot be tried here, if so.
    pub(crate) why_not: fn() -> Option<String>,
    pub(crate) trial: fn(&Trial, &mut u64) -> Result<()>,
}

/// One seed of a row.
pub(crate) struct Trial<'a> {
    pub(crate) seed: u64,
    /// An empty directory.
    pub(crate) room: &'a Path,
    /// How many are still to be counted; one trial may count more than one.
    pub(crate) left: u64,
}

impl Row {
    pub(crate) fn target(&self, tier: Tier) -> u64 {
        let [pr, nightly, release] = self.counts;
        match tier {
            Tier::Pr => pr,
            Tier::Nightly => nightly,
            Tier::Release => release,
        }
    }
}

/// For rows that run everywhere.
pub(crate) fn anywhere() -> Option<String> {
    None
}
