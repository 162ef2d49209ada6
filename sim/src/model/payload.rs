//! Payloads that say which event they belong to.

use serde::de::IgnoredAny;
use serde::ser::{Serialize, SerializeTuple, Serializer};

/// An event's number, and bytes that only take room.
#[derive(Clone, Debug, Default)]
pub(crate) struct Payload {
    number: u64,
    filler: Vec<u8>,
}

impl Payload {
    /// Fills with `material` again and again, or with letters if there is none.
    pub(crate) fn new(number: u64, len: usize, material: &[u8]) -> Self {
        let letters = [b'a' + u8::try_from(number % 26).unwrap_or(0)];
        let material = if material.is_empty() {
            &letters
        } else {
            material
        };
        let filler = material.iter().copied().cycle().take(len).collect();
        Self { number, filler }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        rmp_serde::to_vec(self).unwrap_or_else(|error| panic!("{error}"))
    }
}

impl Serialize for Payload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_tuple(2)?;
        fields.serialize_element(&self.number)?;
        fields.serialize_element(&Bytes(&self.filler))?;
        fields.end()
    }
}

/// Bytes that stand in the payload as they are.
struct Bytes<'a>(&'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

/// Returns the number in a payload.
pub(crate) fn number_in(payload: &[u8]) -> Option<u64> {
    let read = rmp_serde::from_slice::<(u64, IgnoredAny)>(payload);
    read.ok().map(|(number, _)| number)
}
