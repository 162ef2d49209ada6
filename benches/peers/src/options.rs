//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::child::ChildOptions;
use crate::engines::Name;
use crate::results::Counts;

/// Where data is written by default.
const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/peers-data");
/// Where the report is written by default.
const REPORT: &str = env!("CARGO_MANIFEST_DIR");

/// Measures batpak side by side with its releases and with other embedded stores.
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Options {
    /// What to do; the whole comparison when not said.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// How to compare.
    #[command(flatten)]
    pub(crate) run: RunOptions,
}

/// What else there is to do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Writes RESULTS.md and chart.svg again, of one file of results or of several merged.
    Report(ReportOptions),
    /// Measures what becomes of the figures as a store grows.
    Scale(ScaleOptions),
    /// Does one measurement and prints a line of JSON.
    #[command(hide = true)]
    Child(ChildOptions),
}

/// Which engines, where.
#[derive(Args, Clone)]
pub(crate) struct Selection {
    /// Only these engines.
    #[arg(long, value_delimiter = ',')]
    pub(crate) engines: Vec<Name>,
    /// Where stores are made while they are measured: on a real disk, not in memory.
    #[arg(long, default_value = DATA)]
    pub(crate) dir: PathBuf,
    /// Where results are written.
    #[arg(long, default_value = REPORT)]
    pub(crate) out: PathBuf,
    /// The budget of an engine's own cache.
    #[arg(long, default_value_t = 64)]
    pub(crate) cache_mib: u64,
    /// A measurement that takes longer has failed.
    #[arg(long, default_value_t = 1800)]
    pub(crate) timeout_s: u64,
}

/// How to compare.
#[derive(Args, Clone)]
pub(crate) struct RunOptions {
    /// Which engines, where.
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// Only these workloads: w1, w1b, w2, w3, w4, w5, w6, w7, w7b, w8, w8-abort, w9 (and w8b).
    #[arg(long, value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// How many rounds; nine and more give an interval that leaves outliers out.
    #[arg(long, default_value_t = 9)]
    pub(crate) rounds: u32,
    /// How many of the rounds fill stores to look at memory, disk and closing.
    #[arg(long, default_value_t = 3)]
    pub(crate) memory_rounds: u32,
    /// Measures every version of batpak with segments of so many MiB too.
    #[arg(long)]
    pub(crate) segments: Option<u64>,
    /// Earlier results, to which these are added; what `--out` has is replaced otherwise.
    #[arg(long)]
    pub(crate) merge: Vec<PathBuf>,
    /// Events appended relaxed.
    #[arg(long, default_value_t = 200_000)]
    pub(crate) appended: u64,
    /// Events appended durably by one caller.
    #[arg(long, default_value_t = 6_000)]
    pub(crate) durable: u64,
    /// Events appended durably by eight callers.
    #[arg(long, default_value_t = 40_000)]
    pub(crate) durable_threads: u64,
    /// Events appended durably in batches of 100.
    #[arg(long, default_value_t = 100_000)]
    pub(crate) durable_batches: u64,
    /// Events in the stores that are read by id, replayed, reopened, and filled for memory.
    #[arg(long, default_value_t = 1_000_000)]
    pub(crate) stored: u64,
    /// Events read by id.
    #[arg(long, default_value_t = 300_000)]
    pub(crate) gets: u64,
    /// Events in the stores whose streams are read.
    #[arg(long, default_value_t = 100_000)]
    pub(crate) streamed: u64,
    /// Everything with tiny counts and two rounds, to see that it works.
    #[arg(long)]
    pub(crate) smoke: bool,
}

impl RunOptions {
    /// Returns how much is measured.
    pub(crate) fn counts(&self) -> Counts {
        let small = |count: u64, smoke: u64| if self.smoke { smoke } else { count };
        Counts {
            appended: small(self.appended, 4_000),
            durable: small(self.durable, 50),
            durable_threads: small(self.durable_threads, 200),
            durable_batches: small(self.durable_batches, 1_000),
            stored: small(self.stored, 20_000),
            gets: small(self.gets, 5_000),
            streamed: small(self.streamed, 10_000),
            entities: 1000,
            cache_mib: self.selection.cache_mib,
        }
    }

    /// Returns how many rounds there are, and how many of them are about memory.
    pub(crate) fn all_rounds(&self) -> (u32, u32) {
        if self.smoke {
            (2, 2)
        } else {
            (self.rounds, self.memory_rounds)
        }
    }
}

/// Which results to report.
#[derive(Args)]
pub(crate) struct ReportOptions {
    /// The files; results.json in `--out` when none is named.
    pub(crate) files: Vec<PathBuf>,
    /// Where the report is written.
    #[arg(long, default_value = REPORT)]
    pub(crate) out: PathBuf,
}

/// How to measure growth.
#[derive(Args, Clone)]
pub(crate) struct ScaleOptions {
    /// Which engines, where; batpak alone when no engine is named.
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// How many events.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "1000000,3000000,10000000"
    )]
    pub(crate) sizes: Vec<u64>,
    /// How many entities: one list of figures for each.
    #[arg(long, value_delimiter = ',', default_value = "1000,1000000")]
    pub(crate) entities: Vec<u64>,
    /// How often every size is measured; medians are reported.
    #[arg(long, default_value_t = 1)]
    pub(crate) rounds: u32,
    /// From so many entities on, every event brings a key of its caller's.
    #[arg(long, default_value_t = 1_000_000)]
    pub(crate) keyed_from_entities: u64,
    /// Tiny sizes, to see that it works.
    #[arg(long)]
    pub(crate) smoke: bool,
}
