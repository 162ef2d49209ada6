//! `batpak show`: one event, what caused it, and its payload.

use super::rows::kind_text;
use crate::clock_text;
use crate::event_line::{EventLine, id_text, read_id, read_line};
use crate::failure::Failure;
use crate::hex;
use crate::output::{Output, bytes_text, clean};
use crate::place::open_for_reading;
use batpak::prelude::*;
use serde::Serialize;
use std::path::Path;

/// What --json shows: the event's line, more of its header, and its causes, nearest first.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    line: &'a EventLine,
    payload_bytes: u32,
    content_hash: String,
    event_hash: String,
    previous_hash: String,
    causes: &'a [EventLine],
}

/// An event as the index and the log know it.
struct Known {
    entry: IndexEntry,
    stored: StoredEvent<Vec<u8>>,
}

pub(crate) fn run(
    path: &Path,
    event: &str,
    causes: usize,
    output: &mut Output,
) -> Result<(), Failure> {
    let store = open_for_reading(path)?;
    let id = read_id(event.strip_prefix("event:").unwrap_or(event)).ok_or_else(|| {
        let text = format!("{event} is no event id, which has 32 hexadecimal digits");
        Failure::NotThere(text)
    })?;
    let known = find(&store, id)?;
    let (causes, more) = causes_of(&store, &known.entry, causes)?;
    match output.is_json() {
        true => as_json(&store, &known, &causes, output),
        false => {
            header(&known, output)?;
            cause_rows(&known.entry, &causes, more, output)?;
            let line = EventLine::of(&known.entry, &known.stored);
            let size = bytes_text(u64::from(known.stored.event.header.payload_size));
            output.line(format_args!("\npayload ({size})"))?;
            // Line breaks are the indentation's own: those of the payload are escaped in JSON.
            let payload = line.payload_indented();
            payload
                .lines()
                .try_for_each(|line| output.line(format_args!("{}", clean(line))))
        }
    }
}

fn find(store: &Store<ReadOnly>, id: u128) -> Result<Known, Failure> {
    let stored = store.get_raw(id)?;
    let clock = stored.event.header.position.sequence;
    let region = Region::entity_exact(stored.coordinate.entity()).with_clock_range((clock, clock));
    let entry = store
        .query(&region)
        .into_iter()
        .find(|entry| entry.event_id == id);
    match entry {
        Some(entry) => Ok(Known { entry, stored }),
        None => Err(Failure::NotThere(format!(
            "event {} not found",
            id_text(id)
        ))),
    }
}

/// Follows causes back, nearest first, at most `limit` of them; tells whether there are more.
fn causes_of(
    store: &Store<ReadOnly>,
    entry: &IndexEntry,
    limit: usize,
) -> Result<(Vec<IndexEntry>, bool), Failure> {
    let mut causes: Vec<IndexEntry> = Vec::new();
    loop {
        let newest = causes.last().unwrap_or(entry);
        let Some(id) = newest.causation_id else {
            return Ok((causes, false));
        };
        if causes.len() >= limit {
            return Ok((causes, true));
        }
        match find(store, id) {
            Ok(known) => causes.push(known.entry),
            // A cause may be named that was never stored here, as a shallow clone's parent.
            Err(Failure::NotThere(_)) => return Ok((causes, true)),
            Err(failure) => return Err(failure),
        }
    }
}

fn as_json(
    store: &Store<ReadOnly>,
    known: &Known,
    causes: &[IndexEntry],
    output: &mut Output,
) -> Result<(), Failure> {
    let lines: Result<Vec<EventLine>, Failure> =
        causes.iter().map(|cause| read_line(store, cause)).collect();
    let chain = known.entry.hash_chain;
    output.json(&Shown {
        line: &EventLine::of(&known.entry, &known.stored),
        payload_bytes: known.stored.event.header.payload_size,
        content_hash: hex::encode(&known.stored.event.header.content_hash),
        event_hash: hex::encode(&chain.event_hash),
        previous_hash: hex::encode(&chain.prev_hash),
        causes: &lines?,
    })
}

fn header(known: &Known, output: &mut Output) -> Result<(), Failure> {
    let entry = &known.entry;
    let header = &known.stored.event.header;
    let time = clock_text::from_microseconds(header.timestamp_us);
    let mut field =
        |name: &str, value: String| output.line(format_args!("{name:<12}  {}", clean(&value)));
    field("event", id_text(entry.event_id))?;
    field("entity", entry.coord.entity().to_owned())?;
    field("scope", entry.coord.scope().to_owned())?;
    field("kind", kind_text(entry.coord.scope(), entry.kind))?;
    field("time", time.unwrap_or_else(|| "beyond time".into()))?;
    field("sequence", entry.global_sequence.to_string())?;
    field("clock", entry.clock.to_string())?;
    field("correlation", id_text(entry.correlation_id))?;
    field("flags", format!("0x{:02X}", header.flags))?;
    field("content hash", hex::encode(&header.content_hash))?;
    field("event hash", hex::encode(&entry.hash_chain.event_hash))?;
    field("previous", hex::encode(&entry.hash_chain.prev_hash))
}

fn cause_rows(
    entry: &IndexEntry,
    causes: &[IndexEntry],
    more: bool,
    output: &mut Output,
) -> Result<(), Failure> {
    let first = match entry.causation_id {
        None => "\ncauses: none, this event is a root cause",
        Some(_) => "\ncauses, nearest first",
    };
    output.line(format_args!("{first}"))?;
    for cause in causes {
        let kind = kind_text(cause.coord.scope(), cause.kind);
        let (id, entity) = (id_text(cause.event_id), clean(cause.coord.entity()));
        output.line(format_args!("  {id}  {kind:<15}  {entity}"))?;
    }
    let Some(next) = causes.last().unwrap_or(entry).causation_id.filter(|_| more) else {
        return Ok(());
    };
    output.line(format_args!("  {}  and further back", id_text(next)))
}
