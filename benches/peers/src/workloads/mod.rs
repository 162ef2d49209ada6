//! What is done with a store, and timed. Every job runs in a process of its own.

pub(crate) mod append;
pub(crate) mod memory;
pub(crate) mod prepare;
pub(crate) mod read;
pub(crate) mod reopen;

use std::time::Instant;

use clap::ValueEnum;

/// What a child does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Job {
    /// Appends, one caller, relaxed.
    One,
    /// Appends, eight callers, relaxed.
    Threads,
    /// Submits windows of 256 and waits for them, relaxed.
    Windows,
    /// Appends, one caller, durable.
    OneDurable,
    /// Appends, eight callers, durable.
    ThreadsDurable,
    /// Appends batches of 100, durable.
    BatchesDurable,
    /// Reads by id, in random order.
    Get,
    /// Reads every entity's stream.
    Streams,
    /// Reads everything in global order.
    Replay,
    /// Opens, reads one event, appends one.
    Reopen,
    /// Fills a store, reads around in it, closes it; memory, disk, closing.
    Memory,
    /// As `Memory`, and how fast the last tenth was appended, found and streamed.
    Grow,
    /// Fills a store, closes it.
    PrepareClosed,
    /// Fills a store, and ends without closing it.
    PrepareAborted,
}

impl Job {
    /// Returns the name on the command line.
    pub(crate) fn text(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

/// Returns how many a second.
fn rate(count: u64, begun: Instant) -> f64 {
    count as f64 / begun.elapsed().as_secs_f64()
}

/// Returns the milliseconds since.
fn ms(begun: Instant) -> f64 {
    begun.elapsed().as_secs_f64() * 1000.0
}
