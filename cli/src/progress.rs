//! Progress on long work: a bar on standard error, and nothing where that is no terminal.

use indicatif::{ProgressBar, ProgressStyle};
use std::time::Duration;

/// How often a spinner turns while nothing is counted.
pub(crate) const TICK: Duration = Duration::from_millis(100);
const BAR: &str = "{msg} {wide_bar} {human_pos}/{human_len} {eta}";
const SPINNER: &str = "{spinner} {msg} {human_pos}";

/// Starts a bar for `total` steps, or one without an end when the total is not known.
pub(crate) fn start(doing: &'static str, total: Option<u64>) -> ProgressBar {
    let (bar, template) = match total {
        Some(total) => (ProgressBar::new(total), BAR),
        None => (ProgressBar::no_length(), SPINNER),
    };
    // The templates are constants; a wrong one would only show the default bar.
    let style = ProgressStyle::with_template(template);
    let bar = bar.with_message(doing);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
