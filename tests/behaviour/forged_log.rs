//! Logs that are written by hand: every checksum in them is right, whatever their events say.

use crate::harness::*;
use batpak::event::hash::{CanonicalHeader, event_hash, payload_hash};
use batpak_log::log_position::LogPosition;
use batpak_log::position::Hlc;
use batpak_log::segment::{
    EventRecord, GroupBuilder, Removals, SegmentHeader, SegmentName, Tie, encode_footer,
};
use std::path::Path;

const BEGUN: Hlc = Hlc {
    wall_us: 1_700_000_000_000_000,
    counter: 0,
};

/// An event of a log that is written by hand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Forged {
    pub(crate) event_id: u128,
    pub(crate) entity: &'static str,
    pub(crate) clock: u32,
    /// Its time, in microseconds after the log's first.
    pub(crate) after_us: u64,
    /// Its payload: a small number, as MessagePack says it.
    pub(crate) payload: [u8; 1],
    pub(crate) event_hash: [u8; 32],
}

impl Forged {
    fn hlc(&self) -> Hlc {
        Hlc {
            wall_us: BEGUN.wall_us + self.after_us,
            ..BEGUN
        }
    }

    /// Gives it the hash that it ought to have behind another one.
    pub(crate) fn chained(mut self, prev_hash: &[u8; 32]) -> Self {
        let canonical = CanonicalHeader {
            event_id: self.event_id,
            correlation_id: self.event_id,
            causation_id: None,
            entity: self.entity,
            scope: "scope",
            kind: KIND,
            flags: 0,
            hlc: self.hlc(),
            clock: self.clock,
            depth: 0,
            lane: 0,
        };
        self.event_hash = event_hash(&canonical, &payload_hash(&self.payload), prev_hash);
        self
    }

    fn record(&self, name: u32) -> EventRecord<'_> {
        EventRecord {
            event_id: self.event_id,
            name,
            clock: self.clock,
            kind: KIND,
            flags: 0,
            hlc: self.hlc(),
            event_hash: self.event_hash,
            correlation_id: self.event_id,
            causation_id: None,
            keyed: true,
            depth: 0,
            lane: 0,
            tie: Tie::Hashed,
            payload: &self.payload,
            removed: None,
        }
    }
}

/// Writes the log of a store that was closed, with these events in this order.
pub(crate) fn write_log(directory: &Path, events: &[Forged]) {
    write_log_that_ends_as(directory, events, events);
}

/// As [`write_log`], with the hash of all events as if the log held others.
pub(crate) fn write_log_that_ends_as(directory: &Path, events: &[Forged], others: &[Forged]) {
    let header = SegmentHeader {
        store_id: *b"store of a test!",
        segment: SegmentName::first_generation(1),
        last_id: 1,
        first_sequence: 0,
        boot_id: [0; 16],
        hlc: BEGUN,
        events_before: 0,
        predecessor: None,
        replaced: Vec::new(),
        removals: Removals::default(),
        required_features: 0,
        optional_features: 0,
    };
    let mut bytes = header.encode();
    let start = bytes.len() as u64;
    let mut end = LogPosition::at_start_of(&header);
    let mut group = GroupBuilder::start(header.binding(), BEGUN.wall_us, start, Vec::new());
    let mut names: Vec<&str> = Vec::new();
    for (sequence, event) in (0..).zip(events) {
        let name = names.iter().position(|name| *name == event.entity);
        let name = name.unwrap_or_else(|| {
            group.push_name(&at(event.entity));
            names.push(event.entity);
            names.len() - 1
        });
        group.push_event(&event.record(name as u32));
        end.count(sequence, event.hlc(), &event.event_hash);
    }
    bytes.extend(group.finish(0, start));
    end.offset = bytes.len() as u64;
    let mut others_end = LogPosition::at_start_of(&header);
    for (sequence, event) in (0..).zip(others) {
        others_end.count(sequence, event.hlc(), &event.event_hash);
    }
    end.log_hash = others_end.log_hash;
    bytes.extend(encode_footer(&header.binding(), &end.as_trailer(true)));
    std::fs::write(directory.join(header.segment.file_name()), bytes).unwrap();
}
