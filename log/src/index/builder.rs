//! Makes a run out of groups.

use super::RunName;
use super::hash::{cause_hash, id_hash};
use super::header::Facts;
use super::run::Gap;
use super::writer::RunWriter;
use crate::coordinate::Coordinate;
use crate::layout::run::{EVENTS_MAX, NUMBER_BITS, PAGE_LEN, table};
use crate::log_position::LogPosition;
use crate::segment::{Group, GroupEvent, SegmentHeader};
use std::collections::HashMap;

/// About what an event takes in a run, in bytes; only a guess at how much memory is needed.
const EVENT_LEN_GUESS: usize = 20;

/// Gathers the events of groups that follow each other.
///
/// 1. [`new`](Self::new) where the range starts;
/// 2. [`add`](Self::add) whole groups in order, while [there is room](Self::has_room_for);
/// 3. [`finish`](Self::finish) gives the file's name and bytes, which the caller writes under
///    [`RUN_TEMPORARY_NAME`](crate::layout::RUN_TEMPORARY_NAME) and renames.
#[derive(Debug)]
pub struct RunBuilder {
    facts: Facts,
    /// Where the next group starts: behind the run, when groups without events stand there.
    read_to: u64,
    /// Where the names stand that those groups define.
    names_ahead: Vec<u64>,
    /// Which of the coordinates each of the segment's names is.
    names: HashMap<u32, u32>,
    coordinates: Vec<Coordinate>,
    offsets: Vec<u32>,
    name_offsets: Vec<u32>,
    /// Hash of the id, number.
    ids: Vec<u64>,
    /// Which of the coordinates each event has.
    event_coordinates: Vec<u32>,
    kinds: Vec<u16>,
    /// Hash of the cause, number.
    causes: Vec<u64>,
    gaps: Vec<Gap>,
}

impl RunBuilder {
    /// Starts a range at `start`, a position in the segment between two groups, before which the
    /// segment defines `first_name` names.
    pub fn new(header: &SegmentHeader, start: LogPosition, first_name: u32) -> Self {
        let facts = Facts {
            store_id: header.store_id,
            first_event: start.event_count.saturating_sub(header.events_before),
            event_count: 0,
            start_offset: start.offset,
            last_group_offset: start.offset,
            first_name,
            name_count: 0,
            smallest_id: u128::MAX,
            greatest_id: 0,
            first_sequence: start.next_sequence,
            hidden: 0,
            end: start,
        };
        Self {
            facts,
            read_to: start.offset,
            names_ahead: Vec::new(),
            names: HashMap::new(),
            coordinates: Vec::new(),
            offsets: Vec::new(),
            name_offsets: Vec::new(),
            ids: Vec::new(),
            event_coordinates: Vec::new(),
            kinds: Vec::new(),
            causes: Vec::new(),
            gaps: Vec::new(),
        }
    }

    /// Returns whether another group fits into this run.
    pub fn has_room_for(&self, group: &Group<'_>) -> bool {
        let events = self.offsets.len() + group.events.len();
        let length = group.end.saturating_sub(self.facts.start_offset);
        events <= EVENTS_MAX as usize && length <= u64::from(u32::MAX)
    }

    /// Returns how many events were added.
    pub fn event_count(&self) -> u32 {
        self.facts.event_count
    }

    /// Returns where the log stands behind the groups that were added.
    pub fn end(&self) -> &LogPosition {
        &self.facts.end
    }

    /// Adds the group that stands where the last one ends.
    ///
    /// # Panics
    /// When the group stands elsewhere, or there is no room for it: the run would send readers to
    /// the wrong bytes.
    pub fn add(&mut self, group: &Group<'_>) {
        assert_eq!(group.offset, self.read_to, "groups are added in order");
        assert!(
            self.has_room_for(group),
            "a run has at most 2^24 events in 4 GiB"
        );
        self.names_ahead.extend(&group.names);
        self.read_to = group.end;
        if group.events.is_empty() {
            // At the end of a run it would be hidden from those who read on behind it.
            return;
        }
        for offset in std::mem::take(&mut self.names_ahead) {
            let relative = self.relative(offset);
            self.name_offsets.push(relative);
            self.facts.name_count += 1;
        }
        let mut expected = self.facts.end.next_sequence;
        for event in &group.events {
            self.add_event(event, expected);
            expected = event.sequence.saturating_add(1);
        }
        self.facts.last_group_offset = group.offset;
        self.facts.end.advance(group);
    }

    fn add_event(&mut self, event: &GroupEvent<'_>, expected_sequence: u64) {
        let number = self.facts.event_count;
        let record = &event.record;
        if number == 0 {
            self.facts.first_sequence = event.sequence;
        } else if event.sequence != expected_sequence {
            self.gaps.push(Gap {
                number,
                sequence: event.sequence,
            });
        }
        self.facts.event_count += 1;
        self.facts.smallest_id = self.facts.smallest_id.min(record.event_id);
        self.facts.greatest_id = self.facts.greatest_id.max(record.event_id);
        self.offsets.push(self.relative(event.offset));
        self.ids.push(pair(id_hash(record.event_id), number));
        self.facts.hidden += u32::from(record.is_hidden());
        self.kinds.push(record.shown_kind().as_u16());
        if let Some(cause) = record.causation_id {
            self.causes.push(pair(cause_hash(cause).into(), number));
        }
        let coordinate = *self.names.entry(record.name).or_insert_with(|| {
            self.coordinates.push(event.coordinate.clone());
            u32::try_from(self.coordinates.len() - 1).expect("a run has at most 2^24 events")
        });
        self.event_coordinates.push(coordinate);
    }

    /// Completes the run and returns its name and its bytes. Without events the run covers nothing
    /// and nobody opens it: a caller asks [`event_count`](Self::event_count) first.
    pub fn finish(mut self) -> (RunName, Vec<u8>) {
        let name = self.facts.name();
        let pages = self.offsets.len() * EVENT_LEN_GUESS / PAGE_LEN + 12;
        let mut writer = RunWriter::new(&self.facts, pages);
        self.ids.sort_unstable();
        writer.begin(table::IDS);
        for entry in std::mem::take(&mut self.ids) {
            writer.put_id(entry);
        }
        writer.end(self.facts.event_count);
        for (kind, offsets) in [
            (table::OFFSETS, std::mem::take(&mut self.offsets)),
            (table::NAMES, std::mem::take(&mut self.name_offsets)),
        ] {
            writer.begin(kind);
            for offset in &offsets {
                writer.put_offset(*offset);
            }
            writer.end(u32::try_from(offsets.len()).expect("a run has at most 2^24 events"));
        }
        writer.write_id_filter();
        self.write_dictionaries(&mut writer);
        writer.begin(table::POSTINGS);
        writer.write_postings(0..writer.postings_len());
        writer.end_postings();
        writer.write_entity_filter();
        let bytes = writer.finish(&self.facts, self.gaps.iter().copied());
        (name, bytes)
    }

    fn write_dictionaries(&mut self, writer: &mut RunWriter) {
        self.write_names(writer, table::ENTITIES, Coordinate::entity);
        self.write_names(writer, table::SCOPES, Coordinate::scope);
        let kinds = std::mem::take(&mut self.kinds);
        let pairs = kinds
            .iter()
            .zip(0..)
            .map(|(kind, number)| pair(u64::from(*kind), number));
        write_dictionary(writer, table::KINDS, pairs.collect(), |kind, key| {
            key.extend_from_slice(kind.to_be_bytes().last_chunk::<2>().unwrap_or(&[0; 2]));
        });
        let pairs = std::mem::take(&mut self.causes);
        write_dictionary(writer, table::CAUSES, pairs, |hash, key| {
            key.extend_from_slice(hash.to_be_bytes().last_chunk::<4>().unwrap_or(&[0; 4]));
        });
    }

    /// Writes the dictionary of one part of the coordinates.
    fn write_names(&self, writer: &mut RunWriter, kind: u16, part: fn(&Coordinate) -> &str) {
        let mut sorted: Vec<_> = self.coordinates.iter().map(part).zip(0_u32..).collect();
        sorted.sort_unstable();
        let mut keys: Vec<&str> = Vec::new();
        let mut ranks = vec![0; sorted.len()];
        for (name, coordinate) in sorted {
            if keys.last() != Some(&name) {
                keys.push(name);
            }
            if let Some(rank) = ranks.get_mut(coordinate as usize) {
                *rank = keys.len() as u64 - 1;
            }
        }
        let rank = |coordinate: &u32| ranks.get(*coordinate as usize).copied().unwrap_or_default();
        let events = self.event_coordinates.iter().zip(0..);
        let pairs = events.map(|(coordinate, number)| pair(rank(coordinate), number));
        write_dictionary(writer, kind, pairs.collect(), |rank, key| {
            let rank = usize::try_from(rank).unwrap_or(usize::MAX);
            key.extend_from_slice(keys.get(rank).copied().unwrap_or_default().as_bytes());
        });
    }

    fn relative(&self, offset: u64) -> u32 {
        u32::try_from(offset - self.facts.start_offset).expect("a run covers less than 4 GiB")
    }
}

/// Puts what events are sorted by before the number of one.
fn pair(rank: u64, number: u32) -> u64 {
    rank << NUMBER_BITS | u64::from(number)
}

/// Writes the dictionary of pairs of rank and number; `put_key` turns a rank into its key.
fn write_dictionary(
    writer: &mut RunWriter,
    kind: u16,
    mut pairs: Vec<u64>,
    put_key: impl Fn(u64, &mut Vec<u8>),
) {
    pairs.sort_unstable();
    writer.begin_dictionary(kind);
    let mut key = Vec::new();
    let number = |pair: &u64| u32::try_from(pair % u64::from(EVENTS_MAX)).unwrap_or_default();
    for numbers in pairs.chunk_by(|a, b| a >> NUMBER_BITS == b >> NUMBER_BITS) {
        let Some(last) = numbers.last() else { continue };
        key.clear();
        put_key(last >> NUMBER_BITS, &mut key);
        let count = u32::try_from(numbers.len()).expect("a run has at most 2^24 events");
        if writer.put_key(&key, count, number(last)) {
            for pair in numbers {
                writer.put_number(number(pair));
            }
        }
    }
    writer.end_dictionary();
}
