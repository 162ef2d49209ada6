//! How much is measured.

use std::time::Duration;

/// The counts of a run.
pub(crate) struct Plan {
    /// How often each choice is measured.
    pub(crate) rounds: usize,
    /// How many appends are timed one by one.
    pub(crate) timed: u64,
    /// How many durable appends one caller makes; those who share syncs make more.
    pub(crate) durable: u64,
    /// How many events are appended to measure a rate.
    pub(crate) appended: u64,
    /// How many events a store has that is read.
    pub(crate) stored: u64,
    /// How many stores are opened in one process.
    pub(crate) stores: u64,
    /// How long these are left alone before they count as idle: longer than a sync is delayed.
    pub(crate) settle: Duration,
    /// How long these are watched doing nothing.
    pub(crate) idle: Duration,
}

impl Plan {
    /// What the figures of `docs/tuning.md` come from.
    pub(crate) fn full() -> Self {
        Self {
            rounds: 5,
            timed: 20_000,
            durable: 1000,
            appended: 100_000,
            stored: 300_000,
            stores: 1000,
            settle: Duration::from_millis(1500),
            idle: Duration::from_secs(5),
        }
    }

    /// A few seconds: does it work?
    pub(crate) fn smoke() -> Self {
        Self {
            rounds: 1,
            timed: 100,
            durable: 10,
            appended: 1000,
            stored: 3000,
            stores: 5,
            settle: Duration::ZERO,
            idle: Duration::from_millis(50),
        }
    }
}
