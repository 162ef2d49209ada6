//! The events that every engine is given, and the record in which the peers keep them.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// The scope of every event.
pub(crate) const SCOPE: &str = "bench";
/// The length of every payload in MessagePack.
pub(crate) const PAYLOAD_BYTES: u64 = 165;
/// What kind of event it is: the peers store it because an event store would.
const KIND: u16 = 0x1001;
const TEXT_BYTES: usize = 147;
/// So many different texts: no engine gains by having seen one before.
const TEXTS: usize = 4096;
const RECORD_FIXED_BYTES: usize = 34;

/// A payload, a map also for encoders that would write a struct as an array.
pub(crate) struct Payload<'a> {
    amount: u32,
    text: &'a str,
}

impl Serialize for Payload<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("amount", &self.amount)?;
        map.serialize_entry("text", self.text)?;
        map.end()
    }
}

/// An event to be appended.
pub(crate) struct NewEvent<'a> {
    /// The number of its entity.
    pub(crate) entity: usize,
    /// What happened.
    pub(crate) payload: Payload<'a>,
    /// A caller's key against doubles, which becomes the event's id.
    pub(crate) key: Option<u128>,
}

/// Makes the events, by number.
pub(crate) struct World {
    entities: u64,
    keyed: bool,
    texts: Vec<String>,
}

impl World {
    /// Makes a world of so many entities; with `keyed`, every event brings its key.
    pub(crate) fn new(entities: u64, keyed: bool) -> Self {
        let mut random = fastrand::Rng::with_seed(7);
        let mut text = || (0..TEXT_BYTES).map(|_| random.alphanumeric()).collect();
        Self {
            entities,
            keyed,
            texts: (0..TEXTS).map(|_| text()).collect(),
        }
    }

    /// Returns the event with this number: entities take turns.
    pub(crate) fn event(&self, number: u64) -> NewEvent<'_> {
        let text_at = to_usize(number) % TEXTS;
        let text = self.texts.get(text_at).map_or("", String::as_str);
        let amount = 256 + u32::try_from(number % 65_000).unwrap_or_default();
        NewEvent {
            entity: to_usize(number % self.entities),
            payload: Payload { amount, text },
            key: self.keyed.then(|| key(number)),
        }
    }

    /// Returns the events with these numbers.
    pub(crate) fn events(&self, numbers: Range<u64>) -> Vec<NewEvent<'_>> {
        numbers.map(|number| self.event(number)).collect()
    }
}

/// Returns a caller's key of an event: it has no order, as a hash of a request has none.
fn key(number: u64) -> u128 {
    let mut random = fastrand::Rng::with_seed(number);
    random.u128(1..)
}

/// Returns the name of an entity.
pub(crate) fn entity_name(entity: usize) -> String {
    format!("entity:{entity}")
}

/// Returns a fresh id in the manner of UUID version 7: time first, then a counter, then chance.
pub(crate) fn fresh_id() -> u128 {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let time_ms = u128::from(now_ms()) & 0xffff_ffff_ffff;
    let count = u128::from(COUNTER.fetch_add(1, Ordering::Relaxed) & 0xfff);
    let chance = u128::from(fastrand::u64(..) >> 2);
    (time_ms << 80) | (0x7 << 76) | (count << 64) | (0b10 << 62) | chance
}

fn now_ms() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    since_epoch.map_or(0, |time| {
        u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
    })
}

/// An event on its way into a peer: what batpak's append would have made of it on the caller's
/// thread, its payload encoded.
pub(crate) struct Record {
    /// Its id.
    pub(crate) id: u128,
    /// Whether the id is a caller's key, which may have been used before.
    pub(crate) keyed: bool,
    /// Its entity.
    pub(crate) entity: String,
    payload: Vec<u8>,
}

impl Record {
    /// Encodes an event.
    pub(crate) fn new(event: &NewEvent<'_>) -> Result<Self> {
        Ok(Self {
            id: event.key.unwrap_or_else(fresh_id),
            keyed: event.key.is_some(),
            entity: entity_name(event.entity),
            payload: rmp_serde::to_vec_named(&event.payload)?,
        })
    }

    /// Writes what a peer stores of the event: all that is needed to give it back.
    pub(crate) fn write(&self, clock: u32, into: &mut Vec<u8>) {
        let entity_bytes = u16::try_from(self.entity.len()).unwrap_or(u16::MAX);
        let scope_bytes = u16::try_from(SCOPE.len()).unwrap_or(u16::MAX);
        into.clear();
        into.extend_from_slice(&self.id.to_be_bytes());
        into.extend_from_slice(&now_ms().to_be_bytes());
        into.extend_from_slice(&clock.to_be_bytes());
        into.extend_from_slice(&KIND.to_be_bytes());
        into.extend_from_slice(&entity_bytes.to_be_bytes());
        into.extend_from_slice(&scope_bytes.to_be_bytes());
        into.extend_from_slice(self.entity.as_bytes());
        into.extend_from_slice(SCOPE.as_bytes());
        into.extend_from_slice(&self.payload);
    }

    /// Returns the encoded payload.
    pub(crate) fn payload(&self) -> &[u8] {
        &self.payload
    }
}

/// Returns the payload of a record that was written.
pub(crate) fn payload_of(record: &[u8]) -> Result<&[u8]> {
    let length_at = |at: usize| {
        let bytes = record.get(at..at + 2).and_then(|two| two.try_into().ok());
        let length = bytes
            .map(u16::from_be_bytes)
            .context("a record is too short")?;
        Ok::<usize, anyhow::Error>(usize::from(length))
    };
    let names = length_at(RECORD_FIXED_BYTES - 4)? + length_at(RECORD_FIXED_BYTES - 2)?;
    let payload = record.get(RECORD_FIXED_BYTES + names..);
    payload.context("a record is too short")
}

/// Returns the key of an entity's event in a peer's entity index.
pub(crate) fn entity_key(entity: &str, clock: u32) -> Vec<u8> {
    let mut key = Vec::with_capacity(entity.len() + 5);
    key.extend_from_slice(entity.as_bytes());
    key.push(0);
    key.extend_from_slice(&clock.to_be_bytes());
    key
}

/// Returns the clock in a key of the entity index.
pub(crate) fn clock_of(key: &[u8]) -> Result<u32> {
    let bytes = key.last_chunk().context("a key is too short")?;
    Ok(u32::from_be_bytes(*bytes))
}

/// Returns the eight bytes of a stored sequence as a number.
pub(crate) fn sequence_of(bytes: &[u8]) -> Result<u64> {
    let bytes = bytes.try_into().context("a sequence has eight bytes")?;
    Ok(u64::from_be_bytes(bytes))
}

/// What was seen of payloads, so that reading them cannot be optimised away, and can be checked.
#[derive(Default)]
pub(crate) struct Seen {
    /// How many payloads.
    pub(crate) events: u64,
    bytes: u64,
    sum: u64,
}

impl Seen {
    /// Looks at every byte of a payload.
    pub(crate) fn look(&mut self, payload: &[u8]) {
        self.events += 1;
        self.bytes += payload.len() as u64;
        let sum: u64 = payload.iter().map(|byte| u64::from(*byte)).sum();
        self.sum = self.sum.wrapping_add(sum);
    }

    /// Demands that at least so many whole payloads were seen.
    pub(crate) fn check(self, events: u64) -> Result<()> {
        let (found, bytes) = (self.events, self.bytes);
        ensure!(found >= events, "{found} events were read, not {events}");
        let expected = found * PAYLOAD_BYTES;
        ensure!(bytes == expected, "{bytes} bytes were read, not {expected}");
        std::hint::black_box(self.sum);
        Ok(())
    }
}

/// Returns a number of events as a number of things in memory.
pub(crate) fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_has_the_length_that_is_promised() -> Result<()> {
        let world = World::new(1000, false);
        for number in [0, 1, 64_999, 65_000, 1_000_000] {
            let record = Record::new(&world.event(number))?;
            assert_eq!(record.payload().len() as u64, PAYLOAD_BYTES);
        }
        Ok(())
    }

    #[test]
    fn a_record_gives_its_payload_back() -> Result<()> {
        let record = Record::new(&World::new(1000, true).event(42))?;
        let mut bytes = Vec::new();
        record.write(3, &mut bytes);
        assert_eq!(payload_of(&bytes)?, record.payload());
        assert!(payload_of(&bytes[..20]).is_err());
        Ok(())
    }

    #[test]
    fn fresh_ids_differ() {
        assert_ne!(fresh_id(), fresh_id());
    }
}
