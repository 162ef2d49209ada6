//! The chart: how many times as good batpak is as each peer, one group of bars a figure.
//!
//! Colours are of middle brightness and there is no background, so that it can be read on white
//! and on black.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::{OURS, against};
use crate::figures::{FIGURES, Figure};
use crate::results::Results;

/// The figures that are drawn.
const DRAWN: [&str; 11] = [
    "W1",
    "W1b",
    "W2",
    "W3",
    "W4",
    "W5",
    "W6",
    "W7",
    "W7b",
    "W8",
    "W8 killed",
];
const WIDTH: u32 = 900;
const BAR: i32 = 11;
const GAP: i32 = 16;
const TOP: i32 = 46;
const BOTTOM: i32 = 40;
const LEFT: i32 = 260;
const RIGHT: i32 = 60;
const GREY: RGBColor = RGBColor(128, 128, 128);
const COLOURS: [RGBColor; 8] = [
    RGBColor(150, 120, 90),
    RGBColor(190, 150, 60),
    RGBColor(70, 130, 200),
    RGBColor(210, 95, 80),
    RGBColor(60, 160, 110),
    RGBColor(150, 100, 190),
    RGBColor(190, 100, 160),
    RGBColor(70, 165, 180),
];

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// A group of bars: a figure, and the ratio to each engine that has it.
struct Group {
    figure: &'static Figure,
    /// By the engine's place in the legend.
    ratios: Vec<(usize, f64)>,
}

/// Where a ratio is across the chart: logarithmic, so that twice and half are as far from 1.
struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    fn over(groups: &[Group]) -> Self {
        let ratios = || {
            groups
                .iter()
                .flat_map(|group| &group.ratios)
                .map(|(_, ratio)| *ratio)
        };
        let low = ratios().fold(0.5, f64::min).log10().floor();
        let high = ratios().fold(2.0, f64::max).log10().ceil();
        Self { low, high }
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "a chart is less than 900 pixels wide"
    )]
    fn x(&self, ratio: f64) -> i32 {
        let width = f64::from(WIDTH.cast_signed() - LEFT - RIGHT);
        let share = (ratio.log10() - self.low) / (self.high - self.low);
        LEFT + (share.clamp(0.0, 1.0) * width).round() as i32
    }

    /// Returns the ratios that have a line.
    fn lines(&self) -> Vec<f64> {
        let decades = (0..=(self.high - self.low).round() as u32).map(f64::from);
        decades
            .map(|decade| 10_f64.powf(self.low + decade))
            .collect()
    }
}

/// Draws the chart; nothing when there is nobody to compare with.
pub(crate) fn draw(results: &Results, path: &Path) -> Result<()> {
    let mut engines = results.engines();
    engines.retain(|engine| engine != OURS.text() && !engine.contains('/'));
    let groups: Vec<Group> = groups(results, &engines);
    if groups.is_empty() {
        return Ok(());
    }
    let bars: usize = groups.iter().map(|group| group.ratios.len()).sum();
    let bars = i32::try_from(bars)?;
    let gaps = i32::try_from(groups.len())?;
    let height = TOP + BOTTOM + bars * BAR + gaps * GAP;
    let size = (WIDTH, u32::try_from(height)?);
    let area = SVGBackend::new(path, size).into_drawing_area();
    let scale = Scale::over(&groups);
    let failed = |error| anyhow!("the chart cannot be drawn: {error}");
    legend(&area, &engines).map_err(failed)?;
    lines(&area, &scale, height).map_err(failed)?;
    let mut y = TOP;
    for group in &groups {
        bars_of(&area, &scale, group, y).map_err(failed)?;
        y += i32::try_from(group.ratios.len())? * BAR + GAP;
    }
    area.present()
        .map_err(|error| anyhow!("the chart cannot be written: {error}"))
}

fn groups(results: &Results, engines: &[String]) -> Vec<Group> {
    let drawn = FIGURES.iter().filter(|figure| DRAWN.contains(&figure.name));
    let groups = drawn.map(|figure| {
        let ratios = engines.iter().enumerate().filter_map(|(place, engine)| {
            let median = against(results, figure, engine)?.median;
            median.is_finite().then_some((place, median))
        });
        Group {
            figure,
            ratios: ratios.collect(),
        }
    });
    groups.filter(|group| !group.ratios.is_empty()).collect()
}

fn colour(place: usize) -> RGBColor {
    COLOURS.get(place % COLOURS.len()).copied().unwrap_or(GREY)
}

fn words(size: i32, at: HPos) -> TextStyle<'static> {
    let style = TextStyle::from(("sans-serif", size)).color(&GREY);
    style.pos(Pos::new(at, VPos::Center))
}

type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

fn legend(area: &Area<'_>, engines: &[String]) -> Drawn {
    let title = "How many times as good batpak is (right of 1: batpak is better)";
    area.draw(&Text::new(title, (8, 12), words(17, HPos::Left)))?;
    let mut x = 8;
    for (place, engine) in engines.iter().enumerate() {
        let square = [(x, 26), (x + 9, 35)];
        area.draw(&Rectangle::new(square, colour(place).filled()))?;
        area.draw(&Text::new(
            engine.clone(),
            (x + 13, 31),
            words(14, HPos::Left),
        ))?;
        x += 30 + i32::try_from(engine.len()).unwrap_or(0) * 8;
    }
    Ok(())
}

fn lines(area: &Area<'_>, scale: &Scale, height: i32) -> Drawn {
    for ratio in scale.lines() {
        let x = scale.x(ratio);
        let ends = vec![(x, TOP), (x, height - BOTTOM + 6)];
        let strong = if (ratio - 1.0).abs() < 1e-9 { 0.9 } else { 0.3 };
        area.draw(&PathElement::new(ends, GREY.mix(strong)))?;
        let text = format!("{ratio}x");
        area.draw(&Text::new(
            text,
            (x, height - BOTTOM + 18),
            words(14, HPos::Center),
        ))?;
    }
    Ok(())
}

fn bars_of(area: &Area<'_>, scale: &Scale, group: &Group, top: i32) -> Drawn {
    let bars = i32::try_from(group.ratios.len()).unwrap_or(0);
    let middle = top + bars * BAR / 2;
    let figure = group.figure;
    let workload = figure.name.split(' ').next().unwrap_or_default();
    let label = format!("{workload} {}", short(figure.title));
    area.draw(&Text::new(label, (8, middle), words(14, HPos::Left)))?;
    let mut y = top;
    for (place, ratio) in &group.ratios {
        let (one, end) = (scale.x(1.0), scale.x(*ratio));
        let bar = [(one.min(end), y), (one.max(end), y + BAR - 2)];
        area.draw(&Rectangle::new(bar, colour(*place).filled()))?;
        let text = super::grid::number(*ratio);
        let (x, side) = if *ratio < 1.0 {
            (end - 3, HPos::Right)
        } else {
            (end + 3, HPos::Left)
        };
        area.draw(&Text::new(text, (x, y + BAR / 2 - 1), words(12, side)))?;
        y += BAR;
    }
    Ok(())
}

/// Returns a title without what its name says already.
fn short(title: &str) -> &str {
    title.split(": ").next().unwrap_or(title)
}
