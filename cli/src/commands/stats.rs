//! `batpak stats`: how much a store holds.

use super::rows::kind_text;
use crate::clock_text;
use crate::entries::walk;
use crate::failure::Failure;
use crate::output::{Output, bytes_text, clean};
use crate::place::open_for_reading;
use batpak::prelude::*;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// How many entities are named.
const BUSIEST: usize = 5;

/// What --json shows.
#[derive(Debug, Serialize)]
struct Stats {
    event_count: u64,
    /// The sequence that the next event gets, or a higher one.
    global_sequence: u64,
    segments: u64,
    bytes_on_disk: u64,
    entities: u64,
    /// How many events each scope has.
    scopes: BTreeMap<String, u64>,
    /// How many events each kind has.
    kinds: BTreeMap<String, u64>,
    /// What the kinds are called, for a person.
    #[serde(skip)]
    kind_names: BTreeMap<String, String>,
    busiest_entities: Vec<Busy>,
    first_time: Option<String>,
    last_time: Option<String>,
    /// Not closed in good order, or open for writing right now.
    unclean: bool,
}

#[derive(Debug, Serialize)]
struct Busy {
    entity: String,
    events: u64,
}

/// What is counted on a walk through the events.
#[derive(Default)]
struct Counts {
    events: u64,
    entities: HashMap<String, u64>,
    scopes: BTreeMap<String, u64>,
    kinds: BTreeMap<String, u64>,
    kind_names: BTreeMap<String, String>,
    first_ms: Option<u64>,
    last_ms: Option<u64>,
}

impl Counts {
    fn add(&mut self, entry: &IndexEntry) {
        self.events += 1;
        count(&mut self.scopes, entry.coord.scope());
        let kind = entry.kind.to_string();
        count(&mut self.kinds, &kind);
        self.kind_names
            .entry(kind)
            .or_insert_with(|| kind_text(entry.coord.scope(), entry.kind));
        let entity = entry.coord.entity();
        match self.entities.get_mut(entity) {
            Some(events) => *events += 1,
            None => {
                self.entities.insert(entity.to_owned(), 1);
            }
        }
        self.first_ms.get_or_insert(entry.wall_ms);
        self.last_ms = Some(entry.wall_ms);
    }

    fn busiest(&self) -> Vec<Busy> {
        let mut all: Vec<_> = self.entities.iter().collect();
        // By name where the counts are equal, so that the answer is always the same.
        all.sort_by(|one, other| other.1.cmp(one.1).then(one.0.cmp(other.0)));
        all.into_iter()
            .take(BUSIEST)
            .map(|(entity, events)| Busy {
                entity: entity.clone(),
                events: *events,
            })
            .collect()
    }
}

fn count(counts: &mut BTreeMap<String, u64>, name: &str) {
    match counts.get_mut(name) {
        Some(count) => *count += 1,
        None => {
            counts.insert(name.to_owned(), 1);
        }
    }
}

pub(crate) fn run(path: &Path, output: &mut Output) -> Result<(), Failure> {
    let store = open_for_reading(path)?;
    let mut counts = Counts::default();
    walk(&store, |entry| {
        counts.add(entry);
        Ok(())
    })?;
    let stats = Stats {
        event_count: counts.events,
        global_sequence: store.stats().global_sequence,
        segments: store.stats().segments as u64,
        bytes_on_disk: bytes_below(path)?,
        entities: counts.entities.len() as u64,
        busiest_entities: counts.busiest(),
        scopes: counts.scopes,
        kinds: counts.kinds,
        kind_names: counts.kind_names,
        first_time: counts.first_ms.map(clock_text::from_milliseconds),
        last_time: counts.last_ms.map(clock_text::from_milliseconds),
        unclean: store.diagnostics().recovery.unclean,
    };
    match output.is_json() {
        true => output.json(&stats),
        false => tell(&stats, output),
    }
}

/// Adds up the files below a directory. What a writer removes meanwhile counts nothing.
fn bytes_below(path: &Path) -> Result<u64, Failure> {
    let entries = path.read_dir();
    let entries = entries.map_err(|error| Failure::io("listing the store", &error))?;
    let mut bytes = 0;
    for entry in entries.flatten() {
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes += bytes_below(&entry.path())?,
            Ok(metadata) => bytes += metadata.len(),
            Err(_) => {}
        }
    }
    Ok(bytes)
}

fn tell(stats: &Stats, output: &mut Output) -> Result<(), Failure> {
    let mut field =
        |name: &str, value: String| output.line(format_args!("{name:<10}  {}", clean(&value)));
    let none = || "none".to_owned();
    field("events", stats.event_count.to_string())?;
    field("entities", stats.entities.to_string())?;
    field("segments", stats.segments.to_string())?;
    field("on disk", bytes_text(stats.bytes_on_disk))?;
    field("first", stats.first_time.clone().unwrap_or_else(none))?;
    field("last", stats.last_time.clone().unwrap_or_else(none))?;
    let state = match stats.unclean {
        false => "closed in good order",
        true => "being written now, or not closed in good order (see `batpak check`)",
    };
    field("state", state.to_owned())?;
    let scopes = stats.scopes.iter();
    rows(
        "scopes",
        scopes.map(|(name, count)| (name.as_str(), *count)),
        output,
    )?;
    let kinds = stats.kinds.iter().map(|(kind, count)| {
        let name = stats.kind_names.get(kind).unwrap_or(kind);
        (name.as_str(), *count)
    });
    rows("kinds", kinds, output)?;
    let busiest = stats.busiest_entities.iter();
    let busiest = busiest.map(|busy| (busy.entity.as_str(), busy.events));
    rows("busiest entities", busiest, output)
}

fn rows<'a>(
    heading: &str,
    rows: impl Iterator<Item = (&'a str, u64)>,
    output: &mut Output,
) -> Result<(), Failure> {
    output.line(format_args!("\n{heading}"))?;
    for (name, count) in rows {
        output.line(format_args!("{count:>10}  {}", clean(name)))?;
    }
    Ok(())
}
