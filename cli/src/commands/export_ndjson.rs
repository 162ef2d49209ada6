//! `batpak export ndjson`: every event as a JSON object on a line of its own.

use crate::entries::walk;
use crate::event_line::read_line;
use crate::failure::Failure;
use crate::output::{Output, counted};
use crate::place::open_for_reading;
use crate::progress;
use batpak::prelude::*;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use tempfile::NamedTempFile;

pub(crate) fn run(path: &Path, file: &Path, output: &mut Output) -> Result<(), Failure> {
    let store = open_for_reading(path)?;
    if file == Path::new("-") {
        return walk(&store, |entry| output.json(&read_line(&store, entry)?));
    }
    let events = to_file(&store, file)?;
    let (events, file) = (counted(events, "event"), file.display());
    eprintln!("{events} written to {file}");
    Ok(())
}

/// Writes beside the file and renames at the end, so that there is never half an export under its
/// name.
fn to_file(store: &Store<ReadOnly>, file: &Path) -> Result<u64, Failure> {
    let failed = |error: &io::Error| Failure::io(format_args!("writing {}", file.display()), error);
    let directory = match file.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let temporary = NamedTempFile::new_in(directory).map_err(|error| failed(&error))?;
    let mut to = BufWriter::new(temporary);
    let bar = progress::start("exporting", Some(store.stats().event_count as u64));
    walk(store, |entry| {
        let line = read_line(store, entry)?;
        let written = serde_json::to_writer(&mut to, &line).map_err(io::Error::from);
        written
            .and_then(|()| to.write_all(b"\n"))
            .map_err(|error| failed(&error))?;
        bar.inc(1);
        Ok(())
    })?;
    bar.finish_and_clear();
    let temporary = to.into_inner().map_err(|error| failed(error.error()))?;
    temporary
        .persist(file)
        .map_err(|error| failed(&error.error))?;
    Ok(bar.position())
}
