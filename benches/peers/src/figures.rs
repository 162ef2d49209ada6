//! What is measured and reported: workloads, their figures, and the targets.

use crate::engines::Name;
use crate::results::Counts;
use crate::workloads::Job;

/// A workload.
pub(crate) struct Workload {
    /// What it is called on the command line.
    pub(crate) name: &'static str,
    /// What a child does.
    pub(crate) job: Job,
    /// The stored events that it starts from, if any.
    pub(crate) store: Option<Prepared>,
    /// Whether it needs what raft-engine has not.
    pub(crate) needs: Option<&'static str>,
}

/// A store that is made once for all rounds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Prepared {
    /// Many events, closed.
    Closed,
    /// Many events, not closed; each round has a copy.
    Aborted,
    /// Few events, closed.
    Small,
}

/// All workloads.
pub(crate) const WORKLOADS: [Workload; 12] = [
    workload("w1", Job::One, None, None),
    workload("w1b", Job::Threads, None, None),
    workload("w2", Job::Windows, None, None),
    workload("w3", Job::OneDurable, None, None),
    workload("w4", Job::ThreadsDurable, None, None),
    workload("w5", Job::BatchesDurable, None, None),
    workload("w6", Job::Get, Some(Prepared::Closed), Some("no id index")),
    workload("w7", Job::Streams, Some(Prepared::Small), None),
    workload(
        "w7b",
        Job::Replay,
        Some(Prepared::Closed),
        Some("no global order"),
    ),
    workload("w8", Job::Reopen, Some(Prepared::Closed), None),
    workload("w8-abort", Job::Reopen, Some(Prepared::Aborted), None),
    workload("w9", Job::Memory, None, None),
];

const fn workload(
    name: &'static str,
    job: Job,
    store: Option<Prepared>,
    needs: Option<&'static str>,
) -> Workload {
    Workload {
        name,
        job,
        store,
        needs,
    }
}

impl Workload {
    /// Returns why an engine has no figure here.
    pub(crate) fn lacks(&self, engine: Name) -> Option<&'static str> {
        self.needs.filter(|_| engine == Name::Raft)
    }

    /// Returns how many events a child is told of.
    pub(crate) fn events(&self, counts: &Counts) -> u64 {
        match self.job {
            Job::One | Job::Threads | Job::Windows => counts.appended,
            Job::OneDurable => counts.durable,
            Job::ThreadsDurable => counts.durable_threads,
            Job::BatchesDurable => counts.durable_batches,
            Job::Streams => counts.streamed,
            Job::Get | Job::Replay | Job::Reopen | Job::Memory | Job::Grow => counts.stored,
            Job::PrepareClosed | Job::PrepareAborted => counts.stored,
        }
    }
}

/// A figure: a row of the report.
pub(crate) struct Figure {
    /// What it is called in tables.
    pub(crate) name: &'static str,
    /// The workload it comes from, and its key there.
    pub(crate) source: (&'static str, &'static str),
    /// What was measured.
    pub(crate) title: &'static str,
    /// Its unit.
    pub(crate) unit: &'static str,
    /// Whether more is better.
    pub(crate) more_is_better: bool,
    /// What ours should reach.
    pub(crate) target: Option<Target>,
}

/// What ours should reach: the bar, and the aim beyond it.
#[derive(Clone, Copy)]
pub(crate) struct Target {
    /// What is compared.
    pub(crate) measure: Measure,
    /// What must be reached.
    pub(crate) bar: f64,
    /// What is hoped for.
    pub(crate) aim: f64,
}

/// What a target is about.
#[derive(Clone, Copy)]
pub(crate) enum Measure {
    /// How many times as good ours is as the one of these peers that is best at it.
    AgainstBest(&'static [Name]),
    /// The figure itself.
    Absolute,
}

const FJALL: Measure = Measure::AgainstBest(&[Name::Fjall]);
const INDEXED: Measure = Measure::AgainstBest(&Name::INDEXED_PEERS);
const LMDB: Measure = Measure::AgainstBest(&[Name::Lmdb, Name::LmdbWriteMap]);
/// Both read in the same way: the better of two that are equal would be the luckier one.
const LMDB_READS: Measure = Measure::AgainstBest(&[Name::Lmdb]);
const RAFT: Measure = Measure::AgainstBest(&[Name::Raft]);

/// All figures, in the order of the report.
pub(crate) const FIGURES: [Figure; 19] = [
    more("W1", "w1", "append, one caller", "events/s").target(FJALL, 1.0, 1.5),
    more("W1b", "w1b", "append, 8 threads", "events/s").target(INDEXED, 1.5, 3.0),
    more("W2", "w2", "windows of 256", "events/s").target(LMDB, 1.2, 2.0),
    more("W3", "w3", "durable append, one caller", "events/s").target(RAFT, 0.9, 1.0),
    more("W4", "w4", "durable append, 8 threads", "events/s").target(RAFT, 1.2, 2.0),
    more("W5", "w5", "durable batches of 100", "events/s").target(RAFT, 0.8, 1.2),
    more("W6", "w6", "get by id, random order", "events/s").target(LMDB_READS, 1.0, 1.5),
    more("W7", "w7", "every entity's stream", "events/s").target(LMDB_READS, 1.0, 1.5),
    more("W7b", "w7b", "replay in global order", "events/s").target(Measure::Absolute, 3e6, 6e6),
    less(
        "W8",
        ("w8", "first"),
        "reopen, closed: first read and append",
        "ms",
    )
    .target(Measure::Absolute, 20.0, 5.0),
    less(
        "W8 open",
        ("w8", "open"),
        "reopen, closed: opening alone",
        "ms",
    ),
    less(
        "W8 killed",
        ("w8-abort", "first"),
        "reopen, killed: first read and append",
        "ms",
    )
    .target(Measure::Absolute, 200.0, 50.0),
    less(
        "W8 killed open",
        ("w8-abort", "open"),
        "reopen, killed: opening alone",
        "ms",
    ),
    less("W8b", ("w9", "close"), "close after filling", "ms").target(
        Measure::Absolute,
        200.0,
        50.0,
    ),
    less("W9", ("w9", "rss"), "memory over an empty store", "MiB").target(
        Measure::Absolute,
        64.0,
        32.0,
    ),
    less(
        "W9 anonymous",
        ("w9", "anonymous"),
        "of it, not of mapped files",
        "MiB",
    ),
    less(
        "W9 mapped",
        ("w9", "file"),
        "of it, pages of mapped files",
        "MiB",
    ),
    less(
        "W9 disk",
        ("w9", "disk"),
        "disk, lengths of files",
        "B/event",
    )
    .target(Measure::Absolute, 285.0, 260.0),
    less(
        "W9 allocated",
        ("w9", "allocated"),
        "disk, allocated blocks",
        "B/event",
    ),
];

const fn more(
    name: &'static str,
    workload: &'static str,
    title: &'static str,
    unit: &'static str,
) -> Figure {
    Figure {
        name,
        source: (workload, "rate"),
        title,
        unit,
        more_is_better: true,
        target: None,
    }
}

const fn less(
    name: &'static str,
    source: (&'static str, &'static str),
    title: &'static str,
    unit: &'static str,
) -> Figure {
    Figure {
        name,
        source,
        title,
        unit,
        more_is_better: false,
        target: None,
    }
}

impl Figure {
    const fn target(mut self, measure: Measure, bar: f64, aim: f64) -> Self {
        self.target = Some(Target { measure, bar, aim });
        self
    }

    /// Returns why an engine has no such figure.
    pub(crate) fn lacks(&self, engine: &str) -> Option<&'static str> {
        if engine == Name::LmdbWriteMap.text() && self.source.1 == "disk" {
            return Some("sparse");
        }
        let workload = WORKLOADS
            .iter()
            .find(|workload| workload.name == self.source.0)?;
        workload.needs.filter(|_| engine == Name::Raft.text())
    }
}
