//! `repair` makes a store of what an opening refuses, and tells what is missing.

use crate::args;
use crate::harness::{Place, batpak, batpak_fed, content, files, lines, newest_segment};
use std::path::{Path, PathBuf};

/// A store of several segments, and what it holds.
fn filled(place: &Place) -> (PathBuf, Vec<serde_json::Value>) {
    let store = place.path("store");
    for from in [0, 100, 200] {
        let lines = lines(from, from + 100);
        let import = args!["import", "ndjson", "-", &store, "--batch", "10"];
        batpak_fed(import, lines.as_bytes()).ok();
    }
    let before = content(&store);
    assert_eq!(before.len(), 300);
    (store, before)
}

/// Events behind a lost one of their entity have an earlier place in it.
fn without_clocks(mut events: Vec<serde_json::Value>) -> Vec<serde_json::Value> {
    for event in &mut events {
        event.as_object_mut().unwrap().remove("clock").unwrap();
    }
    events
}

fn flip(path: &Path, at: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[at] ^= 4;
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn what_is_whole_is_saved_and_what_is_lost_is_told() {
    let place = Place::new();
    let (store, before) = filled(&place);
    flip(&store.join("000002.fbat"), 2000);
    batpak(args!["check", &store]).failed(1);
    let damaged = files(&store);
    let mended = place.path("mended");
    let ran = batpak(args!["repair", &store, &mended]);
    assert_eq!(ran.code, Some(6), "{}", ran.stderr);
    for part in [
        "kept 1",
        "saved 1",
        "from behind the damage",
        "missing:",
        "000002.fbat, bytes ",
    ] {
        assert!(ran.stdout.contains(part), "no {part:?} in {}", ran.stdout);
    }
    ran.failed(6);
    assert_eq!(files(&store), damaged);
    batpak(args!["verify", &mended]).ok();
    let (before, after) = (without_clocks(before), without_clocks(content(&mended)));
    assert!(
        (200..300).contains(&after.len()),
        "what was written at once is lost"
    );
    assert!(after.iter().all(|event| before.contains(event)));
    // As a document, and never into a directory that is not empty.
    let other = place.path("other");
    let ran = batpak(args!["repair", &store, &other, "--json"]);
    assert_eq!(ran.code, Some(6));
    let told: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(told["complete"], false);
    let (kept, saved) = (&told["kept"]["events"], &told["saved"]["events"]);
    assert_eq!(
        kept.as_u64().unwrap() + saved.as_u64().unwrap(),
        after.len() as u64
    );
    let lost = told["lost"].as_array().unwrap();
    assert_eq!((lost.len(), &lost[0]["file"]), (1, &"000002.fbat".into()));
    let sequences = &lost[0]["sequences"];
    let gone = sequences["end"].as_u64().unwrap() - sequences["first"].as_u64().unwrap();
    assert_eq!(gone, 300 - after.len() as u64, "{told:#}");
    let (from, end) = (&lost[0]["from_byte"], &lost[0]["end_byte"]);
    assert!(from.as_u64().unwrap() <= 2000 && end.as_u64().unwrap() > 2000);
    let refused = batpak(args!["repair", &store, &other]).failed(5);
    assert!(refused.contains("not empty"), "{refused}");
    let refused = batpak(args!["repair", &store, store.join("inside")]).failed(5);
    assert!(refused.contains("outside"), "{refused}");
}

#[test]
fn a_store_of_which_nothing_is_missing_is_code_0() {
    let place = Place::new();
    let (store, before) = filled(&place);
    // Indexes and footers are no events.
    let newest = newest_segment(&store);
    let len = std::fs::metadata(&newest).unwrap().len();
    flip(&newest, usize::try_from(len).unwrap() - 20);
    let mended = place.path("mended");
    let told = batpak(args!["repair", &store, &mended]).ok();
    assert!(told.contains("nothing is missing"), "{told}");
    assert_eq!(content(&mended), before);
    batpak(args!["repair", place.path("nothing"), place.path("new")]).failed(3);
}

#[test]
fn a_missing_segment_is_named() {
    let place = Place::new();
    let (store, _) = filled(&place);
    std::fs::remove_file(store.join("000002.fbat")).unwrap();
    let mended = place.path("mended");
    let ran = batpak(args!["repair", &store, &mended]);
    assert!(
        ran.stdout.contains("- segment 2: sequences 100 to 199"),
        "{}",
        ran.stdout
    );
    ran.failed(6);
    assert_eq!(content(&mended).len(), 200);
    batpak(args!["verify", &mended]).ok();
}

#[test]
fn a_lost_header_is_rebuilt() {
    let place = Place::new();
    let (store, before) = filled(&place);
    let damaged = store.join("000002.fbat");
    let mut bytes = std::fs::read(&damaged).unwrap();
    bytes[..168].fill(0);
    std::fs::write(&damaged, bytes).unwrap();
    batpak(args!["check", &store]).failed(1);
    let mended = place.path("mended");
    let told = batpak(args!["repair", &store, &mended]).ok();
    assert!(told.contains("rebuilt the header of 000002.fbat"), "{told}");
    assert_eq!(content(&mended), before);
    // Where nothing of it is whole, that is said.
    let len = std::fs::metadata(&damaged).unwrap().len();
    std::fs::write(&damaged, vec![0; usize::try_from(len).unwrap()]).unwrap();
    let ran = batpak(args!["repair", &store, place.path("other"), "--json"]);
    assert_eq!(ran.code, Some(6));
    let told: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(told["rebuilt_headers"], serde_json::json!([]));
    assert_eq!(told["left_out"][0]["file"], "000002.fbat");
}
