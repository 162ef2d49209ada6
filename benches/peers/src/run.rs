//! The comparison: rounds, in each of which every engine does every workload once.
//!
//! 1. The stores that are read are made when they are needed first, one for each engine.
//! 2. In every round the engines take turns within a workload, beginning with another one each
//!    round, so that whatever the machine does meanwhile meets all of them.
//! 3. After every round the results are written, and the report made of them.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Result, ensure};
use indicatif::{ProgressBar, ProgressStyle};

use crate::child::{ChildOptions, Figures};
use crate::engines::Name;
use crate::figures::{Prepared, WORKLOADS, Workload};
use crate::machine::Machine;
use crate::options::RunOptions;
use crate::report;
use crate::results::{Counts, Results, Sample};
use crate::spawn::Spawner;
use crate::workloads::Job;

/// A row of the tables: an engine, or batpak with segments of another size.
#[derive(Clone, Copy)]
struct Row {
    engine: Name,
    segment_mib: Option<u64>,
}

impl Row {
    fn name(self) -> String {
        match self.segment_mib {
            Some(mib) => format!("{}/{mib}MiB", self.engine.text()),
            None => self.engine.text().to_owned(),
        }
    }
}

struct Run {
    spawner: Spawner,
    id: String,
    counts: Counts,
    rows: Vec<Row>,
    workloads: Vec<&'static Workload>,
    results: Results,
    progress: ProgressBar,
}

/// Compares, and writes results.json, RESULTS.md and chart.svg.
pub(crate) fn run(options: &RunOptions) -> Result<()> {
    let (rounds, memory_rounds) = options.all_rounds();
    let mut run = Run::new(options, rounds, memory_rounds)?;
    let out = &options.selection.out;
    for round in 1..=rounds {
        run.round(round, round <= memory_rounds);
        let mut all = run.results.clone();
        for file in &options.merge {
            all.merge(Results::load(file)?)?;
        }
        all.save(&out.join("results.json"))?;
        report::write(&all, out)?;
    }
    run.progress.finish_and_clear();
    let all = Results::load(&out.join("results.json"))?;
    println!("{}", report::text(&all));
    Ok(())
}

impl Run {
    fn new(options: &RunOptions, rounds: u32, memory_rounds: u32) -> Result<Self> {
        let selection = &options.selection;
        let spawner = Spawner::new(&selection.dir, selection.timeout_s)?;
        let rows = rows(options);
        let workloads = workloads(&options.only)?;
        let memory = workloads
            .iter()
            .filter(|workload| workload.job == Job::Memory);
        let skipped = memory.count() as u64 * u64::from(rounds.saturating_sub(memory_rounds));
        let all = workloads.len() as u64 * u64::from(rounds);
        let progress = ProgressBar::new((all - skipped) * rows.len() as u64);
        let style = "[{elapsed_precise}] {wide_bar} {pos}/{len} {msg} (left: {eta})";
        progress.set_style(ProgressStyle::with_template(style)?);
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH)?;
        Ok(Self {
            id: since_epoch.as_secs().to_string(),
            counts: options.counts(),
            results: Results {
                machines: vec![Machine::this(spawner.directory())],
                counts: options.counts(),
                samples: Vec::new(),
            },
            spawner,
            rows,
            workloads,
            progress,
        })
    }

    fn round(&mut self, round: u32, with_memory: bool) {
        for workload in self.workloads.clone() {
            if workload.job == Job::Memory && !with_memory {
                continue;
            }
            let mut rows = self.rows.clone();
            let first = usize::try_from(round - 1).unwrap_or_default() % rows.len();
            rows.rotate_left(first);
            for row in rows {
                self.progress
                    .set_message(format!("{} {}", row.name(), workload.name));
                self.sample(round, workload, row);
                self.progress.inc(1);
            }
        }
    }

    fn sample(&mut self, round: u32, workload: &Workload, row: Row) {
        if workload.lacks(row.engine).is_some() {
            return;
        }
        let (figures, failure) = match self.measure(workload, row) {
            Ok(figures) => (figures, None),
            Err(error) => (Figures::new(), Some(format!("{error:#}"))),
        };
        if let Some(failure) = &failure {
            let name = row.name();
            self.progress
                .println(format!("{name} {}: {failure}", workload.name));
        }
        self.results.samples.push(Sample {
            run: self.id.clone(),
            round,
            workload: workload.name.to_owned(),
            engine: row.name(),
            figures,
            failure,
        });
    }

    fn measure(&self, workload: &Workload, row: Row) -> Result<Figures> {
        let options = ChildOptions {
            job: workload.job,
            events: workload.events(&self.counts),
            ..self.child(row)
        };
        match workload.store {
            None => self.spawner.on_new_store(&options),
            Some(Prepared::Aborted) => {
                let original = self.prepared(row, Prepared::Aborted)?;
                self.spawner.on_copy(&original, &options)
            }
            Some(prepared) => {
                let dir = self.prepared(row, prepared)?;
                self.spawner.measure(&ChildOptions { dir, ..options })
            }
        }
    }

    /// Returns a prepared store, which is made when it is asked for first.
    fn prepared(&self, row: Row, prepared: Prepared) -> Result<PathBuf> {
        let (name, job, events) = match prepared {
            Prepared::Closed => ("closed", Job::PrepareClosed, self.counts.stored),
            Prepared::Aborted => ("killed", Job::PrepareAborted, self.counts.stored),
            Prepared::Small => ("small", Job::PrepareClosed, self.counts.streamed),
        };
        let row_name = row.name().replace('/', "-");
        let dir = self.spawner.directory().join(format!("{name}-{row_name}"));
        let done = self
            .spawner
            .directory()
            .join(format!("{name}-{row_name}.done"));
        if !done.exists() {
            self.spawner.discard(&dir)?;
            let dir = dir.clone();
            let child = self.child(row);
            self.spawner.measure(&ChildOptions {
                dir,
                job,
                events,
                ..child
            })?;
            std::fs::write(&done, [])?;
        }
        Ok(dir)
    }

    fn child(&self, row: Row) -> ChildOptions {
        ChildOptions {
            engine: row.engine,
            job: Job::One,
            dir: PathBuf::new(),
            events: 0,
            reads: self.counts.gets,
            entities: self.counts.entities,
            keyed: false,
            segment_mib: row.segment_mib,
            cache_mib: self.counts.cache_mib,
        }
    }
}

fn rows(options: &RunOptions) -> Vec<Row> {
    let chosen = &options.selection.engines;
    let mut rows = Vec::new();
    for engine in Name::ALL {
        if !chosen.is_empty() && !chosen.contains(&engine) {
            continue;
        }
        rows.push(Row {
            engine,
            segment_mib: None,
        });
        if options.segments.is_some() && engine.is_batpak() {
            rows.push(Row {
                engine,
                segment_mib: options.segments,
            });
        }
    }
    rows
}

fn workloads(only: &[String]) -> Result<Vec<&'static Workload>> {
    let named = |name: &str, workload: &Workload| match name {
        // The time to close is a figure of the workload that fills a store for memory.
        "w8b" => workload.name == "w9",
        "w8" => workload.job == Job::Reopen,
        name => workload.name == name,
    };
    for name in only {
        let known = WORKLOADS.iter().any(|workload| named(name, workload));
        ensure!(known, "there is no workload {name}");
    }
    let chosen =
        |workload: &&Workload| only.is_empty() || only.iter().any(|name| named(name, workload));
    Ok(WORKLOADS.iter().filter(chosen).collect())
}
