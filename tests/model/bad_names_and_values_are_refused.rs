//! Names at their limits and beyond, wherever they come from, and ranges that make no sense.

use batpak::coordinate::{DagPosition, MAX_COORDINATE_COMPONENT_LEN};
use batpak::prelude::*;
use std::cmp::Ordering;

const KIND: EventKind = EventKind::custom(0x1, 1);

#[test]
fn a_name_has_1_to_1024_bytes() {
    assert_eq!(MAX_COORDINATE_COMPONENT_LEN, 1024);
    let max = MAX_COORDINATE_COMPONENT_LEN;
    for len in [0, 1, max - 1, max, max + 1, 1 << 20] {
        let name = "n".repeat(len);
        let as_entity = Coordinate::new(&name, "s");
        let as_scope = Coordinate::new("e", &name);
        match len {
            0 => {
                assert_eq!(as_entity, Err(CoordinateError::EmptyEntity));
                assert_eq!(as_scope, Err(CoordinateError::EmptyScope));
            }
            len if len > max => {
                assert_eq!(as_entity, Err(CoordinateError::EntityTooLong { len, max }));
                assert_eq!(as_scope, Err(CoordinateError::ScopeTooLong { len, max }));
            }
            _ => assert!(as_entity.is_ok() && as_scope.is_ok(), "{len}"),
        }
    }
}

/// A coordinate that came through serde is as good as one that was made here.
#[test]
fn a_bad_name_is_refused_from_json_and_message_pack_too() {
    let long = "n".repeat(1025);
    for (entity, scope) in [
        ("", "s"),
        ("e", ""),
        (long.as_str(), "s"),
        ("e", long.as_str()),
    ] {
        let value = serde_json::json!({"entity": entity, "scope": scope});
        assert!(serde_json::from_value::<Coordinate>(value.clone()).is_err());
        let bytes = rmp_serde::to_vec_named(&value).unwrap();
        assert!(rmp_serde::from_slice::<Coordinate>(&bytes).is_err());
    }
}

#[test]
fn names_at_the_limit_and_of_any_characters_are_stored() {
    let directory = tempfile::tempdir().unwrap();
    let config = StoreConfig::new(directory.path());
    let store = Store::open(config.clone()).unwrap();
    let longest = "\u{20AC}".repeat(341) + "n";
    let names = [
        longest.as_str(),
        " ",
        "\0",
        "a@b@c",
        "../..",
        "\n",
        "\u{feff}",
        "a:*",
    ];
    for entity in names {
        for scope in names {
            let at = Coordinate::new(entity, scope).unwrap();
            store.append(&at, KIND, &(entity, scope)).unwrap();
        }
    }
    store.close().unwrap();
    let store = Store::open(config).unwrap();
    for name in names {
        let of_entity = store.stream(name);
        assert!(of_entity.iter().all(|entry| entry.coord.entity() == name));
        let in_scope = store.by_scope(name);
        assert!(in_scope.iter().all(|entry| entry.coord.scope() == name));
        assert_eq!(
            (of_entity.len(), in_scope.len()),
            (names.len(), names.len())
        );
    }
    assert!(store.verify().unwrap().first_bad.is_none());
    store.close().unwrap();
}

#[test]
fn a_region_that_nothing_can_match_matches_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(StoreConfig::new(directory.path())).unwrap();
    for entity in ["e", "e:1", "f"] {
        for _ in 0..3 {
            let at = Coordinate::new(entity, "s").unwrap();
            store.append(&at, KIND, &()).unwrap();
        }
    }
    let found = |region: Region| store.query(&region).len();
    assert_eq!(found(Region::all()), 9);
    assert_eq!(
        found(Region::entity("")),
        9,
        "every name begins with nothing"
    );
    assert_eq!(found(Region::entity("e")), 6);
    assert_eq!(found(Region::entity_exact("e")), 3);
    assert_eq!(found(Region::entity_exact("")), 0);
    assert_eq!(found(Region::scope("")), 0);
    assert_eq!(found(Region::entity("n".repeat(5000))), 0);
    assert_eq!(found(Region::all().with_clock_range((1, 2))), 6);
    assert_eq!(found(Region::all().with_clock_range((2, 1))), 0, "inverted");
    assert_eq!(found(Region::all().with_clock_range((u32::MAX, 0))), 0);
    assert_eq!(found(Region::all().with_clock_range((0, u32::MAX))), 9);
    assert_eq!(found(Region::all().with_fact_category(0x10)), 0);
    assert_eq!(found(Region::all().with_fact_category(u8::MAX)), 0);
    assert_eq!(found(Region::all().with_fact(KindFilter::Any)), 9);
    assert_eq!(found(Region::all().with_fact(KindFilter::Exact(KIND))), 9);
    assert_eq!(
        found(Region::all().with_fact(KindFilter::Exact(EventKind::TOMBSTONE))),
        0
    );
    store.close().unwrap();
}

#[test]
fn positions_at_their_limits_neither_panic_nor_wrap() {
    let last = DagPosition::with_hlc(u64::MAX, u16::MAX, u32::MAX, u32::MAX, u32::MAX);
    let max = u32::MAX;
    assert_eq!(
        last.to_string(),
        format!("{max}:{max}:{max}@{}.{}", u64::MAX, u16::MAX)
    );
    assert_eq!(DagPosition::fork(u32::MAX, 1).depth, u32::MAX);
    assert_eq!(last.partial_cmp(&last), Some(Ordering::Equal));
    assert_eq!(last.partial_cmp(&DagPosition::root()), None);
    assert!(DagPosition::child(u32::MAX - 1) < DagPosition::child(u32::MAX));
    assert!(!DagPosition::child(0).is_ancestor_of(&DagPosition::child(0)));
    assert!(DagPosition::child_at(0, u64::MAX, 1).is_root());
}
