//! Measures choices side by side and prints what came out.

/// One way of doing or setting something; the others of a comparison are held against the first.
pub(crate) struct Choice<'a, const FIGURES: usize> {
    name: String,
    measure: Box<dyn Fn() -> [f64; FIGURES] + 'a>,
}

impl<'a, const FIGURES: usize> Choice<'a, FIGURES> {
    /// Makes a choice that `measure` measures once.
    pub(crate) fn new(name: &str, measure: impl Fn() -> [f64; FIGURES] + 'a) -> Self {
        Self {
            name: name.to_owned(),
            measure: Box::new(measure),
        }
    }
}

/// Measures every choice once a round and prints a table; each round begins with another choice.
pub(crate) fn compare<const FIGURES: usize>(
    title: &str,
    figures: [&str; FIGURES],
    rounds: usize,
    choices: &[Choice<'_, FIGURES>],
) {
    let count = choices.len();
    let mut measured: Vec<Vec<[f64; FIGURES]>> = vec![Vec::new(); count];
    for round in 0..rounds {
        let turns = choices.iter().enumerate().cycle();
        for (place, choice) in turns.skip(round % count).take(count) {
            // What earlier measurements left behind is written first.
            rustix::fs::sync();
            let values = (choice.measure)();
            measured.get_mut(place).expect("it is there").push(values);
        }
    }
    println!("\n## {title}\n");
    print_table(&table(figures, choices, &measured));
}

/// Makes the cells: a name, and for each figure its median and the median of its ratios.
fn table<const FIGURES: usize>(
    figures: [&str; FIGURES],
    choices: &[Choice<'_, FIGURES>],
    measured: &[Vec<[f64; FIGURES]>],
) -> Vec<Vec<String>> {
    let mut header = vec![String::new()];
    header.extend(
        figures
            .iter()
            .flat_map(|figure| [(*figure).to_owned(), "x".to_owned()]),
    );
    let first: &[[f64; FIGURES]] = measured.first().map_or(&[], Vec::as_slice);
    let mut rows = vec![header];
    for (choice, rounds) in choices.iter().zip(measured) {
        let mut row = vec![choice.name.clone()];
        for figure in 0..FIGURES {
            let of = |round: &[f64; FIGURES]| round.get(figure).copied().unwrap_or(f64::NAN);
            let ratio = |(ours, firsts)| of(ours) / of(firsts);
            row.push(said(median(rounds.iter().map(of).collect())));
            let ratios = rounds.iter().zip(first).map(ratio).collect();
            row.push(format!("{:.2}", median(ratios)));
        }
        rows.push(row);
    }
    rows
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let upper = values.get(values.len() / 2);
    let lower = values.get(values.len().saturating_sub(1) / 2);
    match (lower, upper) {
        (Some(lower), Some(upper)) => f64::midpoint(*lower, *upper),
        _ => f64::NAN,
    }
}

/// Says a figure with about three digits.
fn said(figure: f64) -> String {
    match figure.abs() {
        millions if millions >= 1e6 => format!("{:.2} M", figure / 1e6),
        thousands if thousands >= 1e3 => format!("{:.1} k", figure / 1e3),
        large if large >= 100.0 => format!("{figure:.0}"),
        middling if middling >= 10.0 => format!("{figure:.1}"),
        _ => format!("{figure:.2}"),
    }
}

/// Prints columns that line up, in the way of Markdown.
fn print_table(rows: &[Vec<String>]) {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(String::len)
            .max()
    };
    let widths: Vec<usize> = (0..columns).filter_map(width).collect();
    for (number, row) in rows.iter().enumerate() {
        let mut cells = row.iter().zip(&widths);
        if let Some((name, width)) = cells.next() {
            print!("| {name:<width$} |");
        }
        cells.for_each(|(cell, width)| print!(" {cell:>width$} |"));
        println!();
        if number == 0 {
            let mut widths = widths.iter();
            let name = widths.next().copied().unwrap_or_default();
            print!("|{}|", "-".repeat(name + 2));
            widths.for_each(|width| print!("{}:|", "-".repeat(width + 1)));
            println!();
        }
    }
}
