//! What a frame of version 1 holds: an event, or a mark around a batch.

use super::msgpack::Values;
use crate::coordinate::Coordinate;
use crate::event::EventKind;
use crate::event::hash::payload_hash;
use crate::position::Hlc;

/// Where the marks of batches pretend to belong.
const MARK_ENTITY: &str = "_batch";
const MARK_SCOPE: &str = "_system";

/// An event as version 1 stored it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version1Event {
    /// The event's id; an idempotency key became it.
    pub event_id: u128,
    /// The correlation id.
    pub correlation_id: u128,
    /// The event that caused it.
    pub causation_id: Option<u128>,
    /// Its entity and scope.
    pub coordinate: Coordinate,
    /// What happened.
    pub kind: EventKind,
    /// The caller's flags.
    pub flags: u8,
    /// When the caller made it, in microseconds since the epoch.
    pub timestamp_us: i64,
    /// Milliseconds since the epoch, in its entity never less than before.
    pub wall_ms: u64,
    /// The counter beside them.
    pub counter: u16,
    /// Its place in its entity's history.
    pub clock: u32,
    /// Its depth in the causal graph.
    pub depth: u32,
    /// Its lane in the causal graph.
    pub lane: u32,
    /// The hash of the entity's event before, as it was stored.
    pub prev_hash: [u8; 32],
    /// The hash of the payload; zeros when the released crate was built without hashes.
    pub event_hash: [u8; 32],
    /// The payload as the caller encoded it.
    pub payload: Vec<u8>,
}

impl Version1Event {
    /// Returns the event's time. Where the clock was set back, that is the one at which its entity
    /// stood.
    pub fn hlc(&self) -> Hlc {
        const US_PER_MS: u64 = 1000;
        let stamp = u64::try_from(self.timestamp_us).unwrap_or(0);
        let entity_stood = self.wall_ms.checked_mul(US_PER_MS);
        // A time before the epoch was stored as one at the end of time.
        let entity_stood = entity_stood.filter(|wall_us| i64::try_from(*wall_us).is_ok());
        Hlc {
            wall_us: match entity_stood {
                Some(wall_us) if stamp / US_PER_MS != self.wall_ms => wall_us,
                Some(_) | None => stamp,
            },
            counter: self.counter,
        }
    }
}

/// The content of a frame.
#[derive(Debug)]
pub(super) enum Content {
    Event(Box<Version1Event>),
    /// A batch of so many events begins; its first one has this sequence.
    BatchBegin {
        count: u32,
        first_sequence: Option<u64>,
    },
    BatchCommit,
}

/// The fields of an event's header and of its position.
#[derive(Default)]
struct Header {
    event_id: Option<u128>,
    correlation_id: Option<u128>,
    causation_id: Option<u128>,
    timestamp_us: Option<i64>,
    payload_size: Option<u32>,
    kind: Option<u16>,
    flags: u8,
    wall_ms: u64,
    counter: u16,
    depth: u32,
    lane: u32,
    clock: Option<u32>,
}

/// Decodes the body of a frame whose checksum held.
pub(super) fn decode(body: &[u8]) -> Result<Content, &'static str> {
    const BROKEN: &str = "an event of version 1 is not whole";
    let mut header = Header::default();
    let (mut payload, mut chain) = (None, None);
    let (mut entity, mut scope) = (None, None);
    let mut values = Values::new(body);
    values
        .map(|key, values| {
            match key {
                "event" => values.map(|key, values| {
                    match key {
                        "header" => header.read(values)?,
                        "payload" => payload = Some(values.raw()?),
                        "hash_chain" => chain = read_chain(values)?,
                        _ => values.skip()?,
                    }
                    Some(())
                })?,
                "entity" => entity = Some(values.str()?),
                "scope" => scope = Some(values.str()?),
                _ => values.skip()?,
            }
            Some(())
        })
        .filter(|()| values.is_empty())
        .ok_or(BROKEN)?;
    let (entity, scope) = (entity.ok_or(BROKEN)?, scope.ok_or(BROKEN)?);
    if let Some(mark) = header.mark(chain.is_some(), entity, scope) {
        return Ok(mark);
    }
    let coordinate =
        Coordinate::new(entity, scope).map_err(|_| "an event of version 1 has no valid name")?;
    let (prev_hash, event_hash) = chain.unwrap_or_default();
    let payload = payload_of(payload.ok_or(BROKEN)?, &event_hash);
    let event = header.event(coordinate, (prev_hash, event_hash), payload);
    Ok(Content::Event(Box::new(event.ok_or(BROKEN)?)))
}

impl Header {
    fn read(&mut self, values: &mut Values<'_>) -> Option<()> {
        values.map(|key, values| {
            match key {
                "event_id" => self.event_id = Some(u128::from_be_bytes(values.bytes()?)),
                "correlation_id" => {
                    self.correlation_id = Some(u128::from_be_bytes(values.bytes()?));
                }
                "causation_id" if values.nil() => {}
                "causation_id" => self.causation_id = Some(u128::from_be_bytes(values.bytes()?)),
                "timestamp_us" => self.timestamp_us = Some(values.int()?),
                "payload_size" => self.payload_size = Some(values.int()?),
                "event_kind" => self.kind = Some(values.int()?),
                "flags" => self.flags = values.int()?,
                "position" => self.read_position(values)?,
                _ => values.skip()?,
            }
            Some(())
        })
    }

    fn read_position(&mut self, values: &mut Values<'_>) -> Option<()> {
        values.map(|key, values| {
            match key {
                "wall_ms" => self.wall_ms = values.int()?,
                "counter" => self.counter = values.int()?,
                "depth" => self.depth = values.int()?,
                "lane" => self.lane = values.int()?,
                "sequence" => self.clock = Some(values.int()?),
                _ => values.skip()?,
            }
            Some(())
        })
    }

    /// Returns the mark that this is. An event that a program gave the kind of a mark has a hash
    /// chain, as every event has, and stays an event.
    fn mark(&self, has_chain: bool, entity: &str, scope: &str) -> Option<Content> {
        if has_chain || (entity, scope) != (MARK_ENTITY, MARK_SCOPE) {
            return None;
        }
        match EventKind::from_u16(self.kind?) {
            EventKind::SYSTEM_BATCH_BEGIN => Some(Content::BatchBegin {
                count: self.payload_size?,
                first_sequence: u64::try_from(self.event_id?).ok(),
            }),
            EventKind::SYSTEM_BATCH_COMMIT => Some(Content::BatchCommit),
            _ => None,
        }
    }

    fn event(
        self,
        coordinate: Coordinate,
        (prev_hash, event_hash): ([u8; 32], [u8; 32]),
        payload: Vec<u8>,
    ) -> Option<Version1Event> {
        Some(Version1Event {
            event_id: self.event_id?,
            correlation_id: self.correlation_id?,
            causation_id: self.causation_id,
            coordinate,
            kind: EventKind::from_u16(self.kind?),
            flags: self.flags,
            timestamp_us: self.timestamp_us?,
            wall_ms: self.wall_ms,
            counter: self.counter,
            clock: self.clock?,
            depth: self.depth,
            lane: self.lane,
            prev_hash,
            event_hash,
            payload,
        })
    }
}

/// Takes a hash chain; `Some(None)` where nil stands for it.
#[expect(
    clippy::option_option,
    reason = "whether the bytes are whole, and whether there is a chain, are two questions"
)]
fn read_chain(values: &mut Values<'_>) -> Option<Option<([u8; 32], [u8; 32])>> {
    if values.nil() {
        return Some(None);
    }
    let (mut prev_hash, mut event_hash) = (None, None);
    values.map(|key, values| {
        match key {
            "prev_hash" => prev_hash = Some(values.bytes()?),
            "event_hash" => event_hash = Some(values.bytes()?),
            _ => values.skip()?,
        }
        Some(())
    })?;
    Some(Some((prev_hash?, event_hash?)))
}

/// Returns the payload's bytes. They are stored as an array of numbers; a compaction that dropped
/// events has put the value itself in its place.
fn payload_of(stored: &[u8], event_hash: &[u8; 32]) -> Vec<u8> {
    let mut values = Values::new(stored);
    match values.number_array() {
        Some(bytes)
            if payload_hash(&bytes) == *event_hash || payload_hash(stored) != *event_hash =>
        {
            bytes
        }
        Some(_) | None => stored.to_vec(),
    }
}
