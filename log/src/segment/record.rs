//! The records inside frames: MessagePack arrays whose first element is a tag.

use super::Removed;
use super::fence_record::FenceRecord;
use crate::coordinate::Coordinate;
use crate::event::EventKind;
use crate::layout::tag;
use crate::position::Hlc;
use rmp::decode::{read_array_len, read_bin_len, read_int, read_nil, read_str_len};
use rmp::encode::{write_array_len, write_bin, write_nil, write_str, write_uint};

const ID_LEN: u32 = 16;
const HASH_LEN: u32 = 32;
const EVENT_FIELDS: u32 = 9;
/// A stub also has its attributes, and the hash and length of its payload.
const STUB_FIELDS: u32 = EVENT_FIELDS + 3;
/// More than the fields before a payload ever take: each of the nineteen has a marker of at most
/// two bytes; three are ids, three are hashes, and the others numbers.
const FIELDS_MAX: usize = 19 * 2 + 3 * 16 + 3 * 32 + 13 * 8;

/// What ties an event to its entity's history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tie<'a> {
    /// Its hash, which covers all of it and the event before.
    #[default]
    Hashed,
    /// It was taken over from version 1: its hash covers the payload alone.
    Version1 {
        /// The previous hash that version 1 stored, where it is not that of the event before.
        prev_hash: Option<&'a [u8; 32]>,
    },
}

impl<'a> Tie<'a> {
    /// Returns the previous hash that is stored with the event, if one is.
    pub fn stored_prev_hash(self) -> Option<&'a [u8; 32]> {
        match self {
            Self::Hashed => None,
            Self::Version1 { prev_hash } => prev_hash,
        }
    }
}

/// One event as its frame holds it. The global sequence is not here: it follows from the group's
/// first sequence and the event's place in the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventRecord<'a> {
    /// The event's id.
    pub event_id: u128,
    /// Which of the segment's name definitions is its coordinate, counted from 0.
    pub name: u32,
    /// Its place in its entity's history, from 0.
    pub clock: u32,
    /// What happened.
    pub kind: EventKind,
    /// The caller's flags.
    pub flags: u8,
    /// When it was committed.
    pub hlc: Hlc,
    /// The hash that chains it to its entity's previous event.
    pub event_hash: [u8; 32],
    /// The correlation id; its own id when the event starts a correlation.
    pub correlation_id: u128,
    /// The event that caused it.
    pub causation_id: Option<u128>,
    /// Whether the id was given by the caller as an idempotency key.
    pub keyed: bool,
    /// Its depth in the causal graph.
    pub depth: u32,
    /// Its lane in the causal graph.
    pub lane: u32,
    /// What ties it to its entity's history.
    pub tie: Tie<'a>,
    /// The payload as the caller encoded it; empty when it was removed.
    pub payload: &'a [u8],
    /// What a stub says beside it; `None` for an event that is whole.
    pub removed: Option<Removed>,
}

/// A decoded record.
#[derive(Clone, Debug, PartialEq)]
pub enum Record<'a> {
    /// Defines the segment's next coordinate.
    Name(Coordinate),
    /// An event.
    Event(EventRecord<'a>),
    /// Says what the group is to a visibility fence.
    Fence(FenceRecord),
}

impl<'a> Record<'a> {
    /// Reads a frame's body; `base_wall_us` is the time in the segment's header.
    ///
    /// # Errors
    /// A short text that says what is not as it should be.
    pub fn decode(body: &'a [u8], base_wall_us: u64) -> Result<Self, &'static str> {
        let mut rest = body;
        let fields = read_array_len(&mut rest).map_err(|_| "a record is not an array")?;
        let tag: u8 = read_int(&mut rest).map_err(|_| "a record has no tag")?;
        match tag {
            tag::NAME if fields == 3 => decode_name(rest),
            tag::STUB => decode_stub(fields, rest, base_wall_us).map(Record::Event),
            tag if tag & !tag::EVENT_ATTRIBUTES == tag::EVENT => {
                let attributes = tag & tag::EVENT_ATTRIBUTES;
                let expected = EVENT_FIELDS + fields_of(attributes);
                if attributes & !tag::KNOWN_ATTRIBUTES != 0 || fields != expected {
                    return Err("an event has attributes that are not known here");
                }
                decode_event(attributes, false, rest, base_wall_us).map(Record::Event)
            }
            tag if FenceRecord::TAGS.contains(&tag) && fields == 2 => {
                let number = read_int(&mut rest).map_err(|_| "a fence's record has no number")?;
                let fence = FenceRecord::of(tag, number).filter(|_| rest.is_empty());
                let fence = fence.ok_or("a fence's record is longer than its fields")?;
                Ok(Record::Fence(fence))
            }
            _ => Err("a record's tag is not known here"),
        }
    }
}

/// Returns how many fields the attributes add.
fn fields_of(attributes: u8) -> u32 {
    let bit = |attribute: u8| u32::from(attributes & attribute != 0);
    let forked = 2 * bit(tag::FORKED);
    bit(tag::CORRELATED) + bit(tag::CAUSED) + forked + bit(tag::VERSION1)
}

fn decode_stub(
    fields: u32,
    mut rest: &[u8],
    base_wall_us: u64,
) -> Result<EventRecord<'_>, &'static str> {
    let attributes: u8 = read_int(&mut rest).map_err(|_| "a stub has no attributes")?;
    let unknown = attributes & !(tag::KNOWN_ATTRIBUTES | tag::SHOWN) != 0;
    if unknown || fields != STUB_FIELDS + fields_of(attributes) {
        return Err("a stub has attributes that are not known here");
    }
    let record = decode_event(attributes, true, rest, base_wall_us)?;
    match record.payload {
        [] => Ok(record),
        _ => Err("a stub is longer than its fields"),
    }
}

fn decode_name(mut rest: &[u8]) -> Result<Record<'_>, &'static str> {
    let entity = take_str(&mut rest).ok_or("a name definition has no entity")?;
    let scope = take_str(&mut rest).ok_or("a name definition has no scope")?;
    if !rest.is_empty() {
        return Err("a name definition is longer than its fields");
    }
    let coordinate = Coordinate::new(entity, scope).map_err(|_| "a defined name is not valid")?;
    Ok(Record::Name(coordinate))
}

fn decode_event(
    attributes: u8,
    is_stub: bool,
    mut rest: &[u8],
    base_wall_us: u64,
) -> Result<EventRecord<'_>, &'static str> {
    const BROKEN: &str = "an event's fields are not whole";
    let event_id = take_id(&mut rest).ok_or(BROKEN)?;
    let name = read_int(&mut rest).map_err(|_| BROKEN)?;
    let clock = read_int(&mut rest).map_err(|_| BROKEN)?;
    let kind: u16 = read_int(&mut rest).map_err(|_| BROKEN)?;
    let flags = read_int(&mut rest).map_err(|_| BROKEN)?;
    let elapsed_us: u64 = read_int(&mut rest).map_err(|_| BROKEN)?;
    let counter = read_int(&mut rest).map_err(|_| BROKEN)?;
    let event_hash = take_bin::<32>(&mut rest, HASH_LEN).ok_or(BROKEN)?;
    let has = |attribute: u8| attributes & attribute != 0;
    let removed = match is_stub {
        true => Some(Removed {
            payload_hash: take_bin::<32>(&mut rest, HASH_LEN).ok_or(BROKEN)?,
            payload_len: read_int(&mut rest).map_err(|_| BROKEN)?,
            is_shown: has(tag::SHOWN),
        }),
        false => None,
    };
    let correlation_id = match has(tag::CORRELATED) {
        true => take_id(&mut rest).ok_or(BROKEN)?,
        false => event_id,
    };
    let causation_id = match has(tag::CAUSED) {
        true => Some(take_id(&mut rest).ok_or(BROKEN)?),
        false => None,
    };
    let (depth, lane) = match has(tag::FORKED) {
        true => (
            read_int(&mut rest).map_err(|_| BROKEN)?,
            read_int(&mut rest).map_err(|_| BROKEN)?,
        ),
        false => (0, 0),
    };
    let tie = match has(tag::VERSION1) {
        true => take_tie(&mut rest).ok_or(BROKEN)?,
        false => Tie::Hashed,
    };
    let wall_us = base_wall_us
        .checked_add(elapsed_us)
        .ok_or("an event's time is out of range")?;
    Ok(EventRecord {
        event_id,
        name,
        clock,
        kind: EventKind::from_u16(kind),
        flags,
        hlc: Hlc { wall_us, counter },
        event_hash,
        correlation_id,
        causation_id,
        keyed: has(tag::KEYED),
        depth,
        lane,
        tie,
        payload: rest,
        removed,
    })
}

fn take_tie<'a>(rest: &mut &'a [u8]) -> Option<Tie<'a>> {
    let mut after = *rest;
    if read_nil(&mut after).is_ok() {
        *rest = after;
        return Some(Tie::Version1 { prev_hash: None });
    }
    if read_bin_len(rest).ok()? != HASH_LEN {
        return None;
    }
    let prev_hash = Some(take_bytes(rest, HASH_LEN)?.try_into().ok()?);
    Some(Tie::Version1 { prev_hash })
}

fn take_bytes<'a>(rest: &mut &'a [u8], length: u32) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(length as usize)?;
    *rest = after;
    Some(taken)
}

fn take_str<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let length = read_str_len(rest).ok()?;
    std::str::from_utf8(take_bytes(rest, length)?).ok()
}

fn take_bin<const N: usize>(rest: &mut &[u8], expected: u32) -> Option<[u8; N]> {
    let length = read_bin_len(rest).ok()?;
    if length != expected {
        return None;
    }
    take_bytes(rest, length)?.try_into().ok()
}

fn take_id(rest: &mut &[u8]) -> Option<u128> {
    take_bin::<16>(rest, ID_LEN).map(u128::from_be_bytes)
}

pub(super) const INFALLIBLE: &str = "there is room for what is written";

/// Appends the body of a name definition.
pub(super) fn encode_name(body: &mut Vec<u8>, coordinate: &Coordinate) {
    write_array_len(body, 3).expect(INFALLIBLE);
    write_uint(body, u64::from(tag::NAME)).expect(INFALLIBLE);
    write_str(body, coordinate.entity()).expect(INFALLIBLE);
    write_str(body, coordinate.scope()).expect(INFALLIBLE);
}

/// Appends the body of an event; its time is stored as the distance from `base_wall_us`, which the
/// writer's clock never goes behind.
pub(super) fn encode_event(body: &mut Vec<u8>, event: &EventRecord<'_>, base_wall_us: u64) {
    debug_assert!(event.hlc.wall_us >= base_wall_us);
    let mut fields = [0; FIELDS_MAX];
    let mut rest = fields.as_mut_slice();
    encode_fields(&mut rest, event, base_wall_us);
    let left = rest.len();
    body.reserve(FIELDS_MAX + event.payload.len());
    body.extend_from_slice(fields.get(..FIELDS_MAX - left).unwrap_or_default());
    body.extend_from_slice(event.payload);
}

/// Writes everything before the payload where there is room for the longest.
fn encode_fields(place: &mut &mut [u8], event: &EventRecord<'_>, base_wall_us: u64) {
    let attributes = attributes_of(event);
    if event.removed.is_some() {
        write_array_len(place, STUB_FIELDS + fields_of(attributes)).expect(INFALLIBLE);
        write_uint(place, u64::from(tag::STUB)).expect(INFALLIBLE);
        write_uint(place, u64::from(attributes)).expect(INFALLIBLE);
    } else {
        write_array_len(place, EVENT_FIELDS + fields_of(attributes)).expect(INFALLIBLE);
        write_uint(place, u64::from(tag::EVENT | attributes)).expect(INFALLIBLE);
    }
    write_bin(place, &event.event_id.to_be_bytes()).expect(INFALLIBLE);
    write_uint(place, u64::from(event.name)).expect(INFALLIBLE);
    write_uint(place, u64::from(event.clock)).expect(INFALLIBLE);
    write_uint(place, u64::from(event.kind.as_u16())).expect(INFALLIBLE);
    write_uint(place, u64::from(event.flags)).expect(INFALLIBLE);
    write_uint(place, event.hlc.wall_us.saturating_sub(base_wall_us)).expect(INFALLIBLE);
    write_uint(place, u64::from(event.hlc.counter)).expect(INFALLIBLE);
    write_bin(place, &event.event_hash).expect(INFALLIBLE);
    if let Some(removed) = &event.removed {
        write_bin(place, &removed.payload_hash).expect(INFALLIBLE);
        write_uint(place, u64::from(removed.payload_len)).expect(INFALLIBLE);
    }
    if attributes & tag::CORRELATED != 0 {
        write_bin(place, &event.correlation_id.to_be_bytes()).expect(INFALLIBLE);
    }
    if let Some(cause) = event.causation_id {
        write_bin(place, &cause.to_be_bytes()).expect(INFALLIBLE);
    }
    if attributes & tag::FORKED != 0 {
        write_uint(place, u64::from(event.depth)).expect(INFALLIBLE);
        write_uint(place, u64::from(event.lane)).expect(INFALLIBLE);
    }
    match event.tie {
        Tie::Hashed => {}
        Tie::Version1 { prev_hash: None } => write_nil(place).expect(INFALLIBLE),
        Tie::Version1 {
            prev_hash: Some(hash),
        } => write_bin(place, hash).expect(INFALLIBLE),
    }
}

fn attributes_of(event: &EventRecord<'_>) -> u8 {
    let bit = |set: bool, attribute: u8| if set { attribute } else { 0 };
    bit(
        event.removed.is_some_and(|removed| removed.is_shown),
        tag::SHOWN,
    ) | bit(event.keyed, tag::KEYED)
        | bit(event.correlation_id != event.event_id, tag::CORRELATED)
        | bit(event.causation_id.is_some(), tag::CAUSED)
        | bit(event.depth != 0 || event.lane != 0, tag::FORKED)
        | bit(event.tie != Tie::Hashed, tag::VERSION1)
}
