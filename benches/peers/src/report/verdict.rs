//! Whether the targets were reached.

use super::grid::{self, Grid};
use super::{OURS, against, measured, summary};
use crate::engines::Name;
use crate::figures::{Figure, Measure, Target};
use crate::results::Results;
use crate::statistics::Summary;

/// Returns the table of targets, each judged by the bound that is the worse one.
pub(crate) fn table(results: &Results) -> Grid {
    let head = ["", "", "target", "aim", "median", "bound", "verdict"];
    let mut grid = Grid::new(head.map(str::to_owned).to_vec(), 2);
    for figure in measured(results) {
        let Some(target) = figure.target else {
            continue;
        };
        let found = find(results, figure, &target);
        let unit = found.as_ref().map_or("", |found| found.unit);
        let with_unit = |value: f64| format!("{}{unit}", grid::number(value));
        let sign = if target.wants_more(figure) {
            ">="
        } else {
            "<="
        };
        let mut row = vec![figure.name.to_owned(), title(figure, found.as_ref())];
        row.push(format!("{sign} {}", with_unit(target.bar)));
        row.push(with_unit(target.aim));
        row.extend(match &found {
            Some(found) => {
                let bound = found.summary.pessimistic(target.wants_more(figure));
                let median = with_unit(found.summary.median);
                [median, with_unit(bound), judge(figure, &target, bound)]
            }
            None => ["", "", "not measured"].map(str::to_owned),
        });
        grid.push(row);
    }
    grid
}

/// What was measured for a target.
struct Found {
    summary: Summary,
    /// The peer that ours is compared with.
    peer: Option<String>,
    unit: &'static str,
}

fn title(figure: &Figure, found: Option<&Found>) -> String {
    match found.and_then(|found| found.peer.as_ref()) {
        Some(peer) => format!("{}, against {peer}", figure.title),
        None => figure.title.to_owned(),
    }
}

fn judge(figure: &Figure, target: &Target, bound: f64) -> String {
    let reaches = |value: f64| {
        if target.wants_more(figure) {
            bound >= value
        } else {
            bound <= value
        }
    };
    let verdict = match (reaches(target.bar), reaches(target.aim)) {
        (true, true) => "pass, and the aim",
        (true, false) => "pass",
        (false, _) => "miss",
    };
    verdict.to_owned()
}

impl Target {
    /// Whether the value that is judged should be great: a ratio always should.
    fn wants_more(&self, figure: &Figure) -> bool {
        figure.more_is_better || matches!(self.measure, Measure::AgainstBest(_))
    }
}

fn find(results: &Results, figure: &Figure, target: &Target) -> Option<Found> {
    let peer = match target.measure {
        Measure::AgainstBest(peers) => Some(best(results, figure, peers)?),
        Measure::Absolute => None,
    };
    let (summary, unit) = match &peer {
        Some(peer) => (against(results, figure, peer)?, "x"),
        None => (
            summary(results, figure, OURS.text())?,
            absolute_unit(figure),
        ),
    };
    Some(Found {
        summary,
        peer,
        unit,
    })
}

fn absolute_unit(figure: &Figure) -> &'static str {
    match figure.unit {
        "events/s" => "/s",
        "ms" => " ms",
        "MiB" => " MiB",
        "B/event" => " B",
        _ => "",
    }
}

fn best(results: &Results, figure: &Figure, peers: &[Name]) -> Option<String> {
    let medians = peers.iter().filter_map(|peer| {
        let median = summary(results, figure, peer.text())?.median;
        let goodness = if figure.more_is_better {
            median
        } else {
            -median
        };
        Some((goodness, peer.text().to_owned()))
    });
    let best = medians.max_by(|(one, _), (other, _)| one.total_cmp(other));
    best.map(|(_, peer)| peer)
}
