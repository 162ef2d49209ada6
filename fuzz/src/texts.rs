//! Valid lines, payloads and values, from which hostile ones are made.

use crate::bodies::words::Ids;
use crate::samples::id;
use batpak::prelude::*;
use serde::Serialize;

/// Lines of NDJSON, and payloads.
pub(crate) fn lines() -> Vec<Vec<u8>> {
    let place = r#""entity":"e","scope":"s","#;
    let payload = r#"{"b":[1,-2,0.1,1e300,null,true],"a":{"x":"\n\u00fc"}}"#;
    let digits = r#""payload_msgpack":"c4020102","sequence":3,"clock":1"#;
    let id = "000102030405060708090a0b0c0d0e0f";
    let texts = [
        format!(r#"{{"id":"{id}",{place}"kind":"0x1000","payload":{payload},"flags":3}}"#),
        format!(r#"{{{place}"kind":"0xF001",{digits},"time":"2026-01-01T00:00:00Z"}}"#),
        format!("{{{place}\"kind\":\"0x1000\",\"payload\":1}}\n").repeat(2),
        format!(r#"{{{place}"kind":"0x1000","payload":[[[]]],"causation":"{id}"}}"#),
    ];
    let mut lines: Vec<_> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    let value = serde_json::json!({"a": [1, -1, 1.5, "text", null], "b": {"c": u64::MAX}});
    lines.push(rmp_serde::to_vec_named(&value).unwrap());
    lines.push([vec![0x91; 100], vec![0xc0]].concat());
    lines
}

/// Values of every public type that is read with serde, and names.
pub(crate) fn words() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    push(&mut all, &Coordinate::new("entity", "scope").unwrap());
    push(&mut all, &EventKind::DATA);
    push(&mut all, &HashChain::default());
    let ids = Ids {
        id: id(1),
        cause: Some(7),
        all: vec![1, u128::MAX],
    };
    push(&mut all, &ids);
    let outcomes = [
        Outcome::Ok(7_u64),
        Outcome::Batch(vec![Outcome::Ok(1), Outcome::Ok(2)]),
    ];
    outcomes.iter().for_each(|outcome| push(&mut all, outcome));
    let store = batpak::testkit::Machine::new(1);
    let store = store.open(crate::vandal::made::config("words")).unwrap();
    let coord = Coordinate::new("entity", "scope").unwrap();
    let receipt = store.append(&coord, EventKind::DATA, &"text").unwrap();
    let stored = store.get_raw(receipt.event_id).unwrap();
    push(&mut all, &stored);
    push(&mut all, &stored.event.header);
    push(&mut all, &store.get(receipt.event_id).unwrap().event);
    for text in ["000001.fbat", "000012-3.fbat", "000001-2.0-40.fbix", "12"] {
        all.push(text.as_bytes().to_vec());
    }
    all
}

fn push(all: &mut Vec<Vec<u8>>, value: &impl Serialize) {
    all.push(rmp_serde::to_vec_named(value).unwrap());
    all.push(rmp_serde::to_vec(value).unwrap());
    all.push(serde_json::to_vec(value).unwrap());
}
