//! Has the released batpak write small directories, and lists what it reads in them.
//!
//! `version1-fixtures DIRECTORY` makes `DIRECTORY/NAME/` and `DIRECTORY/NAME.ndjson` for each
//! fixture. Ids and times are new each time.

mod fixtures;
mod listing;

use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};

fn main() -> Result<()> {
    let Some(target) = std::env::args_os().nth(1).map(PathBuf::from) else {
        bail!("say where the fixtures go: version1-fixtures DIRECTORY");
    };
    for fixture in fixtures::ALL {
        let directory = target.join(fixture.name);
        if directory.exists() {
            fs::remove_dir_all(&directory)?;
        }
        fs::create_dir_all(&directory)?;
        let lines = (fixture.make)(&directory).with_context(|| fixture.name.to_owned())?;
        fs::write(target.join(fixture.name).with_extension("ndjson"), &lines)?;
        let events = lines.lines().count();
        println!(
            "{}: {events} events, {} bytes",
            fixture.name,
            size_of(&directory)?
        );
    }
    Ok(())
}

fn size_of(directory: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(directory)? {
        bytes += entry?.metadata()?.len();
    }
    Ok(bytes)
}
