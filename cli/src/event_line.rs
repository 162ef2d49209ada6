//! One event as one JSON object: what `export`, `stream`, `tail` and `show` print, and what
//! `import ndjson` reads.

use crate::clock_text;
use crate::failure::Failure;
use crate::hex;
use crate::json_value::JsonValue;
use batpak::prelude::*;
use serde::{Deserialize, Deserializer, Serialize};

/// An event on a line. The last three fields tell what the store gave it; they are read and not
/// looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventLine {
    #[serde(default)]
    id: Option<String>,
    entity: String,
    scope: String,
    kind: String,
    /// A payload that is null differs from one that is not there.
    #[serde(
        default,
        deserialize_with = "there",
        skip_serializing_if = "Option::is_none"
    )]
    payload: Option<JsonValue>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    payload_msgpack: Option<String>,
    #[serde(default)]
    correlation: Option<String>,
    #[serde(default)]
    causation: Option<String>,
    #[serde(default)]
    flags: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sequence: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    clock: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    time: Option<String>,
}

fn there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<JsonValue>, D::Error> {
    JsonValue::deserialize(deserializer).map(Some)
}

impl EventLine {
    /// Makes the line of an event that the store holds.
    pub(crate) fn of(entry: &IndexEntry, stored: &StoredEvent<Vec<u8>>) -> Self {
        let header = &stored.event.header;
        let payload = JsonValue::from_payload(&stored.event.payload);
        let payload_msgpack = match payload {
            Some(_) => None,
            None => Some(hex::encode(&stored.event.payload)),
        };
        Self {
            id: Some(id_text(entry.event_id)),
            entity: entry.coord.entity().to_owned(),
            scope: entry.coord.scope().to_owned(),
            kind: entry.kind.to_string(),
            payload,
            payload_msgpack,
            correlation: Some(id_text(entry.correlation_id)),
            causation: entry.causation_id.map(id_text),
            flags: header.flags,
            sequence: Some(entry.global_sequence),
            clock: Some(entry.clock),
            time: clock_text::from_microseconds(header.timestamp_us),
        }
    }

    /// Leaves out what the store gives to an event, so that equal events give equal lines.
    pub(crate) fn content_only(self) -> Self {
        Self {
            sequence: None,
            clock: None,
            time: None,
            ..self
        }
    }

    /// Reads a line and makes the append that it asks for; the text says what is wrong with it.
    /// `None` for a tombstone: what it stands for is gone.
    pub(crate) fn read(line: &[u8]) -> Result<Option<BatchAppendItem>, String> {
        let line: Self = serde_json::from_slice(line).map_err(|error| json_error(&error))?;
        match line.is_tombstone() {
            true => Ok(None),
            false => line.into_item().map(Some),
        }
    }

    fn is_tombstone(&self) -> bool {
        self.kind == EventKind::TOMBSTONE.to_string()
    }

    fn into_item(self) -> Result<BatchAppendItem, String> {
        let coord = Coordinate::new(&self.entity, &self.scope).map_err(|e| e.to_string())?;
        let kind = kind_of(&self.kind)?;
        let options = AppendOptions {
            idempotency_key: id_of("id", self.id.as_deref())?,
            correlation_id: id_of("correlation", self.correlation.as_deref())?,
            causation_id: id_of("causation", self.causation.as_deref())?,
            flags: self.flags,
            ..AppendOptions::new()
        };
        let payload_bytes = match (&self.payload, &self.payload_msgpack) {
            (Some(payload), None) => {
                rmp_serde::to_vec_named(payload).map_err(|error| error.to_string())?
            }
            (None, Some(digits)) => {
                hex::decode(digits).ok_or("payload_msgpack must be pairs of hexadecimal digits")?
            }
            (None, None) => return Err("payload or payload_msgpack is missing".into()),
            (Some(_), Some(_)) => {
                return Err("payload and payload_msgpack are both there: keep one".into());
            }
        };
        Ok(BatchAppendItem {
            coord,
            kind,
            payload_bytes,
            options,
            causation: CausationRef::None,
        })
    }

    /// Returns the payload on one line, for a person.
    pub(crate) fn payload_text(&self) -> String {
        match (&self.payload, &self.payload_msgpack) {
            (Some(payload), _) => serde_json::to_string(payload).unwrap_or_default(),
            (None, digits) => format!("MessagePack {}", digits.as_deref().unwrap_or_default()),
        }
    }

    /// Returns the payload indented, for a person.
    pub(crate) fn payload_indented(&self) -> String {
        match &self.payload {
            Some(payload) => serde_json::to_string_pretty(payload).unwrap_or_default(),
            None => self.payload_text(),
        }
    }
}

/// Reads the event of an entry and makes its line.
pub(crate) fn read_line(store: &Store<ReadOnly>, entry: &IndexEntry) -> Result<EventLine, Failure> {
    Ok(EventLine::of(entry, &store.get_raw(entry.event_id)?))
}

/// Returns an id as it is written everywhere: 32 hexadecimal digits.
pub(crate) fn id_text(id: u128) -> String {
    format!("{id:032x}")
}

/// Reads an id of 32 hexadecimal digits.
pub(crate) fn read_id(text: &str) -> Option<u128> {
    let is_id = text.len() == 32 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_id.then(|| u128::from_str_radix(text, 16).ok()).flatten()
}

fn id_of(field: &str, text: Option<&str>) -> Result<Option<u128>, String> {
    let Some(text) = text else { return Ok(None) };
    match read_id(text) {
        Some(id) => Ok(Some(id)),
        None => Err(format!(
            "{field} must be 32 hexadecimal digits, and is {text:?}"
        )),
    }
}

fn kind_of(text: &str) -> Result<EventKind, String> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let kind = digits
        .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
        .and_then(|digits| u16::from_str_radix(digits, 16).ok())
        .map(EventKind::from_u16)
        .ok_or_else(|| format!("kind must be like \"0x1000\", and is {text:?}"))?;
    match kind.is_reserved() {
        false => Ok(kind),
        true => Err(format!(
            "kind {kind} is reserved: choose a category other than 0x0 and 0xD"
        )),
    }
}

/// Says what is wrong without a line number: the parser only sees one line, and would say 1.
fn json_error(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.split_once(" at line ") {
        Some((what, _)) => format!("{what} (at column {})", error.column()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#""entity":"e","scope":"s","kind":"0x1000""#;

    fn refused(fields: &str) -> String {
        EventLine::read(format!("{{{fields}}}").as_bytes()).unwrap_err()
    }

    #[test]
    fn a_line_needs_only_entity_scope_kind_and_payload() {
        let item = EventLine::read(format!("{{{GOOD},\"payload\":null}}").as_bytes());
        let item = item.unwrap().unwrap();
        assert_eq!(item.payload_bytes, [0xc0]);
        assert_eq!(item.options, AppendOptions::new());
    }

    #[test]
    fn what_is_wrong_with_a_line_is_said() {
        let with = |more: &str| refused(&format!("{GOOD},\"payload\":1,{more}"));
        assert!(refused(GOOD).contains("payload or payload_msgpack is missing"));
        assert!(with(r#""payload_msgpack":"c0""#).contains("keep one"));
        assert!(with(r#""extra":1"#).contains("unknown field `extra`"));
        assert!(with(r#""id":"12""#).contains("id must be 32 hexadecimal digits"));
        assert!(with(r#""flags":256"#).contains("256"));
        assert!(
            refused(r#""entity":"","scope":"s","kind":"0x1000","payload":1"#).contains("empty")
        );
        for kind in ["0x0001", "0xD001", "4096", "0x10000", "0x+1"] {
            let text = refused(
                &GOOD
                    .replace("0x1000", kind)
                    .replace(r#""kind""#, r#""payload":1,"kind""#),
            );
            assert!(text.contains("kind"), "{text}");
        }
    }
}
