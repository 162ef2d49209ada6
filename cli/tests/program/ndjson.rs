//! `import ndjson` and `export ndjson`: what goes out comes in again.

use crate::args;
use crate::harness::{Place, batpak, batpak_fed, content, lines};
use crate::history::everything;
use batpak::prelude::*;
use std::path::Path;

fn count(store: &Path) -> u64 {
    batpak(args!["stats", store, "--json"]).json()["event_count"]
        .as_u64()
        .unwrap()
}

#[test]
fn an_export_of_any_payload_imports_to_an_equal_store() {
    let place = Place::new();
    let (store, other, file) = (
        place.path("store"),
        place.path("other"),
        place.path("export"),
    );
    let repository = place.path("project");
    everything().write(&repository);
    batpak(args!["import", "git", &repository, &store]).ok();
    let writing = Store::open(StoreConfig::new(&store)).unwrap();
    let entity = Coordinate::new("odd", "sco\npe").unwrap();
    let root = writing.append(&entity, EventKind::DATA, &f64::NAN).unwrap();
    let options = AppendOptions::new()
        .with_flags(0x0B)
        .with_correlation(u128::MAX)
        .with_causation(root.event_id);
    let kind = EventKind::custom(0xF, 0xABC);
    for payload in [
        serde_json::json!(null),
        serde_json::json!({"msgpack": "c0", "a": [0.1, -0.0]}),
    ] {
        writing
            .append_with_options(&entity, kind, &payload, options)
            .unwrap();
    }
    writing.append(&entity, kind, &1.5_f32).unwrap();
    writing
        .append(&entity, kind, &std::collections::BTreeMap::from([(1, 2)]))
        .unwrap();
    writing.close().unwrap();

    batpak(args!["export", "ndjson", &store, &file]).ok();
    batpak(args!["import", "ndjson", &file, &other]).ok();
    assert_eq!(content(&other), content(&store));
    let raw = |path: &Path| {
        let store = Store::open_read_only(StoreConfig::new(path)).unwrap();
        let entries = store.query(&Region::all()).into_iter();
        let events = entries.map(|entry| store.get_raw(entry.event_id).unwrap().event.payload);
        events.collect::<Vec<_>>()
    };
    assert_eq!(raw(&other), raw(&store), "bit by bit");
    let by_content = |store: &Path| batpak(args!["export", "ndjson", "--content", store]).ok();
    assert_eq!(by_content(&other), by_content(&store));
    let from_pipe = place.path("from pipe");
    let export = batpak(args!["export", "ndjson", &store, "-"]).ok();
    assert_eq!(export, std::fs::read_to_string(&file).unwrap());
    batpak_fed(
        args!["import", "ndjson", "-", &from_pipe],
        export.as_bytes(),
    )
    .ok();
    assert_eq!(content(&from_pipe), content(&store));
}

#[test]
fn lines_with_ids_are_stored_once_however_they_are_cut() {
    let place = Place::new();
    let store = place.path("store");
    batpak_fed(
        args!["import", "ndjson", "-", &store],
        lines(0, 250).as_bytes(),
    )
    .ok();
    let twice = lines(0, 450) + &lines(100, 500) + &lines(499, 500);
    let again = batpak_fed(
        args!["import", "ndjson", "-", &store, "--json", "--batch", "7"],
        twice.as_bytes(),
    );
    let again = again.json();
    assert_eq!(
        (&again["events_new"], &again["events_present"]),
        (&250.into(), &601.into())
    );
    let numbers: Vec<_> = content(&store)
        .iter()
        .map(|event| event["payload"]["n"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, (0..500).collect::<Vec<_>>());
}

#[test]
fn an_id_that_stands_for_another_event_is_told_and_changes_nothing() {
    let place = Place::new();
    let store = place.path("store");
    batpak_fed(
        args!["import", "ndjson", "-", &store],
        lines(0, 2).as_bytes(),
    )
    .ok();
    let before = content(&store);
    let other = lines(0, 2).replace("\"n\":1", "\"n\":7");
    let ran = batpak_fed(args!["import", "ndjson", "-", &store], other.as_bytes()).ok();
    assert!(ran.contains("1  already there with other content"), "{ran}");
    assert_eq!(content(&store), before);
}

#[test]
fn a_line_without_an_id_is_a_new_event_each_time() {
    let place = Place::new();
    let store = place.path("store");
    let line = b"{\"entity\":\"e\",\"scope\":\"s\",\"kind\":\"0x1000\",\"payload\":1}\n\n";
    for expected in 1..=2 {
        batpak_fed(args!["import", "ndjson", "-", &store], line).ok();
        assert_eq!(count(&store), expected);
    }
}

#[test]
fn a_line_that_cannot_be_read_is_named_and_whole_batches_before_it_are_kept() {
    let place = Place::new();
    for (number, bad) in ["{", "nonsense", "[]", "{\"entity\":\"\"}", "\u{feff}{}"]
        .iter()
        .enumerate()
    {
        let store = place.path(&format!("store {number}"));
        let input = format!("{}{bad}\n{}", lines(0, 450), lines(450, 900));
        let ran = batpak_fed(args!["import", "ndjson", "-", &store], input.as_bytes());
        let sentence = ran.failed(1);
        assert!(sentence.contains("line 451 "), "{sentence}");
        assert!(sentence.contains("lines 1 to 400 are stored"), "{sentence}");
        assert_eq!(count(&store), 400);
    }
}

#[test]
fn bytes_that_are_no_text_and_unknown_fields_are_bad_lines() {
    let place = Place::new();
    let good = lines(0, 1);
    let unknown = good.replace("\"scope\"", "\"colour\":1,\"scope\"");
    for (bad, says) in [
        (&b"\xff\xfe\n"[..], "line 2 "),
        (unknown.as_bytes(), "unknown field"),
    ] {
        let store = place.path(says);
        let input = [good.as_bytes(), bad].concat();
        let ran = batpak_fed(
            args!["import", "ndjson", "-", &store, "--batch", "1"],
            &input,
        );
        let sentence = ran.failed(1);
        assert!(
            sentence.contains(says) && sentence.contains("line 1 is stored"),
            "{sentence}"
        );
        assert_eq!(count(&store), 1);
    }
}

#[test]
fn a_last_line_needs_no_end() {
    let place = Place::new();
    let store = place.path("store");
    batpak_fed(
        args!["import", "ndjson", "-", &store],
        lines(0, 3).trim_end().as_bytes(),
    )
    .ok();
    assert_eq!(count(&store), 3);
}
