//! Standard output: buffered, and quiet when its reader goes away.

use crate::failure::Failure;
use serde::Serialize;
use std::fmt::{Arguments, Write as _};
use std::io::{self, BufWriter, StdoutLock, Write};

/// Where answers go; errors and progress go to standard error.
pub(crate) struct Output {
    to: BufWriter<StdoutLock<'static>>,
    is_json: bool,
}

impl Output {
    pub(crate) fn new(is_json: bool) -> Self {
        Self {
            to: BufWriter::new(io::stdout().lock()),
            is_json,
        }
    }

    /// Tells whether a script reads the answer and not a person.
    pub(crate) fn is_json(&self) -> bool {
        self.is_json
    }

    /// Writes one line of text: `output.line(format_args!(…))`.
    pub(crate) fn line(&mut self, text: Arguments<'_>) -> Result<(), Failure> {
        writeln!(self.to, "{text}").map_err(|error| Failure::output(&error))
    }

    /// Writes one JSON value on a line of its own.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        let written = serde_json::to_writer(&mut self.to, value).map_err(io::Error::from);
        written
            .and_then(|()| self.to.write_all(b"\n"))
            .map_err(|error| Failure::output(&error))
    }

    /// Makes everything written visible to the reader.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        self.to.flush().map_err(|error| Failure::output(&error))
    }
}

/// Makes text from outside harmless for a terminal: a file name may hold escape sequences.
pub(crate) fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter.is_control() {
            true => cleaned.extend(letter.escape_default()),
            false => cleaned.push(letter),
        }
    }
    cleaned
}

/// Cleans text and cuts it to `width` letters, the last of which then tells the cut.
pub(crate) fn clean_to(text: &str, width: usize) -> String {
    let cleaned = clean(text);
    if cleaned.chars().count() <= width {
        return cleaned;
    }
    let mut cut: String = cleaned.chars().take(width.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// Returns a number of bytes with a unit that a person reads.
pub(crate) fn bytes_text(bytes: u64) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write!(text, "{}", indicatif::BinaryBytes(bytes));
    text
}

/// Returns `count` and the noun, with an `s` unless there is one.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    match (count, noun.strip_suffix('y')) {
        (1, _) => format!("1 {noun}"),
        (_, Some(stem)) => format!("{count} {stem}ies"),
        (_, None) => format!("{count} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_of_a_file_name_never_reach_the_terminal() {
        assert_eq!(clean("a\u{1b}[31mb\n"), "a\\u{1b}[31mb\\n");
        assert_eq!(clean("grün"), "grün");
    }

    #[test]
    fn a_cut_is_told_and_never_splits_a_letter() {
        assert_eq!(clean_to("grün", 4), "grün");
        assert_eq!(clean_to("grünes", 4), "grü…");
    }
}
