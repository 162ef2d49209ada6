//! `batpak export ndjson`: every event as a JSON object on a line of its own.

use crate::entries::walk;
use crate::event_line::{EventLine, read_line};
use crate::failure::Failure;
use crate::output::{Output, counted};
use crate::place::open_for_reading;
use crate::progress;
use batpak::prelude::*;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use tempfile::NamedTempFile;

pub(crate) fn run(
    path: &Path,
    file: &Path,
    content_only: bool,
    output: &mut Output,
) -> Result<(), Failure> {
    let export = Export {
        store: open_for_reading(path)?,
        content_only,
    };
    if file == Path::new("-") {
        return export.each(|line| output.json(line));
    }
    let events = export.to_file(file)?;
    let (events, file) = (counted(events, "event"), file.display());
    eprintln!("{events} written to {file}");
    Ok(())
}

struct Export {
    store: Store<ReadOnly>,
    content_only: bool,
}

impl Export {
    fn each(
        &self,
        mut write: impl FnMut(&EventLine) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        walk(&self.store, |entry| {
            let line = read_line(&self.store, entry)?;
            match self.content_only {
                true => write(&line.content_only()),
                false => write(&line),
            }
        })
    }

    /// Writes beside the file and renames at the end, so that there is never half an export under
    /// its name. What is there and no file, as a pipe, is written to as it is.
    fn to_file(&self, file: &Path) -> Result<u64, Failure> {
        let failed =
            |error: &io::Error| Failure::io(format_args!("writing {}", file.display()), error);
        if file.metadata().is_ok_and(|found| !found.is_file()) {
            let opened = File::options().write(true).open(file);
            return self
                .write_all(opened.map_err(|error| failed(&error))?, &failed)
                .map(|(events, _)| events);
        }
        let temporary = beside(file).map_err(|error| failed(&error))?;
        let (events, temporary) = self.write_all(temporary, &failed)?;
        let renamed = temporary.persist(file);
        renamed.map_err(|error| failed(&error.error))?;
        Ok(events)
    }

    fn write_all<W: Write>(
        &self,
        to: W,
        failed: &dyn Fn(&io::Error) -> Failure,
    ) -> Result<(u64, W), Failure> {
        let mut to = BufWriter::new(to);
        let total = self.store.stats().event_count as u64;
        let bar = progress::start("exporting", Some(total));
        self.each(|line| {
            let written = serde_json::to_writer(&mut to, line).map_err(io::Error::from);
            bar.inc(1);
            written
                .and_then(|()| to.write_all(b"\n"))
                .map_err(|error| failed(&error))
        })?;
        bar.finish_and_clear();
        let to = to.into_inner().map_err(|error| failed(error.error()))?;
        Ok((bar.position(), to))
    }
}

/// Makes a file in the same directory, which everybody may read whom the system's default allows.
fn beside(file: &Path) -> io::Result<NamedTempFile> {
    let directory = match file.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.prefix(".batpak-export-").tempfile_in(directory)
}
