//! The parts that a child plays. It tells lines on its standard output, one call for each, and ends
//! when nobody listens any more.

mod appender;
mod flooder;
mod holder;
mod pacer;
mod recoverer;
mod writer;

use crate::arguments::Part;
use crate::plan::Token;
use anyhow::Result;
use batpak::prelude::*;
use std::fmt::Write as _;
use std::io::Write;

/// Plays a part to its end.
pub(crate) fn play(part: &Part) -> Result<()> {
    match part {
        Part::Write(write) => writer::write(write),
        Part::Append(append) => appender::append(append),
        Part::Flood(flood) => flooder::flood(flood),
        Part::Pace(pace) => pacer::pace(pace),
        Part::Hold { directory } => holder::hold(directory),
        Part::Recover { directory } => recoverer::recover(directory),
    }
}

/// Tells the parent a line with one call.
fn tell(line: &str) {
    let mut output = std::io::stdout().lock();
    let told = output.write_all(format!("{line}\n").as_bytes());
    if told.and_then(|()| output.flush()).is_err() {
        std::process::exit(0);
    }
}

/// Waits for a line from the parent; `None` once it is gone.
fn listen() -> Option<String> {
    let mut line = String::new();
    let read = std::io::stdin().read_line(&mut line).ok()?;
    (read > 0).then(|| line.trim_end().to_owned())
}

/// Tells that a thread's events were answered up to a number, and where those went that are seen.
fn tell_ack(first: Token, until: u32, receipts: &[AppendReceipt]) {
    let mut line = format!("ack {} {} {until}", first.session, first.thread);
    for (number, receipt) in (first.number..).zip(receipts) {
        let token = Token { number, ..first }.bits();
        // Writing to a string does not fail.
        let _ = write!(line, " {token:x}:{}", receipt.sequence);
    }
    tell(&line);
}

/// Says an error in one line: whether nothing was written, its name, its text.
fn describe(error: &StoreError) -> String {
    let certain = match error.certainly_not_written() {
        true => "certain",
        false => "unknown",
    };
    let whole = format!("{error:?}");
    let name = whole.split([' ', '(']).next().unwrap_or_default();
    let text = error.to_string().replace('\n', " ");
    format!("{certain} {name} {text}")
}
