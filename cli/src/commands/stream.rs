//! `batpak stream`: the history of one entity.

use super::rows;
use crate::event_line::read_line;
use crate::failure::Failure;
use crate::output::{Output, clean, counted};
use crate::place::open_for_reading;
use std::path::Path;

pub(crate) fn run(path: &Path, entity: &str, output: &mut Output) -> Result<(), Failure> {
    let store = open_for_reading(path)?;
    let entries = store.stream(entity);
    if entries.is_empty() {
        return Err(Failure::NotThere(format!(
            "{} has no event of the entity {entity}: `batpak stats` and `batpak tail` show names",
            path.display()
        )));
    }
    if output.is_json() {
        for entry in &entries {
            output.json(&read_line(&store, entry)?)?;
        }
        return Ok(());
    }
    let count = counted(entries.len() as u64, "event");
    output.line(format_args!("{}: {count}", clean(entity)))?;
    rows::stream_heading(output)?;
    for entry in &entries {
        rows::stream_row(&store, entry, output)?;
    }
    Ok(())
}
