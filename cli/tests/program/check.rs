//! `check` tells what an opening would mend, and changes nothing.

use crate::args;
use crate::harness::{Place, batpak, batpak_fed, files, lines, newest_segment, program};
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Leaves a store as a killed writer does.
fn killed_store(store: &Path) {
    let mut child = program(args!["import", "ndjson", "-", store, "--batch", "1"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // What is written at once stands or falls together: the last event is written alone.
    for (from, to) in [(0, 19), (19, 20)] {
        stdin.write_all(lines(from, to).as_bytes()).unwrap();
        let begun = Instant::now();
        while count(store) < u64::from(to) {
            assert!(
                begun.elapsed() < Duration::from_secs(30),
                "the writer writes nothing"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

fn count(store: &Path) -> u64 {
    match batpak(args!["stats", store, "--json"]) {
        ran if ran.code == Some(0) => ran.json()["event_count"].as_u64().unwrap(),
        _ => 0,
    }
}

#[test]
fn a_store_that_was_closed_needs_nothing() {
    let place = Place::new();
    let store = place.path("store");
    batpak_fed(
        args!["import", "ndjson", "-", &store],
        lines(0, 5).as_bytes(),
    )
    .ok();
    assert!(
        batpak(args!["check", &store])
            .ok()
            .contains("there is nothing to mend")
    );
    let told = batpak(args!["check", &store, "--json"]).json();
    assert_eq!(
        (&told["unclean"], &told["torn_bytes"]),
        (&false.into(), &0.into())
    );
}

#[test]
fn a_torn_end_is_told_and_left_as_it_is() {
    let place = Place::new();
    let store = place.path("store");
    killed_store(&store);
    let whole = count(&store);
    let segment = newest_segment(&store);
    // Space is reserved ahead as zeros, so that the last write ends where they begin.
    let bytes = std::fs::read(&segment).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap() as u64;
    std::fs::File::options()
        .write(true)
        .open(&segment)
        .unwrap()
        .set_len(end - 3)
        .unwrap();
    let before = files(&store);
    let told = batpak(args!["check", &store, "--json"]).json();
    assert_eq!(told["unclean"], true);
    assert!(told["torn_bytes"].as_u64().unwrap() > 0, "{told}");
    assert_eq!(told["event_count"], whole - 1);
    assert!(
        batpak(args!["check", &store])
            .ok()
            .contains("never finished")
    );
    assert_eq!(files(&store), before);
    // The next writer does what was told.
    batpak_fed(
        args!["import", "ndjson", "-", &store],
        lines(50, 51).as_bytes(),
    )
    .ok();
    let told = batpak(args!["check", &store, "--json"]).json();
    assert_eq!(
        (&told["unclean"], &told["event_count"]),
        (&false.into(), &whole.into())
    );
    assert_eq!(told["kept_aside"].as_array().unwrap().len(), 1);
}
