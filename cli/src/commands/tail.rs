//! `batpak tail`: the newest events, and those to come.

use super::rows;
use crate::event_line::read_line;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::output::Output;
use crate::place::open_for_reading;
use batpak::prelude::*;
use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;

/// How long to wait before looking for events of another process again.
const PAUSE: Duration = Duration::from_millis(200);
/// How many events are taken from the index at once.
const STEP: usize = 1024;

pub(crate) fn run(
    path: &Path,
    follow: bool,
    lines: usize,
    output: &mut Output,
) -> Result<(), Failure> {
    let store = open_for_reading(path)?;
    let mut cursor = store.cursor_guaranteed(&Region::all());
    let end = store.stats().global_sequence;
    let newest = skip_to_newest(&mut cursor, end, lines)?;
    if !output.is_json() {
        rows::store_heading(output)?;
    }
    for entry in &newest {
        print(&store, entry, output)?;
    }
    output.flush()?;
    match follow {
        true => follow_on(&store, &mut cursor, output),
        false => Ok(()),
    }
}

/// Moves the cursor to the end of what is there; returns the last of it, and whatever a writer has
/// added while it was looked for.
fn skip_to_newest(
    cursor: &mut Cursor,
    end: u64,
    lines: usize,
) -> Result<VecDeque<IndexEntry>, Failure> {
    let mut newest = VecDeque::new();
    loop {
        let entries = cursor.try_poll_batch(STEP)?;
        let past_end = entries
            .last()
            .is_none_or(|last| last.global_sequence + 1 >= end);
        for entry in entries {
            if entry.global_sequence < end && newest.len() >= lines {
                newest.pop_front();
            }
            if entry.global_sequence >= end || lines > 0 {
                newest.push_back(entry);
            }
        }
        if past_end {
            return Ok(newest);
        }
    }
}

/// Shows events as they come, until Ctrl-C or until nobody reads them.
fn follow_on(
    store: &Store<ReadOnly>,
    cursor: &mut Cursor,
    output: &mut Output,
) -> Result<(), Failure> {
    let interrupt = Interrupt::listen()?;
    loop {
        let entries = cursor.try_poll_batch(STEP)?;
        for entry in &entries {
            print(store, entry, output)?;
        }
        output.flush()?;
        let stop = match entries.is_empty() {
            true => interrupt.within(PAUSE),
            false => interrupt.is_asked(),
        };
        if stop {
            return Ok(());
        }
    }
}

fn print(store: &Store<ReadOnly>, entry: &IndexEntry, output: &mut Output) -> Result<(), Failure> {
    match output.is_json() {
        true => output.json(&read_line(store, entry)?),
        false => rows::store_row(store, entry, output),
    }
}
