//! The memory that an append travels in, from its caller to the writer and back.

use super::Append;
use crate::runtime::Spares;
use std::fmt;

/// So many empty envelopes are kept.
const KEPT_MAX: usize = 256;

/// The room for a payload is only kept up to so many bytes.
const PAYLOAD_KEPT_MAX: usize = 1024;

#[derive(Default)]
struct Envelope {
    append: Option<Append>,
    payload: Vec<u8>,
}

/// An append on its way.
pub struct SealedAppend(Box<Envelope>);

/// An envelope in which nothing is, but perhaps the room for a payload.
#[derive(Default)]
pub struct EmptyEnvelope(Box<Envelope>);

/// The empty envelopes of a store; a clone shares them.
#[derive(Clone, Debug)]
pub struct Envelopes(Spares<Box<Envelope>>);

impl Default for Envelopes {
    fn default() -> Self {
        Self(Spares::new(KEPT_MAX))
    }
}

impl Envelopes {
    /// Takes an empty envelope.
    pub fn take(&self) -> EmptyEnvelope {
        EmptyEnvelope(self.0.take().unwrap_or_default())
    }

    /// Gives an empty envelope back, for the next append.
    pub fn give_back(&self, mut envelope: EmptyEnvelope) {
        if envelope.0.payload.capacity() > PAYLOAD_KEPT_MAX {
            envelope.0.payload = Vec::new();
        }
        self.0.give_back(envelope.0);
    }
}

impl EmptyEnvelope {
    /// Takes the room for a payload out, empty.
    pub fn take_room(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.0.payload)
    }

    /// Puts the room of a payload back that is not needed any more.
    pub fn put_room(&mut self, mut payload: Vec<u8>) {
        payload.clear();
        self.0.payload = payload;
    }

    /// Puts an append into the envelope.
    pub fn seal(mut self, append: Append) -> SealedAppend {
        self.0.append = Some(append);
        SealedAppend(self.0)
    }
}

impl SealedAppend {
    /// Takes the append out of the envelope.
    pub fn open(mut self) -> (Append, EmptyEnvelope) {
        let append = self.0.append.take();
        let append = append.expect("a sealed envelope holds an append");
        (append, EmptyEnvelope(self.0))
    }

    /// Returns what [`Append::weight`] says of the append.
    pub fn weight(&self) -> usize {
        self.0.append.as_ref().map_or(0, Append::weight)
    }
}

/// Seals an append in a new envelope.
impl From<Append> for SealedAppend {
    fn from(append: Append) -> Self {
        EmptyEnvelope::default().seal(append)
    }
}

impl fmt::Debug for SealedAppend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SealedAppend").field(&self.0.append).finish()
    }
}

impl fmt::Debug for EmptyEnvelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmptyEnvelope")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_room_of_a_payload_comes_back_empty_and_only_if_it_is_small() {
        for (bytes, is_kept) in [(PAYLOAD_KEPT_MAX, true), (PAYLOAD_KEPT_MAX + 1, false)] {
            let envelopes = Envelopes::default();
            let mut envelope = envelopes.take();
            assert_eq!(envelope.take_room().capacity(), 0);
            envelope.put_room(vec![7; bytes]);
            envelopes.give_back(envelope);
            let room = envelopes.take().take_room();
            assert!(room.is_empty());
            assert_eq!(room.capacity() >= bytes, is_kept, "{bytes}");
        }
    }
}
