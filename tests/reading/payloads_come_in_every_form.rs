//! Payloads as JSON, as a type and as the bytes that were stored: by id, along a walk, along a
//! chain; what a form cannot say is a typed error about that event.

use crate::harness::*;
use batpak::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    item: String,
    cents: u64,
}

/// Bytes, which serde would otherwise store as a list of numbers.
struct Bytes<'a>(&'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

/// A list in a list in a list, so many times.
struct Nested(u32);

impl Serialize for Nested {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            0 => serializer.serialize_unit(),
            deeper => [Self(deeper - 1)].serialize(serializer),
        }
    }
}

fn keyed(store: &Store, key: u128, payload: &impl Serialize) {
    let options = AppendOptions::new().with_idempotency(key);
    store
        .append_with_options(&at("a"), KIND, payload, options)
        .unwrap();
}

/// Writes, reads, closes, opens and reads again.
fn live_and_reopened(write: impl FnOnce(&Store), read: impl Fn(&Store)) {
    let directory = temporary();
    let store = open(directory.path());
    write(&store);
    read(&store);
    store.close().unwrap();
    read(&open(directory.path()));
}

#[test]
fn of_a_walk() {
    let orders = ["tea", "milk", "sugar"].map(|item| Order {
        item: item.into(),
        cents: 480,
    });
    live_and_reopened(
        |store| {
            for order in &orders {
                store.append(&at("a"), KIND, order).unwrap();
            }
        },
        |store| {
            let events = || store.events(&Region::all(), 0);
            let typed: Vec<Order> = events()
                .typed()
                .map(|event| event.unwrap().payload)
                .collect();
            assert_eq!(typed, orders);
            let mut back = events()
                .typed::<Order>()
                .rev()
                .map(|event| event.unwrap().payload);
            assert_eq!(back.next().as_ref(), orders.last());
            let json: Vec<_> = events()
                .json()
                .map(|event| event.unwrap().payload)
                .collect();
            assert_eq!(json[1], serde_json::json!({"item": "milk", "cents": 480}));
            for (event, order) in events().raw().zip(&orders) {
                let event = event.unwrap();
                assert_eq!(event.payload, rmp_serde::to_vec_named(order).unwrap());
                let stored = store.get_raw(event.event_id).unwrap().event;
                assert_eq!(event.payload_hash(), stored.header.content_hash);
            }
            let mut events = events();
            let length = events
                .next_back_with(|event| event.payload.len())
                .unwrap()
                .unwrap();
            assert_eq!(length, rmp_serde::to_vec_named(&orders[2]).unwrap().len());
        },
    );
}

#[test]
fn one_that_is_not_what_was_asked_for_is_told_by_its_id() {
    let directory = temporary();
    let store = open(directory.path());
    keyed(&store, 1, &1_u64);
    keyed(&store, 0xabc, &"two");
    keyed(&store, 3, &3_u64);
    for back in [false, true] {
        let mut events = store.events(&Region::all(), 0).typed::<u64>();
        let mut next = || {
            if back {
                events.next_back()
            } else {
                events.next()
            }
        };
        assert!(next().unwrap().is_ok());
        let error = next().unwrap().unwrap_err();
        assert!(matches!(error, StoreError::Serialization(_)), "{error}");
        assert!(error.to_string().contains("0abc at sequence 1"), "{error}");
        assert!(next().unwrap().is_ok(), "the walk goes on behind it");
        assert!(next().is_none());
    }
}

#[test]
fn what_json_cannot_say() {
    let map = HashMap::from([(7_u8, true)]);
    live_and_reopened(
        |store| {
            keyed(store, 1, &f64::NAN);
            keyed(store, 2, &map);
            keyed(store, 3, &f64::INFINITY);
        },
        |store| {
            for key in [1, 2, 3] {
                let error = store.get(key).unwrap_err();
                assert!(matches!(error, StoreError::Serialization(_)), "{error}");
                assert!(error.to_string().contains("get_raw"), "{error}");
                assert!(!store.get_raw(key).unwrap().event.payload.is_empty());
            }
            assert!(store.get_as::<f64>(1).unwrap().event.payload.is_nan());
            assert_eq!(
                store.get_as::<HashMap<u8, bool>>(2).unwrap().event.payload,
                map
            );
            let events = store.events(&Region::all(), 0).json();
            assert_eq!(events.filter(Result::is_err).count(), 3);
        },
    );
}

#[test]
fn bytes_are_numbers_in_json_and_bytes_in_the_log() {
    let every: Vec<u8> = (0..=255).collect();
    live_and_reopened(
        |store| {
            keyed(store, 1, &Bytes(&[]));
            keyed(store, 2, &Bytes(&every));
            let item = BatchAppendItem::new(
                at("a"),
                KIND,
                &Bytes(&every),
                AppendOptions::new().with_idempotency(3),
                CausationRef::None,
            );
            store.append_batch(vec![item.unwrap()]).unwrap();
        },
        |store| {
            assert_eq!(store.get(1).unwrap().event.payload, serde_json::json!([]));
            for key in [2, 3] {
                let json = store.get(key).unwrap().event.payload;
                assert_eq!(json, serde_json::to_value(&every).unwrap());
                let raw = store.get_raw(key).unwrap().event.payload;
                assert_eq!(raw[..3], [0xc5, 1, 0], "256 bytes as bytes");
                assert_eq!(raw[3..], every);
            }
        },
    );
}

#[test]
fn deep_nesting_is_read_up_to_a_limit_and_raw_beyond() {
    let directory = temporary();
    let store = open(directory.path());
    for (key, depth) in [(1, 20), (2, 100), (3, 300)] {
        keyed(&store, key, &Nested(depth));
    }
    for key in [1, 2] {
        assert!(store.get(key).unwrap().event.payload.is_array());
    }
    let error = store.get(3).unwrap_err();
    assert!(matches!(error, StoreError::Serialization(_)), "{error}");
    assert_eq!(store.get_raw(3).unwrap().event.payload.len(), 301);
    assert_eq!(store.walk_ancestors(3, 10), []);
    let lengths = store
        .ancestors(3)
        .unwrap()
        .map(|stored| stored.unwrap().event.payload.len());
    assert_eq!(lengths.collect::<Vec<_>>(), [301, 101, 21]);
}
