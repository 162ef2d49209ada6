//! What becomes of the figures as a store grows: the `scale` command.

use std::collections::BTreeMap;

use anyhow::Result;
use indicatif::ProgressBar;
use serde::Serialize;

use crate::child::{ChildOptions, Figures};
use crate::engines::Name;
use crate::machine::Machine;
use crate::options::ScaleOptions;
use crate::report::grid::{Grid, number};
use crate::spawn::Spawner;
use crate::statistics::{Summary, exponent};
use crate::workloads::Job;

/// The figures, less is better for all: what is the same at every size has the exponent 0, and what
/// grows with the store has 1.
const FIGURES: [(&str, &str); 10] = [
    ("append_us", "append, last tenth, us"),
    ("get_us", "get, us"),
    ("stream_us", "stream, us an event"),
    ("closed_open", "open, closed, ms"),
    ("closed_first", "reopen, closed, ms"),
    ("killed_open", "open, killed, ms"),
    ("killed_first", "reopen, killed, ms"),
    ("close", "close, ms"),
    ("rss", "memory, MiB"),
    ("disk", "disk, B/event"),
];

/// Figures by the size of the store, one list a figure.
type Curves = BTreeMap<String, Vec<(u64, f64)>>;

/// What is written to scale.json.
#[derive(Serialize)]
struct Growth {
    engine: Name,
    entities: u64,
    keyed: bool,
    curves: Curves,
}

/// Measures, prints a table for each engine and number of entities, and writes scale.json.
pub(crate) fn run(options: &ScaleOptions) -> Result<()> {
    let selection = &options.selection;
    let spawner = Spawner::new(&selection.dir, selection.timeout_s)?;
    let engines = match selection.engines.as_slice() {
        [] => vec![Name::Batpak],
        engines => engines.to_vec(),
    };
    let (sizes, entities) = if options.smoke {
        (vec![5_000, 10_000, 20_000], vec![100, 5_000])
    } else {
        (options.sizes.clone(), options.entities.clone())
    };
    let steps = engines.len() * entities.len() * sizes.len();
    let progress = ProgressBar::new(steps as u64);
    let mut all = Vec::new();
    for engine in engines {
        for &entities in &entities {
            let keyed = options.smoke || entities >= options.keyed_from_entities;
            let mut growth = Growth {
                engine,
                entities,
                keyed,
                curves: Curves::new(),
            };
            for &size in &sizes {
                let child = child(options, &growth, size);
                for (name, value) in measure(options, &spawner, &child)? {
                    growth.curves.entry(name).or_default().push((size, value));
                }
                progress.inc(1);
            }
            progress.suspend(|| println!("{}", table(&growth, &sizes)));
            all.push(growth);
            let machine = Machine::this(spawner.directory());
            let written = serde_json::json!({ "machine": machine, "growth": all });
            let text = serde_json::to_string_pretty(&written)?;
            std::fs::write(selection.out.join("scale.json"), text)?;
        }
    }
    progress.finish_and_clear();
    Ok(())
}

fn child(options: &ScaleOptions, growth: &Growth, size: u64) -> ChildOptions {
    ChildOptions {
        engine: growth.engine,
        job: Job::Grow,
        dir: std::path::PathBuf::new(),
        events: size,
        reads: 0,
        entities: growth.entities,
        keyed: growth.keyed,
        segment_mib: None,
        cache_mib: options.selection.cache_mib,
    }
}

/// Returns the medians of all figures at one size.
fn measure(options: &ScaleOptions, spawner: &Spawner, child: &ChildOptions) -> Result<Figures> {
    let mut values: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for _ in 0..options.rounds {
        for (name, value) in one_round(spawner, child)? {
            values.entry(name).or_default().push(value);
        }
    }
    let median = |(name, values)| Some((name, Summary::of(values)?.median));
    Ok(values.into_iter().filter_map(median).collect())
}

fn one_round(spawner: &Spawner, child: &ChildOptions) -> Result<Figures> {
    let mut figures = spawner.on_new_store(child)?;
    for (prepare, prefix) in [
        (Job::PrepareClosed, "closed"),
        (Job::PrepareAborted, "killed"),
    ] {
        let with_job = |job| ChildOptions {
            job,
            dir: spawner.directory().join(prefix),
            ..child.clone()
        };
        let prepare = with_job(prepare);
        spawner.discard(&prepare.dir)?;
        spawner.measure(&prepare)?;
        let reopened = spawner.measure(&with_job(Job::Reopen))?;
        figures.extend(
            reopened
                .into_iter()
                .map(|(name, ms)| (format!("{prefix}_{name}"), ms)),
        );
        spawner.discard(&prepare.dir)?;
    }
    Ok(figures)
}

fn table(growth: &Growth, sizes: &[u64]) -> String {
    let keys = if growth.keyed { ", a key each" } else { "" };
    let title = format!(
        "{}, {} entities{keys}",
        growth.engine.text(),
        growth.entities
    );
    let mut head = vec![title];
    head.extend(sizes.iter().map(|size| number(*size as f64)));
    head.push("exponent".to_owned());
    let mut grid = Grid::new(head, 1);
    for (name, title) in FIGURES {
        let Some(curve) = growth.curves.get(name) else {
            continue;
        };
        let mut row = vec![title.to_owned()];
        row.extend(curve.iter().map(|(_, value)| number(*value)));
        let points: Vec<(f64, f64)> = curve.iter().map(|(size, v)| (*size as f64, *v)).collect();
        let exponent = exponent(&points);
        row.push(exponent.map_or_else(String::new, |exponent| format!("{exponent:.2}")));
        grid.push(row);
    }
    grid.text()
}
