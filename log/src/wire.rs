//! How 128-bit ids travel through serde: as 16 big-endian bytes.
//!
//! Owns three modules for `#[serde(with = "...")]`. MessagePack has no 128-bit integer, and bytes
//! in big-endian order sort as the numbers do. A single id is binary data; ids in a list, and all
//! ids in formats without a byte type (JSON), are sequences of 16 numbers. Every module reads both
//! forms.

use std::fmt;

use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// The length of an id on the wire.
const ID_BYTES: usize = 16;

/// Carries a `u128`.
pub mod u128_bytes {
    use super::{Deserialize, Deserializer, Serialize, Serializer, WireId};

    /// Writes the number as 16 big-endian bytes.
    ///
    /// # Errors
    /// Passes on what the serializer reports.
    pub fn serialize<S: Serializer>(value: &u128, serializer: S) -> Result<S::Ok, S::Error> {
        WireId(*value).serialize(serializer)
    }

    /// Reads a number from 16 big-endian bytes, or from a sequence of 16 numbers of one byte.
    ///
    /// # Errors
    /// Refuses any other length or type.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
        WireId::deserialize(deserializer).map(|id| id.0)
    }
}

/// Carries an `Option<u128>`.
pub mod option_u128_bytes {
    use super::{Deserialize, Deserializer, Serialize, Serializer, WireId};

    /// Writes nil, or the number as 16 big-endian bytes.
    ///
    /// # Errors
    /// Passes on what the serializer reports.
    pub fn serialize<S: Serializer>(
        value: &Option<u128>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.map(WireId).serialize(serializer)
    }

    /// Reads nil, 16 big-endian bytes, or a sequence of 16 numbers of one byte.
    ///
    /// # Errors
    /// Refuses any other length or type.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<u128>, D::Error> {
        let id = Option::<WireId>::deserialize(deserializer)?;
        Ok(id.map(|id| id.0))
    }
}

/// Carries a `Vec<u128>`.
pub mod vec_u128_bytes {
    use super::{Deserialize, Deserializer, Serializer, WireId};

    /// Writes a sequence whose elements are sequences of 16 numbers, the big-endian bytes.
    ///
    /// Binary data would be shorter, and is read; but this is how lists of ids have always been
    /// written, and older readers know no other form.
    ///
    /// # Errors
    /// Passes on what the serializer reports.
    pub fn serialize<S: Serializer>(values: &[u128], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(values.iter().map(|value| value.to_be_bytes()))
    }

    /// Reads a sequence of ids in either form.
    ///
    /// # Errors
    /// Refuses an element of any other length or type.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u128>, D::Error> {
        let ids = Vec::<WireId>::deserialize(deserializer)?;
        Ok(ids.into_iter().map(|id| id.0).collect())
    }
}

/// One id in its wire form.
struct WireId(u128);

impl Serialize for WireId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0.to_be_bytes())
    }
}

impl<'de> Deserialize<'de> for WireId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(IdVisitor).map(Self)
    }
}

struct IdVisitor;

impl<'de> Visitor<'de> for IdVisitor {
    type Value = u128;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an id of 16 big-endian bytes")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<u128, E> {
        let bytes =
            <[u8; ID_BYTES]>::try_from(bytes).map_err(|_| E::invalid_length(bytes.len(), &self))?;
        Ok(u128::from_be_bytes(bytes))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<u128, A::Error> {
        let mut bytes = [0; ID_BYTES];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = sequence
                .next_element()?
                .ok_or_else(|| de::Error::invalid_length(index, &self))?;
        }
        // What is left over is an error of the format's own: each counts what a visitor takes.
        Ok(u128::from_be_bytes(bytes))
    }
}

#[cfg(test)]
mod tests;
