//! Tables as text and as Markdown.

/// A table.
pub(crate) struct Grid {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
    /// So many columns are text; the others are numbers.
    words: usize,
}

impl Grid {
    /// Makes a table without rows, whose first columns are words.
    pub(crate) fn new(head: Vec<String>, words: usize) -> Self {
        Self {
            head,
            rows: Vec::new(),
            words,
        }
    }

    /// Adds a row.
    pub(crate) fn push(&mut self, row: Vec<String>) {
        self.rows.push(row);
    }

    /// Returns the table with its columns in line.
    pub(crate) fn text(&self) -> String {
        let all = || std::iter::once(&self.head).chain(&self.rows);
        let width = |column: usize| {
            let cells = all().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.head.len()).map(width).collect();
        let mut text = String::new();
        for row in all() {
            let cells = row.iter().zip(&widths).enumerate();
            let cells = cells.map(|(column, (cell, &width))| {
                if column < self.words {
                    format!("{cell:<width$}")
                } else {
                    format!("{cell:>width$}")
                }
            });
            text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
            text.push('\n');
        }
        text
    }

    /// Returns the table in Markdown.
    pub(crate) fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let rule = |column: usize| if column < self.words { "---" } else { "---:" }.to_owned();
        let rules: Vec<String> = (0..self.head.len()).map(rule).collect();
        let rows: String = self.rows.iter().map(|row| line(row)).collect();
        line(&self.head) + &line(&rules) + &rows
    }
}

/// Returns a number with three figures, thousands as k and millions as M.
pub(crate) fn number(value: f64) -> String {
    let size = value.abs();
    if size >= 999_500.0 {
        return three(value / 1e6) + "M";
    }
    if size >= 9_995.0 {
        return three(value / 1e3) + "k";
    }
    three(value)
}

fn three(value: f64) -> String {
    match value.abs() {
        size if size >= 99.95 => format!("{value:.0}"),
        size if size >= 9.995 => format!("{value:.1}"),
        size if size >= 0.0995 || size == 0.0 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_figures() {
        let numbers = [
            0.00123,
            0.123,
            1.0,
            12.34,
            123.4,
            1234.0,
            12_345.0,
            999_499.0,
            1_234_567.0,
        ];
        let texts = [
            "0.0012", "0.12", "1.00", "12.3", "123", "1234", "12.3k", "999k", "1.23M",
        ];
        assert_eq!(numbers.map(number), texts);
    }

    #[test]
    fn columns_are_in_line() {
        let mut grid = Grid::new(vec!["a".to_owned(), "b".to_owned()], 1);
        grid.push(vec!["long".to_owned(), "1.00".to_owned()]);
        assert_eq!(grid.text(), "a        b\nlong  1.00\n");
        assert_eq!(
            grid.markdown(),
            "| a | b |\n| --- | ---: |\n| long | 1.00 |\n"
        );
    }
}
