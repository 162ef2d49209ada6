//! Events as rows for a person: columns of fixed widths, so that rows can be written as they come.

use crate::clock_text;
use crate::event_line::{id_text, read_line};
use crate::failure::Failure;
use crate::git::kinds;
use crate::output::{Output, clean, clean_to};
use batpak::prelude::*;

/// How much of a payload a row shows; `show` and --json show all of it.
const PAYLOAD_LETTERS: usize = 80;
/// Most entity names are shorter; a longer one shifts its row.
const ENTITY_LETTERS: usize = 32;

/// Returns a kind with its name, if it has one.
pub(crate) fn kind_text(scope: &str, kind: EventKind) -> String {
    match kinds::name(scope, kind) {
        Some(name) => format!("{kind} {name}"),
        None => kind.to_string(),
    }
}

/// Writes the heading of the rows of one entity.
pub(crate) fn stream_heading(output: &mut Output) -> Result<(), Failure> {
    let (time, kind, id) = ("TIME", "KIND", "EVENT");
    output.line(format_args!(
        "{:>6}  {time:<24}  {kind:<15}  {id:<32}  PAYLOAD",
        "CLOCK"
    ))
}

/// Writes an event as a row of its entity's history.
pub(crate) fn stream_row(
    store: &Store<ReadOnly>,
    entry: &IndexEntry,
    output: &mut Output,
) -> Result<(), Failure> {
    let payload = read_line(store, entry)?.payload_text();
    output.line(format_args!(
        "{:>6}  {:<24}  {:<15}  {}  {}",
        entry.clock,
        clock_text::from_milliseconds(entry.wall_ms),
        kind_text(entry.coord.scope(), entry.kind),
        id_text(entry.event_id),
        clean_to(&payload, PAYLOAD_LETTERS),
    ))
}

/// Writes the heading of the rows of a whole store.
pub(crate) fn store_heading(output: &mut Output) -> Result<(), Failure> {
    let (time, kind, id) = ("TIME", "KIND", "EVENT");
    output.line(format_args!(
        "{:>8}  {time:<24}  {kind:<15}  {id:<32}  {:<ENTITY_LETTERS$}  PAYLOAD",
        "SEQUENCE", "ENTITY",
    ))
}

/// Writes an event as a row of the whole store's history.
pub(crate) fn store_row(
    store: &Store<ReadOnly>,
    entry: &IndexEntry,
    output: &mut Output,
) -> Result<(), Failure> {
    let payload = read_line(store, entry)?.payload_text();
    output.line(format_args!(
        "{:>8}  {:<24}  {:<15}  {}  {:<ENTITY_LETTERS$}  {}",
        entry.global_sequence,
        clock_text::from_milliseconds(entry.wall_ms),
        kind_text(entry.coord.scope(), entry.kind),
        id_text(entry.event_id),
        clean(entry.coord.entity()),
        clean_to(&payload, PAYLOAD_LETTERS),
    ))
}
