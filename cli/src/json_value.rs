//! A JSON value that keeps the order of its fields.
//!
//! The bytes of a payload are hashed, so an export and import must not sort them.

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::fmt;

/// Any JSON value. It is read from JSON or MessagePack, and written as either.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum JsonValue {
    Null,
    Bool(bool),
    Unsigned(u64),
    Negative(i64),
    Float(f64),
    Text(String),
    List(Vec<JsonValue>),
    Object(Vec<(String, JsonValue)>),
}

impl JsonValue {
    /// Reads a payload; none when JSON cannot say exactly what its bytes say.
    pub(crate) fn from_payload(payload: &[u8]) -> Option<Self> {
        let mut deserializer = rmp_serde::Deserializer::from_read_ref(payload);
        // Readers of JSON give up beyond this depth, and the stack ends some way beyond it.
        deserializer.set_max_depth(128);
        let value = Self::deserialize(&mut deserializer).ok()?;
        // Through the text, since that is what an importer has: it may nest less deeply.
        let text = serde_json::to_string(&value).ok()?;
        let read: Self = serde_json::from_str(&text).ok()?;
        (rmp_serde::to_vec_named(&read).ok()? == payload).then_some(value)
    }
}

impl Serialize for JsonValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Unsigned(value) => serializer.serialize_u64(*value),
            Self::Negative(value) => serializer.serialize_i64(*value),
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::Text(value) => serializer.serialize_str(value),
            Self::List(values) => serializer.collect_seq(values),
            Self::Object(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (name, value) in fields {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for JsonValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

/// Makes a value of what is read. Bytes are no JSON and so are not visited.
struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = JsonValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<JsonValue, E> {
        Ok(JsonValue::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<JsonValue, E> {
        Ok(JsonValue::Bool(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<JsonValue, E> {
        Ok(JsonValue::Unsigned(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<JsonValue, E> {
        Ok(match u64::try_from(value) {
            Ok(value) => JsonValue::Unsigned(value),
            Err(_) => JsonValue::Negative(value),
        })
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<JsonValue, E> {
        match value.is_finite() {
            true => Ok(JsonValue::Float(value)),
            false => Err(E::custom("JSON has only finite numbers")),
        }
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<JsonValue, E> {
        Ok(JsonValue::Text(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<JsonValue, E> {
        Ok(JsonValue::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<JsonValue, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = items.next_element()? {
            values.push(value);
        }
        Ok(JsonValue::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<JsonValue, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = entries.next_entry()? {
            fields.push(field);
        }
        Ok(JsonValue::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(text: &str) -> Vec<u8> {
        let value: JsonValue = serde_json::from_str(text).unwrap();
        rmp_serde::to_vec_named(&value).unwrap()
    }

    #[test]
    fn json_keeps_its_bytes_and_its_order() {
        let text = r#"{"b":[1,-2,0.1,1e300,-0.0,null,true,18446744073709551615],"a":{"ü":"\n"}}"#;
        let value = JsonValue::from_payload(&packed(text)).unwrap();
        assert_eq!(
            serde_json::to_string(&value).unwrap(),
            text.replace("1e300", "1e+300")
        );
    }

    #[test]
    fn what_json_would_change_is_left_to_the_bytes() {
        let bytes = [0xc4, 2, 1, 2];
        let long_form_of_one = [0xcd, 0, 1];
        let single_precision = [0xca, 0x3f, 0x80, 0, 0];
        let number_as_key = [0x81, 1, 2];
        let not_a_number = rmp_serde::to_vec(&f64::NAN).unwrap();
        let trailing = [0xc0, 0xc0];
        let nothing: [u8; 0] = [];
        let deep = [vec![0x91; 500], vec![0xc0]].concat();
        for payload in [
            &bytes[..],
            &long_form_of_one,
            &single_precision,
            &number_as_key,
            &not_a_number,
            &trailing,
            &nothing,
            &deep,
        ] {
            assert_eq!(JsonValue::from_payload(payload), None, "{payload:x?}");
        }
    }
}
