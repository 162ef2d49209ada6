//! `batpak import ndjson`: one event from each line.

use super::summary::Summary;
use crate::batching::Batching;
use crate::event_line::EventLine;
use crate::failure::Failure;
use crate::output::{Output, counted};
use crate::place::{BATCH_BYTES_MAX, open_for_writing};
use crate::progress;
use crate::recorder::{Recorder, Tally};
use batpak::prelude::*;
use indicatif::ProgressBar;
use serde_json::json;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::time::Instant;

/// The longest line: a payload of the greatest size, as hexadecimal digits, and its header. A
/// longer line is refused before it fills the memory.
const LINE_BYTES_MAX: u64 = 64 * 1024 * 1024;

pub(crate) fn run(
    file: &Path,
    path: &Path,
    batch: u32,
    output: &mut Output,
) -> Result<(), Failure> {
    let begun = Instant::now();
    let from = open(file)?;
    let store = open_for_writing(path)?;
    let mut import = Import {
        recorder: Recorder::new(&store),
        batching: Batching::new(batch as usize),
        read: 0,
        handed_over: 0,
    };
    let bar = progress::start("importing lines", None);
    let taken = import.take_all(from, &bar);
    let settled = import.recorder.settle();
    bar.finish_and_clear();
    let (lines, kept, tally) = (import.read, import.handed_over, import.recorder.tally());
    store.close()?;
    settled?;
    if let Err(wrong) = taken {
        return Err(wrong.into_failure(kept));
    }
    tell(lines, tally, begun, output)
}

fn open(file: &Path) -> Result<Box<dyn BufRead>, Failure> {
    if file == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    let opened = File::open(file);
    let opened = opened.map_err(|e| Failure::io(format_args!("opening {}", file.display()), &e))?;
    Ok(Box::new(BufReader::with_capacity(256 * 1024, opened)))
}

fn tell(lines: u64, tally: Tally, begun: Instant, output: &mut Output) -> Result<(), Failure> {
    let took = begun.elapsed();
    let details = json!({"lines": lines});
    Summary { tally, took }.tell(&counted(lines, "line"), &details, output)
}

/// Why an import ends before the last line.
enum Wrong {
    /// A line is not what it should be.
    Line { number: u64, detail: String },
    /// It is no fault of a line.
    Other(Failure),
}

impl From<Failure> for Wrong {
    fn from(failure: Failure) -> Self {
        Self::Other(failure)
    }
}

impl Wrong {
    fn into_failure(self, kept: u64) -> Failure {
        let kept = match kept {
            0 => "nothing is stored".to_owned(),
            1 => "line 1 is stored, nothing after it".to_owned(),
            kept => format!("lines 1 to {kept} are stored, nothing after them"),
        };
        match self {
            Self::Line { number, detail } => Failure::Bad(format!(
                "line {number} cannot be imported: {detail}; {kept}"
            )),
            Self::Other(failure) => failure,
        }
    }
}

/// An import on its way.
struct Import<'s> {
    recorder: Recorder<'s>,
    batching: Batching,
    /// How many lines were read.
    read: u64,
    /// The last line whose batch was handed over.
    handed_over: u64,
}

impl Import<'_> {
    fn take_all(&mut self, mut from: Box<dyn BufRead>, bar: &ProgressBar) -> Result<(), Wrong> {
        let mut line = Vec::new();
        loop {
            line.clear();
            let length = (&mut from)
                .take(LINE_BYTES_MAX)
                .read_until(b'\n', &mut line)
                .map_err(|error| Failure::io("reading the lines", &error))?;
            if length == 0 {
                break;
            }
            self.read += 1;
            bar.inc(1);
            self.take(&line)?;
        }
        let rest = self.batching.take();
        self.recorder.record(rest)?;
        self.handed_over = self.read;
        Ok(())
    }

    fn take(&mut self, line: &[u8]) -> Result<(), Wrong> {
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        let item = read(line).map_err(|detail| Wrong::Line {
            number: self.read,
            detail,
        })?;
        let Some(item) = item else {
            return Ok(());
        };
        if let Some(batch) = self.batching.push(item) {
            self.recorder.record(batch)?;
            // A line that begins the next batch is not handed over with this one.
            self.handed_over = match self.batching.is_empty() {
                true => self.read,
                false => self.read - 1,
            };
        }
        Ok(())
    }
}

fn read(line: &[u8]) -> Result<Option<BatchAppendItem>, String> {
    if line.len() as u64 >= LINE_BYTES_MAX {
        return Err(format!("it is longer than {LINE_BYTES_MAX} bytes"));
    }
    let item = EventLine::read(line)?;
    let length = item.as_ref().map_or(0, |item| item.payload_bytes.len());
    match length > BATCH_BYTES_MAX as usize {
        true => Err(format!(
            "its payload has {length} bytes, {BATCH_BYTES_MAX} is the most"
        )),
        false => Ok(item),
    }
}
