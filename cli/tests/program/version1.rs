//! A directory of the released batpak is read like any other, and named as what it is.

use crate::args;
use crate::harness::{Place, batpak, batpak_fed, content, files, lines};
use serde_json::Value;
use std::path::{Path, PathBuf};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/version1")
}

/// Copies a fixture.
fn copy(place: &Place, fixture: &str) -> PathBuf {
    let store = place.path(fixture);
    std::fs::create_dir(&store).unwrap();
    for (path, bytes) in files(&fixtures().join(fixture)) {
        std::fs::write(store.join(path.file_name().unwrap()), bytes).unwrap();
    }
    store
}

fn expected(fixture: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(fixtures().join(fixture).with_extension("ndjson")).unwrap();
    let line = |line| serde_json::from_str(line).unwrap();
    text.lines().map(line).collect()
}

#[test]
fn every_command_that_reads_reads_it_and_changes_nothing() {
    let place = Place::new();
    for fixture in ["closed", "crashed"] {
        let store = copy(&place, fixture);
        let before = files(&store);
        let expected = expected(fixture);
        let found = batpak(args!["export", "ndjson", &store]).json_lines();
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            for field in [
                "id", "sequence", "entity", "scope", "kind", "clock", "payload",
            ] {
                assert_eq!(found[field], expected[field], "{fixture}, {field}");
            }
        }
        let stats = batpak(args!["stats", &store, "--json"]).json();
        assert_eq!(stats["event_count"], expected.len());
        let stream = batpak(args!["stream", &store, "cart:7", "--json"]).json_lines();
        let of_cart = expected.iter().filter(|line| line["entity"] == "cart:7");
        assert_eq!(stream.len(), of_cart.count());
        let tail = batpak(args!["tail", &store, "-n", "3", "--json"]).json_lines();
        assert_eq!(tail[2]["id"], expected[expected.len() - 1]["id"]);
        let id = expected[3]["id"].as_str().unwrap();
        batpak(args!["show", &store, id]).ok();
        let verified = batpak(args!["verify", &store, "--json"]).json();
        assert_eq!(verified["version1_events"], expected.len());
        assert!(
            batpak(args!["verify", &store])
                .ok()
                .contains("of the released batpak (version 1)")
        );
        assert_eq!(files(&store), before, "{fixture}");
    }
}

#[test]
fn check_tells_what_would_be_taken_over() {
    let place = Place::new();
    let store = copy(&place, "closed");
    let told = batpak(args!["check", &store, "--json"]).json();
    assert_eq!(told["ok"], true);
    assert_eq!(told["version1"]["events"], 50);
    assert_eq!(told["version1"]["hidden_events"], 8);
    let text = batpak(args!["check", &store]).ok();
    assert!(
        text.contains("000001-1.fbat") && text.contains("6 files"),
        "{text}"
    );

    let store = copy(&place, "unfinished-batch");
    let text = batpak(args!["check", &store]).ok();
    assert!(
        text.contains("never finished") && text.contains("no end"),
        "{text}"
    );
}

#[test]
fn an_import_goes_on_behind_it() {
    let place = Place::new();
    let store = copy(&place, "closed");
    batpak_fed(
        args!["import", "ndjson", "-", &store],
        lines(0, 10).as_bytes(),
    )
    .ok();
    let found = content(&store);
    assert_eq!(found.len(), 60);
    let told = batpak(args!["check", &store, "--json"]).json();
    assert!(told["version1"].is_null(), "{told}");
    let verified = batpak(args!["verify", &store, "--json"]).json();
    assert_eq!(
        (&verified["events"], &verified["version1_events"]),
        (&60.into(), &50.into())
    );
}

#[test]
fn damage_in_it_is_refused() {
    let place = Place::new();
    let store = copy(&place, "closed");
    let ranges = store.join("visibility_ranges.fbv");
    let mut bytes = std::fs::read(&ranges).unwrap();
    bytes[20] ^= 1;
    std::fs::write(&ranges, bytes).unwrap();
    for command in ["check", "verify"] {
        let text = batpak(args![command, &store]).failed(1);
        assert!(text.contains("visibility_ranges.fbv is damaged"), "{text}");
    }
}

#[test]
fn a_damaged_one_is_repaired() {
    let place = Place::new();
    let store = copy(&place, "closed");
    let damaged = store.join("000004.fbat");
    let mut bytes = std::fs::read(&damaged).unwrap();
    bytes[4000] ^= 1;
    std::fs::write(&damaged, bytes).unwrap();
    batpak(args!["check", &store]).failed(1);
    let mended = place.path("mended");
    let ran = batpak(args!["repair", &store, &mended]);
    assert_eq!(ran.code, Some(6), "{}", ran.stderr);
    // Ranges of sequences are hidden behind the damage, where sequences are not known any more.
    let undecided = "6 events of which nobody can tell";
    for part in [
        "took over",
        "saved",
        "missing:",
        "000004.fbat, bytes ",
        undecided,
    ] {
        assert!(ran.stdout.contains(part), "no {part:?} in {}", ran.stdout);
    }
    batpak(args!["verify", &mended]).ok();
    let ids = |events: &[Value]| events.iter().map(|of| of["id"].clone()).collect::<Vec<_>>();
    let (expected, after) = (ids(&expected("closed")), ids(&content(&mended)));
    assert!(after.len() >= expected.len() - 7, "{}", ran.stdout);
    assert!(after.iter().all(|id| expected.contains(id)));
}
