//! The command line.

use crate::plan::{Plan, Style};
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Tries the promises of the batpak store on the real operating system: processes that use it are
/// killed, starved of space and files, failed by their disk, and traced.
///
/// Each row is tried with seeds until its count is reached. A seed that fails is printed with the
/// directory, which is kept, and with the command that tries it again; what the scheduler did is
/// not repeated, so a failure may need several tries. Rows that need strace, or root for mounts,
/// are skipped with a message where they cannot run. A failure makes the exit code 1.
///
///     cargo crash pr                             every row, about a minute and a half
///     cargo crash nightly --only random-kill     one row, many more times
///     cargo crash pr --only full-disk --seed 7   one row, from another seed on
#[derive(Debug, Parser)]
#[command(name = "crash", verbatim_doc_comment)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists the rows, with how often each is tried at each tier.
    List,
    /// Tries every row for a minute or two.
    Pr(Chosen),
    /// Tries every row for about an hour.
    Nightly(Chosen),
    /// Tries every row for hours.
    Release(Chosen),
    /// Plays a part in a row: what the rows start.
    #[command(hide = true, subcommand)]
    Child(Part),
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Chosen {
    /// Only the row of this name; may be given more than once.
    #[arg(long)]
    pub(crate) only: Vec<String>,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Stops a row once it has counted so many, before its tier's count.
    #[arg(long)]
    pub(crate) at_most: Option<u64>,
    /// Where the stores go. By default in the system's directory for temporary files, and in memory
    /// where a row needs no disk.
    #[arg(long = "in", value_name = "DIRECTORY")]
    pub(crate) place: Option<PathBuf>,
    /// How many trials run at once; one for each core by default.
    #[arg(long)]
    pub(crate) jobs: Option<u64>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Part {
    Write(WritePart),
    Append(AppendPart),
    Flood(FloodPart),
    Pace(PacePart),
    Hold { directory: PathBuf },
    Recover { directory: PathBuf },
}

#[derive(Args, Debug)]
pub(crate) struct WritePart {
    pub(crate) directory: PathBuf,
    #[arg(long)]
    pub(crate) seed: u64,
    #[arg(long)]
    pub(crate) style: Style,
    #[arg(long)]
    pub(crate) session: u16,
    #[arg(long)]
    pub(crate) threads: u8,
    /// How many steps each thread takes before the store is closed and opened again.
    #[arg(long)]
    pub(crate) steps: u32,
    /// How often the store is opened; 0 for ever.
    #[arg(long)]
    pub(crate) openings: u32,
}

#[derive(Args, Debug)]
pub(crate) struct AppendPart {
    pub(crate) directory: PathBuf,
    #[arg(long)]
    pub(crate) seed: u64,
    #[arg(long)]
    pub(crate) session: u16,
    #[arg(long)]
    pub(crate) events: u32,
    /// Whether to wait for the parent after an error, and to try the same event again.
    #[arg(long)]
    pub(crate) wait: bool,
    #[arg(long)]
    pub(crate) reply_timeout_ms: Option<u64>,
    #[arg(long, default_value_t = 4096)]
    pub(crate) segment_bytes: u64,
}

#[derive(Args, Debug)]
pub(crate) struct FloodPart {
    pub(crate) directory: PathBuf,
    #[arg(long)]
    pub(crate) seed: u64,
    #[arg(long)]
    pub(crate) style: Style,
    #[arg(long)]
    pub(crate) session: u16,
    #[arg(long)]
    pub(crate) threads: u8,
    /// How many events all threads submit together.
    #[arg(long)]
    pub(crate) submits: u32,
    /// How many of them are submitted one by one, before the others.
    #[arg(long)]
    pub(crate) ahead: u32,
}

/// In which company durable events are appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Pattern {
    Single,
    Batch,
    Group,
    Rotation,
    PerAppend,
}

#[derive(Args, Debug)]
pub(crate) struct PacePart {
    pub(crate) directory: PathBuf,
    #[arg(long)]
    pub(crate) pattern: Pattern,
    #[arg(long)]
    pub(crate) events: u32,
    #[arg(long)]
    pub(crate) data_only: bool,
}

impl WritePart {
    pub(crate) fn plan(&self) -> Plan {
        Plan {
            seed: self.seed,
            style: self.style,
        }
    }
}

impl FloodPart {
    pub(crate) fn plan(&self) -> Plan {
        Plan {
            seed: self.seed,
            style: self.style,
        }
    }
}

impl AppendPart {
    pub(crate) fn plan(&self) -> Plan {
        Plan {
            seed: self.seed,
            style: Style::Plain,
        }
    }
}
