//! `verify` finds what was changed.

use crate::args;
use crate::harness::{Place, batpak, batpak_fed, lines, newest_segment};

/// The marker and the trailer that closing writes behind the last event.
const FOOTER_BYTES: usize = 96;

#[test]
fn a_good_store_verifies() {
    let place = Place::new();
    let store = place.path("store");
    batpak_fed(
        args!["import", "ndjson", "-", &store],
        lines(0, 100).as_bytes(),
    )
    .ok();
    assert!(
        batpak(args!["verify", &store])
            .ok()
            .contains("good: 100 events of 3 entities")
    );
    let told = batpak(args!["verify", &store, "--json"]).json();
    assert_eq!((&told["ok"], &told["events"]), (&true.into(), &100.into()));
    assert!(told["first_bad"].is_null());
}

#[test]
fn a_flipped_byte_anywhere_in_a_closed_store_is_found() {
    let place = Place::new();
    let store = place.path("store");
    batpak_fed(
        args!["import", "ndjson", "-", &store],
        lines(0, 50).as_bytes(),
    )
    .ok();
    let segment = newest_segment(&store);
    let good = std::fs::read(&segment).unwrap();
    for at in (0..good.len()).step_by(good.len() / 40) {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        std::fs::write(&segment, bad).unwrap();
        let ran = batpak(args!["verify", &store]);
        if at + FOOTER_BYTES >= good.len() {
            // No event is in the footer: without it the store only counts as not closed.
            ran.ok();
            continue;
        }
        assert!(
            matches!(ran.code, Some(1 | 3)),
            "byte {at}: {:?} {}",
            ran.code,
            ran.stdout
        );
        assert!(ran.stderr.starts_with("batpak: "), "{}", ran.stderr);
    }
    std::fs::write(&segment, &good).unwrap();
    batpak(args!["verify", &store]).ok();
}

#[test]
fn damage_is_told_in_json_too() {
    let place = Place::new();
    let store = place.path("store");
    batpak_fed(
        args!["import", "ndjson", "-", &store],
        lines(0, 50).as_bytes(),
    )
    .ok();
    let segment = newest_segment(&store);
    let mut bytes = std::fs::read(&segment).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    for command in ["verify", "check"] {
        let ran = batpak(args![command, &store, "--json"]);
        let told: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(told["ok"], false);
        assert!(
            told["refused"].as_str().unwrap().contains("restore"),
            "{told}"
        );
        ran.failed(1);
    }
}
