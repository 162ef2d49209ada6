//! An event as its frame holds it, with its names resolved.

use crate::view::{DiskPos, IndexEntry};
use batpak_log::coordinate::{Coordinate, DagPosition};
use batpak_log::event::hash::payload_hash;
use batpak_log::event::{Event, EventHeader, EventKind, HashChain, StoredEvent};
use batpak_log::position::Hlc;
use batpak_log::segment::{EventRecord, Removed, Tie};

/// An event with its payload in the MessagePack that was stored; `P` is how the payload is held.
///
/// Everything in it comes from one frame whose checksum held: reading it costs one call to the
/// disk, or none when its part of the segment is cached. The payload's hash is computed when it is
/// asked for; the hash of the entity's event before stands in that event.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RawEvent<P = Vec<u8>> {
    /// The event's id.
    pub event_id: u128,
    /// Its correlation; its own id when it starts one.
    pub correlation_id: u128,
    /// The event that caused it.
    pub causation_id: Option<u128>,
    /// Its entity and scope.
    pub coord: Coordinate,
    /// What happened.
    pub kind: EventKind,
    /// The caller's flags.
    pub flags: u8,
    /// When it was committed.
    pub hlc: Hlc,
    /// Its place in its entity's history, from 0.
    pub clock: u32,
    /// Its depth in the causal graph.
    pub depth: u32,
    /// Its lane in the causal graph.
    pub lane: u32,
    /// Its place in the log; gaps are possible.
    pub global_sequence: u64,
    /// The hash that chains it to its entity's previous event.
    pub event_hash: [u8; 32],
    /// Where its frame stands.
    pub disk_pos: DiskPos,
    /// The payload.
    pub payload: P,
    pub(crate) segment_generation: u32,
    version1: bool,
    /// What few events have, while all are moved about.
    aside: Option<Box<Aside>>,
}

/// What few events have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Aside {
    /// The previous hash that an event of version 1 brings along.
    prev_hash: Option<[u8; 32]>,
    removed: Option<RemovedEvent>,
}

impl Aside {
    /// Returns what the record of an event has beside all others.
    fn of(record: &EventRecord<'_>) -> Option<Box<Self>> {
        let prev_hash = record.tie.stored_prev_hash().copied();
        let removed = record.removed.map(|payload| RemovedEvent {
            kind: record.kind,
            payload,
        });
        let has_any = prev_hash.is_some() || removed.is_some();
        has_any.then(|| Box::new(Self { prev_hash, removed }))
    }
}

/// What is known of an event whose payload compaction removed, beside what reads show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct RemovedEvent {
    /// What had happened.
    kind: EventKind,
    payload: Removed,
}

/// What reads give as the payload of a removed event that they show: MessagePack's nil.
const REMOVED_PAYLOAD: &[u8] = &[0xc0];

impl<P: AsRef<[u8]>> RawEvent<P> {
    /// Returns the hash of the payload, as the event's own hash covers it; also of one that
    /// compaction removed.
    pub fn payload_hash(&self) -> [u8; 32] {
        match self.removed() {
            Some(removed) => removed.payload.payload_hash,
            None => payload_hash(self.payload.as_ref()),
        }
    }
}

impl<P> RawEvent<P> {
    /// Returns whether the released batpak wrote the event: its hash then covers the payload alone,
    /// not its header and not the events before.
    pub fn is_version1(&self) -> bool {
        self.version1
    }

    /// Returns the previous hash that the event brings along, if it does not follow from the event
    /// before.
    pub(crate) fn stored_prev_hash(&self) -> Option<[u8; 32]> {
        self.aside.as_deref()?.prev_hash
    }

    fn removed(&self) -> Option<&RemovedEvent> {
        self.aside.as_deref()?.removed.as_ref()
    }

    /// Returns whether compaction removed the event's payload: reads show that it was there, as a
    /// [`EventKind::TOMBSTONE`].
    pub fn is_removed(&self) -> bool {
        self.removed().is_some()
    }

    /// Returns whether reads do not show the event.
    pub(crate) fn is_hidden(&self) -> bool {
        let removed = self.removed();
        removed.is_some_and(|removed| !removed.payload.is_shown)
    }

    /// Returns the kind that the event was written with, which its hash covers.
    pub(crate) fn kind_as_written(&self) -> EventKind {
        let removed = self.removed();
        removed.map_or(self.kind, |removed| removed.kind)
    }

    /// Puts an event together; `at` is where its frame stands.
    pub(crate) fn new<'r>(
        record: &EventRecord<'r>,
        coord: Coordinate,
        at: Placed,
        hold: impl FnOnce(&'r [u8]) -> P,
    ) -> Self {
        Self {
            event_id: record.event_id,
            correlation_id: record.correlation_id,
            causation_id: record.causation_id,
            coord,
            kind: record.shown_kind(),
            flags: record.flags,
            hlc: record.hlc,
            clock: record.clock,
            depth: record.depth,
            lane: record.lane,
            global_sequence: at.sequence,
            event_hash: record.event_hash,
            disk_pos: at.disk_pos,
            payload: hold(match record.removed {
                Some(_) => REMOVED_PAYLOAD,
                None => record.payload,
            }),
            segment_generation: at.segment_generation,
            version1: record.tie != Tie::Hashed,
            aside: Aside::of(record),
        }
    }

    /// Returns the event with another payload.
    pub fn map_payload<Q>(self, make: impl FnOnce(P) -> Q) -> RawEvent<Q> {
        RawEvent {
            event_id: self.event_id,
            correlation_id: self.correlation_id,
            causation_id: self.causation_id,
            coord: self.coord,
            kind: self.kind,
            flags: self.flags,
            hlc: self.hlc,
            clock: self.clock,
            depth: self.depth,
            lane: self.lane,
            global_sequence: self.global_sequence,
            event_hash: self.event_hash,
            disk_pos: self.disk_pos,
            payload: make(self.payload),
            segment_generation: self.segment_generation,
            version1: self.version1,
            aside: self.aside,
        }
    }

    /// Returns what an index knows of the event; `prev_hash` is its entity's event before.
    pub(crate) fn entry(&self, prev_hash: [u8; 32]) -> IndexEntry {
        IndexEntry {
            event_id: self.event_id,
            correlation_id: self.correlation_id,
            causation_id: self.causation_id,
            coord: self.coord.clone(),
            kind: self.kind,
            wall_ms: self.hlc.wall_ms(),
            clock: self.clock,
            hash_chain: HashChain {
                prev_hash,
                event_hash: self.event_hash,
            },
            disk_pos: self.disk_pos,
            global_sequence: self.global_sequence,
            segment_generation: self.segment_generation,
            is_hidden: self.is_hidden(),
        }
    }
}

impl<P: AsRef<[u8]>> RawEvent<P> {
    /// Returns the event with everything that is derived and with a decoded payload; `prev_hash` is
    /// the hash of its entity's event before, zeros for the first.
    pub fn event<Q>(&self, prev_hash: [u8; 32], payload: Q) -> Event<Q> {
        let (hlc, content_hash) = (self.hlc, self.payload_hash());
        // The header describes the event as it was written.
        let payload_size = match self.removed() {
            Some(removed) => removed.payload.payload_len,
            None => u32::try_from(self.payload.as_ref().len()).unwrap_or(u32::MAX),
        };
        let position = DagPosition::with_hlc(
            hlc.wall_ms(),
            hlc.counter,
            self.depth,
            self.lane,
            self.clock,
        );
        let header = EventHeader {
            event_id: self.event_id,
            correlation_id: self.correlation_id,
            causation_id: self.causation_id,
            timestamp_us: hlc.timestamp_us(),
            position,
            payload_size,
            event_kind: self.kind,
            flags: self.flags,
            content_hash,
        };
        let chain = HashChain {
            prev_hash,
            event_hash: self.event_hash,
        };
        Event::new(header, payload).with_hash_chain(chain)
    }
}

impl RawEvent {
    /// Returns the event with everything that is derived; `prev_hash` is its entity's event before.
    pub(crate) fn into_stored(mut self, prev_hash: [u8; 32]) -> StoredEvent<Vec<u8>> {
        let event = self.event(prev_hash, ());
        let payload = std::mem::take(&mut self.payload);
        StoredEvent {
            coordinate: self.coord,
            event: event.map_payload(|()| payload),
        }
    }
}

/// What a frame does not say of its event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placed {
    pub(crate) sequence: u64,
    pub(crate) disk_pos: DiskPos,
    pub(crate) segment_generation: u32,
}
