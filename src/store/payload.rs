//! Payloads: from a caller's type to MessagePack and back to JSON.

use super::StoreError;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// Payloads that are nested deeper are read raw; the limit of JSON parsers in common use.
const DEPTH_MAX: usize = 128;

/// Room for most payloads, so that encoding allocates once.
const USUAL_BYTES: usize = 256;

/// Encodes a payload by field name, so that fields can be added to the type later.
pub(super) fn encode(payload: &impl serde::Serialize) -> Result<Vec<u8>, StoreError> {
    encode_into(Vec::new(), payload)
}

/// As [`encode`], into the room of `bytes`, which are empty.
pub(super) fn encode_into(
    mut bytes: Vec<u8>,
    payload: &impl serde::Serialize,
) -> Result<Vec<u8>, StoreError> {
    bytes.reserve(USUAL_BYTES);
    rmp_serde::encode::write_named(&mut bytes, payload)
        .map_err(|error| StoreError::Serialization(error.into()))?;
    Ok(bytes)
}

/// Decodes a payload into the caller's type.
pub(super) fn decode<'a, T: Deserialize<'a>>(payload: &'a [u8]) -> Result<T, StoreError> {
    T::deserialize(&mut deserializer(payload))
        .map_err(|error| StoreError::Serialization(error.into()))
}

/// A payload from outside may be nested as deeply as it is long; the stack is not.
fn deserializer(
    payload: &[u8],
) -> rmp_serde::Deserializer<rmp_serde::decode::ReadRefReader<'_, [u8]>> {
    let mut deserializer = rmp_serde::Deserializer::from_read_ref(payload);
    deserializer.set_max_depth(DEPTH_MAX);
    deserializer
}

/// Decodes a payload into JSON. Bytes become an array of numbers; what JSON cannot say is refused.
pub(crate) fn decode_json(payload: &[u8]) -> Result<Value, StoreError> {
    AsJson
        .deserialize(&mut deserializer(payload))
        .map_err(|error| {
            let text = format!("{error}; the payload is no JSON, read it with get_raw");
            StoreError::Serialization(text.into())
        })
}

#[derive(Clone, Copy)]
struct AsJson;

impl<'de> DeserializeSeed<'de> for AsJson {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for AsJson {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value that JSON can say")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value);
        number
            .map(Value::Number)
            .ok_or_else(|| E::custom(format!("{value} is no JSON number")))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_bytes<E>(self, value: &[u8]) -> Result<Value, E> {
        Ok(Value::Array(
            value.iter().map(|byte| Value::from(*byte)).collect(),
        ))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = fields.next_key_seed(self)? {
            let Value::String(name) = name else {
                return Err(A::Error::custom(format!("the key {name} is no string")));
            };
            let value = fields.next_value_seed(self)?;
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::collections::HashMap;

    #[test]
    fn json_goes_through_messagepack_unchanged() {
        let value = json!({"a": [1, -2, 3.5, null, true, "text"], "b": {"c": u64::MAX}});
        let bytes = encode(&value).unwrap();
        assert_eq!(decode_json(&bytes).unwrap(), value);
    }

    #[test]
    fn bytes_become_an_array_of_numbers() {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&[0xc4, 3, 1, 2, 255]);
        assert_eq!(decode_json(&bytes).unwrap(), json!([1, 2, 255]));
    }

    #[test]
    fn what_json_cannot_say_is_refused_and_points_to_the_raw_read() {
        let not_a_number = encode(&f64::NAN).unwrap();
        let number_keys = encode(&HashMap::from([(1, 2)])).unwrap();
        for payload in [not_a_number, number_keys, vec![0xc1], vec![]] {
            let error = decode_json(&payload).unwrap_err();
            assert!(matches!(error, StoreError::Serialization(_)));
            assert!(error.to_string().contains("get_raw"), "{error}");
        }
    }

    #[test]
    fn deep_nesting_is_refused_and_does_not_overflow_the_stack() {
        let deep = vec![0x91; 1_000_000];
        assert!(matches!(
            decode_json(&deep),
            Err(StoreError::Serialization(_))
        ));
    }
}
