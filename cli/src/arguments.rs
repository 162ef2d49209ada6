//! The command line: what can be said, and the help that teaches it.

use crate::batching::BATCH_ITEMS;
use crate::place::BATCH_ITEMS_MAX;
use clap::{Parser, Subcommand};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Start with the history of a git repository:
  batpak import git . demo-store
  batpak stats demo-store
  batpak stream demo-store file:README.md
  batpak verify demo-store

All commands but `import`, `snapshot` and `compact` only read, and all of these but `repair` work
while another process writes the store.

Exit codes:
  0    done; for `verify` and `check`: the store is good
  1    the store is damaged, or a line to import cannot be read
  2    the command line is not understood
  3    the store cannot be opened: not there, or open for writing elsewhere
  4    the store has no such entity or event
  5    something else failed on the way: input, output, git, no space
  6    `repair` has made a store, and something is missing in it or in doubt
  130  stopped by Ctrl-C with work left to do";

/// Records, queries and verifies event histories.
///
/// A store is a directory. An event belongs to an entity (whose history is numbered from 0 and
/// chained by hashes), was written in a scope, has a kind and a payload, and may name the event
/// that caused it.
#[derive(Debug, Parser)]
#[command(name = "batpak", version, after_help = EXAMPLES, arg_required_else_help = true)]
pub(crate) struct Arguments {
    /// Answer in JSON, for scripts: one document, or one object a line where there are many
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Bring events into a store; it is created if it is not there
    #[command(subcommand)]
    Import(Import),
    /// Write the events of a store as text
    #[command(subcommand)]
    Export(Export),
    /// Show how much a store holds
    #[command(after_help = "Examples:
  batpak stats demo-store
  batpak stats demo-store --json | jq .event_count")]
    Stats {
        /// The store's directory
        store: PathBuf,
    },
    /// Show the history of one entity, oldest event first
    #[command(after_help = "Examples:
  batpak stream demo-store file:README.md
  batpak stream demo-store repository:batpak --json | jq -r .payload.subject

The lines of --json are those of `export ndjson`: they can be imported.")]
    Stream {
        /// The store's directory
        store: PathBuf,
        /// The entity's name, in full
        entity: String,
    },
    /// Show one event: its header, what caused it, its payload
    #[command(after_help = "Examples:
  batpak show demo-store 0198c1f2a3b4c5d6e7f8091a2b3c4d5e
  batpak show demo-store event:0198c1f2a3b4c5d6e7f8091a2b3c4d5e --json")]
    Show {
        /// The store's directory
        store: PathBuf,
        /// The event's id: 32 hexadecimal digits, with or without `event:` before them
        event: String,
        /// How many causes to follow back
        #[arg(long, value_name = "N", default_value_t = 5)]
        causes: usize,
    },
    /// Show the newest events, and with --follow those to come
    #[command(after_help = "Examples:
  batpak tail demo-store
  batpak tail demo-store -n 0 --follow
  batpak tail demo-store --follow --json | jq -r .entity

Following ends with Ctrl-C.")]
    Tail {
        /// The store's directory
        store: PathBuf,
        /// Go on showing events as another process writes them
        #[arg(short, long)]
        follow: bool,
        /// How many of the newest events to start with
        #[arg(short = 'n', long, value_name = "N", default_value_t = 10)]
        lines: usize,
    },
    /// Recompute every hash and every chain
    #[command(after_help = "Examples:
  batpak verify demo-store && echo good

The first event that does not hold up is named, and the exit code is 1.")]
    Verify {
        /// The store's directory
        store: PathBuf,
    },
    /// Copy a store into a new directory; the copy is a store of its own
    #[command(after_help = "Examples:
  batpak snapshot demo-store backup-monday
  batpak snapshot demo-store backup-monday && batpak verify backup-monday

The directory must be new or empty. No other process may have the store open for writing meanwhile:
a program takes a snapshot of its own store with `Store::snapshot`.")]
    Snapshot {
        /// The store's directory
        store: PathBuf,
        /// The copy's directory
        dest: PathBuf,
    },
    /// Write segments again: small ones become one, and old events can be removed
    #[command(after_help = "Examples:
  batpak compact demo-store
  batpak compact demo-store --remove-older-than 365
  batpak compact demo-store --remove-older-than 365 --tombstones

Without an option nothing is removed. A removed event is gone for good; its place stays, so that
keys, clocks and hash chains hold, and `verify` counts it. No other process may have the store open
for writing meanwhile.")]
    Compact {
        /// The store's directory
        store: PathBuf,
        /// Remove the events that were written more than so many days ago
        #[arg(long, value_name = "DAYS")]
        remove_older_than: Option<u32>,
        /// Leave an empty event of kind 0x0FFE in the place of each
        #[arg(long, requires = "remove_older_than")]
        tombstones: bool,
    },
    /// Make a readable store of a damaged one, in a new directory, and list what is missing
    ///
    /// The longest front of the log that is sound is kept as it is. From behind the damage every
    /// event that is whole is appended again: same id, entity, kind, payload, cause and time, with
    /// a new sequence and hash. A header that is lost is rebuilt from what stands around it; a
    /// directory of the released batpak is taken over, as far as it is whole. Nothing is guessed,
    /// what had been removed stays removed, and the damaged directory is only read.
    #[command(after_help = "Examples:
  batpak check demo-store || batpak repair demo-store mended-store
  batpak repair demo-store mended-store && echo nothing is missing
  batpak repair demo-store mended-store --json | jq .lost
  batpak verify mended-store

The new directory must be new or empty. No process may have the store open for writing meanwhile.
With a good copy, restoring the file that is named keeps more: see `batpak check`. The exit code is
0 when nothing is missing or in doubt, and 6 when something is.")]
    Repair {
        /// The damaged store's directory
        #[arg(value_name = "DIRECTORY")]
        store: PathBuf,
        /// The directory of the repaired store
        #[arg(value_name = "DESTINATION")]
        dest: PathBuf,
    },
    /// Tell what the next opening for writing would mend; change nothing
    #[command(after_help = "Examples:
  batpak check demo-store
  batpak check demo-store --json | jq .torn_bytes

An end that a crash has torn is mended by the next opening, and the exit code is 0. Damage is
refused by every opening, and the exit code is 1.")]
    Check {
        /// The store's directory
        store: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Import {
    /// Import the history of a git repository
    ///
    /// Each commit becomes an event of the entity `repository:NAME`, caused by that of its first
    /// parent. Each path it changed becomes an event of the entity `file:PATH`, caused by the
    /// commit's and correlated with it. A merge is compared with its first parent.
    ///
    /// Kinds: 0x1001 commit, 0x1002 added, 0x1003 modified (also where only mode or type changed),
    /// 0x1004 deleted, 0x1005 renamed (an event of the new path; `old_path` is in the payload).
    /// Copies are added paths.
    ///
    /// Event ids follow from commit and path alone. So importing again, also from a clone
    /// elsewhere, stores only what is new; an import that was stopped goes on where it was.
    #[command(after_help = "Examples:
  batpak import git . demo-store
  batpak import git ~/src/linux history --all --name linux

A path that is no UTF-8, or too long for a name, has a name that ends in `#` and a hash; the
payload's `path_hex` has its bytes.")]
    Git {
        /// The repository, or any directory in it
        repository: PathBuf,
        /// The store's directory
        store: PathBuf,
        /// Import all branches and tags, not only what leads to HEAD
        #[arg(long)]
        all: bool,
        /// The repository's name in the store; its directory's name when not given, or the name
        /// that the store already knows it by
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
    },
    /// Import events from text, one JSON object a line
    ///
    /// A line has `entity`, `scope`, `kind` ("0x1001"), and `payload` (any JSON) or
    /// `payload_msgpack` (hexadecimal digits); and may have `id`, `correlation`, `causation` (32
    /// hexadecimal digits each) and `flags` (a number). `sequence`, `clock` and `time`, which an
    /// export tells, are not looked at: the store gives its own. Other fields are refused.
    ///
    /// An event whose id the store has is not stored again. A line without an id is stored as a
    /// new event each time.
    #[command(after_help = "Examples:
  batpak import ndjson events.ndjson demo-store
  echo '{\"entity\":\"order:1\",\"scope\":\"shop\",\"kind\":\"0x1000\",\"payload\":1}' |
    batpak import ndjson - demo-store

Lines are stored in batches, each whole or not at all. A line that cannot be read ends the import
with its number: batches before its own are kept.")]
    Ndjson {
        /// The file, or - for standard input
        file: PathBuf,
        /// The store's directory
        store: PathBuf,
        /// How many lines make a batch (fewer when they are long)
        #[arg(long, value_name = "N", default_value_t = BATCH_ITEMS as u32,
              value_parser = clap::value_parser!(u32).range(1..=i64::from(BATCH_ITEMS_MAX)))]
        batch: u32,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Export {
    /// Write every event as a JSON object on a line of its own, in order
    ///
    /// Importing the lines into an empty store gives the same events: order, ids, kinds, payloads
    /// bit by bit, causes. Times, and with them the hash chains, are those of the import.
    /// Tombstones are written, and an import passes them over.
    #[command(after_help = "Examples:
  batpak export ndjson demo-store demo.ndjson
  batpak export ndjson demo-store | gzip > demo.ndjson.gz
  diff <(batpak export ndjson --content one) <(batpak export ndjson --content other)

A payload that JSON cannot say exactly is in `payload_msgpack`, as hexadecimal digits.")]
    Ndjson {
        /// The store's directory
        store: PathBuf,
        /// The file, which is replaced only once all is written; - for standard output
        #[arg(default_value = "-")]
        file: PathBuf,
        /// Leave out sequence, clock and time, which the store gives: stores of equal content then
        /// give equal files
        #[arg(long)]
        content: bool,
    },
}
