use crate::depth::reached;
use crate::event_line::EventLine;
use crate::json_value::JsonValue;
use crate::memory::{Cap, bounded};

/// A value of JSON takes many times the two bytes of its text.
const CAP: Cap = Cap {
    fixed: 64 * 1024,
    per_byte: 256,
};

pub(super) fn body(data: &[u8]) {
    bounded(data.len(), CAP, || {
        for line in data.split(|byte| *byte == b'\n') {
            import(line);
        }
        export(data);
    });
}

fn import(line: &[u8]) {
    let Ok(Some(item)) = EventLine::read(line) else {
        return;
    };
    reached();
    assert!(!item.kind.is_reserved());
    assert!((1..=1024).contains(&item.coord.entity().len()));
    // What was read as JSON is said again in JSON, or, where that would change it, in digits.
    if let Some(value) = JsonValue::from_payload(&item.payload_bytes) {
        let text = serde_json::to_string(&value).unwrap();
        let read: JsonValue = serde_json::from_str(&text).unwrap();
        assert_eq!(rmp_serde::to_vec_named(&read).unwrap(), item.payload_bytes);
    }
}

fn export(payload: &[u8]) {
    if let Some(value) = JsonValue::from_payload(payload) {
        assert_eq!(rmp_serde::to_vec_named(&value).unwrap(), payload);
    }
}
