//! The report: tables on the terminal and in RESULTS.md, and a chart.

mod chart;
pub(crate) mod grid;
mod markdown;
mod verdict;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::engines::Name;
use crate::figures::{FIGURES, Figure};
use crate::options::ReportOptions;
use crate::results::Results;
use crate::statistics::{Summary, ratios};
use grid::Grid;

/// Who is compared with everybody else.
pub(crate) const OURS: Name = Name::Batpak;

/// Writes the report of results that are there.
pub(crate) fn command(options: &ReportOptions) -> Result<()> {
    let own = options.out.join("results.json");
    let mut files = options.files.iter();
    let first = files.next().unwrap_or(&own);
    let mut results = Results::load(first)?;
    for file in files {
        results.merge(Results::load(file)?)?;
    }
    if options.files.len() > 1 {
        results.save(&own)?;
    }
    write(&results, &options.out)?;
    println!("{}", text(&results));
    Ok(())
}

/// Writes RESULTS.md and chart.svg.
pub(crate) fn write(results: &Results, out: &Path) -> Result<()> {
    let text = markdown::document(results);
    fs::write(out.join("RESULTS.md"), text).context("RESULTS.md cannot be written")?;
    chart::draw(results, &out.join("chart.svg"))
}

/// Returns the tables for a terminal.
pub(crate) fn text(results: &Results) -> String {
    let mut text = medians(results).text();
    for (title, grid) in [
        ("times as good as: median (low bound)", comparisons(results)),
        ("targets", verdict::table(results)),
    ] {
        text.push_str(&format!("\n{title}\n{}", grid.text()));
    }
    for failure in results.failures() {
        text.push_str(&format!("\nfailed: {failure}"));
    }
    text
}

/// Returns what several rounds say of a figure of an engine.
pub(crate) fn summary(results: &Results, figure: &Figure, engine: &str) -> Option<Summary> {
    let (workload, key) = figure.source;
    let values = results.values(workload, key, engine);
    Summary::of(values.iter().map(|value| value.value).collect())
}

/// Returns how many times as good ours is as an engine, round by round.
pub(crate) fn against(results: &Results, figure: &Figure, engine: &str) -> Option<Summary> {
    let (workload, key) = figure.source;
    let ours = results.values(workload, key, OURS.text());
    let theirs = results.values(workload, key, engine);
    Summary::of(ratios(&ours, &theirs, figure.more_is_better))
}

/// Returns the figures that were measured at all.
pub(crate) fn measured(results: &Results) -> impl Iterator<Item = &'static Figure> {
    let names: Vec<&str> = results
        .samples
        .iter()
        .map(|s| s.workload.as_str())
        .collect();
    FIGURES
        .iter()
        .filter(move |figure| names.contains(&figure.source.0))
}

/// One row a figure, one column an engine.
fn grid_of(
    results: &Results,
    engines: &[String],
    cell: impl Fn(&Figure, &str) -> Option<String>,
) -> Grid {
    let mut head = vec![String::new(), String::new(), "unit".to_owned()];
    head.extend_from_slice(engines);
    let mut grid = Grid::new(head, 3);
    for figure in measured(results) {
        let mut row = [figure.name, figure.title, figure.unit]
            .map(str::to_owned)
            .to_vec();
        row.extend(engines.iter().map(|engine| {
            let lacks = figure.lacks(engine).unwrap_or("");
            cell(figure, engine).unwrap_or_else(|| lacks.to_owned())
        }));
        grid.push(row);
    }
    grid
}

/// Returns the table of medians.
fn medians(results: &Results) -> Grid {
    let engines = results.engines();
    grid_of(results, &engines, |figure, engine| {
        summary(results, figure, engine).map(|summary| grid::number(summary.median))
    })
}

/// Returns the table of medians with least and greatest.
fn spreads(results: &Results) -> Grid {
    let engines = results.engines();
    grid_of(results, &engines, |figure, engine| {
        summary(results, figure, engine).map(|summary| {
            let Summary {
                least,
                greatest,
                rounds,
                ..
            } = summary;
            let (least, greatest) = (grid::number(least), grid::number(greatest));
            format!("{least}..{greatest} ({rounds})")
        })
    })
}

/// Returns the table of how many times as good ours is as the others.
fn comparisons(results: &Results) -> Grid {
    let mut engines = results.engines();
    engines.retain(|engine| engine != OURS.text());
    grid_of(results, &engines, |figure, engine| {
        against(results, figure, engine).map(|summary| {
            let (median, low) = (grid::number(summary.median), grid::number(summary.low));
            format!("{median} ({low})")
        })
    })
}
