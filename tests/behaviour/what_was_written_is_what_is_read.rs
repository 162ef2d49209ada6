//! Payloads, names, ids, flags and kinds come back as they were written, live and after reopening.

use crate::harness::*;
use batpak::event::hash::payload_hash;
use batpak::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    name: String,
    lines: Vec<(u32, f64)>,
    note: Option<String>,
}

/// Bytes, which serde would otherwise store as a list of numbers.
struct Bytes<'a>(&'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

/// Writes, checks, reopens and checks again.
fn check(write: impl FnOnce(&Store), read: impl Fn(&Store)) {
    let directory = temporary();
    let store = Store::open(StoreConfig::new(directory.path())).unwrap();
    write(&store);
    read(&store);
    store.close().unwrap();
    let store = Store::open(StoreConfig::new(directory.path())).unwrap();
    read(&store);
}

#[test]
fn a_typed_payload_in_three_forms() {
    let order = Order {
        name: "Ärger".into(),
        lines: vec![(1, 2.5), (2, -0.0)],
        note: None,
    };
    check(
        |store| {
            let keyed = AppendOptions::new().with_idempotency(1);
            store
                .append_with_options(&at("a"), KIND, &order, keyed)
                .unwrap();
        },
        |store| {
            assert_eq!(store.get_as::<Order>(1).unwrap().event.payload, order);
            let json = store.get(1).unwrap().event.payload;
            assert_eq!(json, serde_json::to_value(&order).unwrap());
            let raw = store.get_raw(1).unwrap().event;
            // By field name, so that fields can be added to the type later.
            assert_eq!(raw.payload, rmp_serde::to_vec_named(&order).unwrap());
            assert_eq!(raw.header.content_hash, payload_hash(&raw.payload));
            assert_eq!(raw.header.payload_size as usize, raw.payload.len());
            assert!(matches!(
                store.get_as::<Vec<u8>>(1),
                Err(StoreError::Serialization(_))
            ));
        },
    );
}

#[test]
fn what_json_cannot_say_is_refused_and_can_be_read_raw() {
    let directory = temporary();
    let store = open(directory.path());
    let append = |key, payload: &dyn Fn(AppendOptions) -> Result<AppendReceipt, StoreError>| {
        payload(AppendOptions::new().with_idempotency(key)).unwrap();
    };
    append(1, &|options| {
        store.append_with_options(&at("a"), KIND, &f64::NAN, options)
    });
    let map = HashMap::from([(7u8, true)]);
    append(2, &|options| {
        store.append_with_options(&at("a"), KIND, &map, options)
    });
    append(3, &|options| {
        store.append_with_options(&at("a"), KIND, &Bytes(&[0, 255]), options)
    });
    for key in [1, 2] {
        let error = store.get(key).unwrap_err();
        assert!(matches!(error, StoreError::Serialization(_)), "{error}");
        assert!(error.to_string().contains("get_raw"), "{error}");
        store.get_raw(key).unwrap();
    }
    assert!(store.get_as::<f64>(1).unwrap().event.payload.is_nan());
    assert_eq!(
        store.get_as::<HashMap<u8, bool>>(2).unwrap().event.payload,
        map
    );
    assert_eq!(
        store.get(3).unwrap().event.payload,
        serde_json::json!([0, 255])
    );
    assert_eq!(store.get_raw(3).unwrap().event.payload, [0xc4, 2, 0, 255]);
    let error = store.get(4).unwrap_err();
    assert!(matches!(error, StoreError::NotFound(4)), "{error}");
}

#[test]
fn a_batch_stores_the_same_bytes_as_single_appends() {
    let directory = temporary();
    let store = open(directory.path());
    let order = Order {
        name: "x".into(),
        lines: Vec::new(),
        note: Some("y".into()),
    };
    let single = store.append(&at("a"), KIND, &order).unwrap();
    let none = (AppendOptions::new().with_flags(0x0b), CausationRef::None);
    let items = vec![
        BatchAppendItem::new(at("a"), KIND, &order, none.0, none.1).unwrap(),
        BatchAppendItem::new(at("a"), KIND, &Bytes(b"raw"), none.0, none.1).unwrap(),
    ];
    let batch = store.append_batch(items).unwrap();
    let raw = |receipt: &AppendReceipt| store.get_raw(receipt.event_id).unwrap().event;
    assert_eq!(raw(&single).payload, raw(&batch[0]).payload);
    assert_eq!(raw(&batch[1]).payload, b"\xc4\x03raw");
    let header = raw(&batch[0]).header;
    assert!(header.requires_ack() && header.is_transactional() && header.is_replay());
}

#[test]
fn payloads_at_their_boundaries() {
    // A text of n bytes takes up to five bytes more.
    let sizes = [
        0, 1, 31, 32, 255, 256, 4095, 4096, 65_535, 65_536, 1_000_000,
    ];
    check(
        |store| {
            for size in sizes {
                store
                    .append(&at(&format!("of:{size}")), KIND, &"x".repeat(size))
                    .unwrap();
            }
        },
        |store| {
            for size in sizes {
                let entry = store.stream(&format!("of:{size}"))[0].event_id;
                let read = store.get_as::<String>(entry).unwrap().event.payload;
                assert!(read == "x".repeat(size), "{size}");
            }
            assert_sound(store, sizes.len());
        },
    );
}

#[test]
fn the_limit_of_a_single_append() {
    let directory = temporary();
    let config = config(directory.path()).with_single_append_max_bytes(1000);
    let store = Store::open(config).unwrap();
    store.append(&at("a"), KIND, &"x".repeat(997)).unwrap();
    let error = store.append(&at("a"), KIND, &"x".repeat(998)).unwrap_err();
    let StoreError::Configuration(text) = &error else {
        panic!("{error}")
    };
    assert!(text.contains("single_append_max_bytes"), "{text}");
    assert!(error.certainly_not_written());
    assert_sound(&store, 1);
}

#[test]
fn the_largest_payload_there_is() {
    const LARGEST: u32 = 64 * 1024 * 1024;
    let directory = temporary();
    let config = || StoreConfig::new(directory.path()).with_single_append_max_bytes(LARGEST);
    let store = Store::open(config()).unwrap();
    let payload = vec![0xa5; LARGEST as usize - 5];
    let receipt = store.append(&at("a"), KIND, &Bytes(&payload)).unwrap();
    append_numbers(&store, "b", 0..2);
    assert!(store.get_raw(receipt.event_id).unwrap().event.payload[5..] == payload);
    let over = vec![0; LARGEST as usize];
    store.append(&at("a"), KIND, &Bytes(&over)).unwrap_err();
    store.close().unwrap();
    let store = Store::open(config()).unwrap();
    assert!(store.get_raw(receipt.event_id).unwrap().event.payload[5..] == payload);
    assert_eq!(numbers(&store, "b"), [0, 1]);
}

#[test]
fn names_up_to_their_limit() {
    let long = "n".repeat(1024);
    let wide = "\u{1F980}".repeat(256);
    let names = ["a", "a b\nc", "ä@ö", "\0", long.as_str(), wide.as_str()];
    check(
        |store| {
            for name in names {
                for scope in names {
                    let coord = Coordinate::new(name, scope).unwrap();
                    store.append(&coord, KIND, &(name, scope)).unwrap();
                }
            }
        },
        |store| {
            for name in names {
                let stream = store.stream(name);
                let scopes: Vec<_> = stream.iter().map(|entry| entry.coord.scope()).collect();
                assert_eq!(scopes, names);
                for entry in &stream {
                    let stored = store.get_as::<(String, String)>(entry.event_id).unwrap();
                    assert_eq!(stored.coordinate, entry.coord);
                    assert_eq!(stored.event.payload.0, name);
                    assert_eq!(stored.event.payload.1, entry.coord.scope());
                }
            }
            assert_sound(store, names.len() * names.len());
        },
    );
    for (entity, scope) in [
        ("", "a"),
        ("a", ""),
        (&*"n".repeat(1025), "a"),
        ("a", &"n".repeat(1025)),
    ] {
        Coordinate::new(entity, scope).unwrap_err();
    }
}

#[test]
fn every_kind_but_the_reserved_ones() {
    let directory = temporary();
    let store = open(directory.path());
    let mut tickets = Vec::new();
    for bits in 0..=u16::MAX {
        let kind = EventKind::from_u16(bits);
        let submitted = store.submit(&at("a"), kind, &bits);
        let reserved = bits >> 12 == 0 || bits >> 12 == 0xD;
        match submitted {
            Err(StoreError::ReservedKind(named)) if reserved => assert_eq!(named, kind),
            Ok(ticket) if !reserved => tickets.push((bits, ticket)),
            other => panic!("kind {bits:#06x}: {other:?}"),
        }
    }
    assert_eq!(tickets.len(), 14 * 4096);
    for (_, ticket) in tickets {
        ticket.wait().unwrap();
    }
    store.close().unwrap();
    let store = open(directory.path());
    let kinds: Vec<_> = store
        .stream("a")
        .iter()
        .map(|entry| entry.kind.as_u16())
        .collect();
    let expected: Vec<_> = (0..=u16::MAX)
        .filter(|bits| !matches!(bits >> 12, 0 | 0xD))
        .collect();
    assert!(kinds == expected);
    for bits in [0x1000u16, 0x1fff, 0xcfff, 0xE000, 0xffff] {
        let found = store.by_fact(EventKind::from_u16(bits));
        assert_eq!(found.len(), 1);
        let event = store.get_as::<u16>(found[0].event_id).unwrap().event;
        assert_eq!((event.payload, event.event_kind().as_u16()), (bits, bits));
    }
}

#[test]
fn ids_flags_causes_and_correlations() {
    check(
        |store| {
            let options = AppendOptions::new()
                .with_idempotency(u128::MAX)
                .with_flags(0xff)
                .with_correlation(0)
                .with_causation(u128::MAX - 1);
            store
                .append_with_options(&at("a"), KIND, &1, options)
                .unwrap();
            store
                .append_reaction(&at("b"), KIND, &2, u128::MAX, u128::MAX)
                .unwrap();
            store.append(&at("c"), KIND, &3).unwrap();
        },
        |store| {
            let header = store.get(u128::MAX).unwrap().event.header;
            assert_eq!(header.flags, 0xff);
            assert_eq!(
                (header.correlation_id, header.causation_id),
                (0, Some(u128::MAX - 1))
            );
            let reaction = &store.stream("b")[0];
            assert!(reaction.is_correlated() && reaction.is_caused_by(u128::MAX));
            assert_eq!(reaction.correlation_id, u128::MAX);
            let root = &store.stream("c")[0];
            assert!(!root.is_correlated() && root.is_root_cause());
            let event = store.get(root.event_id).unwrap().event;
            assert!(event.is_genesis());
            assert_eq!(event.header.position.sequence, 0);
        },
    );
}
