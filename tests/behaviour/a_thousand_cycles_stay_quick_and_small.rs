//! A store that is opened, written and closed 1,000 times stays quick to open and small in files.

use crate::harness::*;
use batpak::prelude::*;
use std::time::{Duration, Instant};

/// Eight neighbours of one size class become one, so the files grow with the logarithm.
const FILES_MAX: usize = 60;
/// A late opening may cost this many times an early one: it reads hundreds of times the events.
const SLOWER_MAX: u32 = 40;
const SAMPLE: usize = 20;

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

#[test]
fn a_thousand_cycles() {
    let cycles = scaled(1000) as u64;
    let directory = temporary();
    // The limits of a normal store: merging stops only at its segment size.
    let config = || StoreConfig::new(directory.path());
    let mut openings = Vec::new();
    let mut files_most = 0;
    for cycle in 0..cycles {
        let begun = Instant::now();
        let store = Store::open(config()).unwrap();
        openings.push(begun.elapsed());
        assert_eq!(store.stats().event_count as u64, cycle);
        store.append(&at("a"), KIND, &cycle).unwrap();
        store.close().unwrap();
        files_most = files_most.max(contents(directory.path()).len());
    }
    let early = median(openings[..SAMPLE.min(openings.len())].to_vec());
    let late = median(openings[openings.len().saturating_sub(SAMPLE)..].to_vec());
    let files = contents(directory.path());
    let bytes: usize = files.values().map(Vec::len).sum();
    println!("opening: early {early:?}, late {late:?}; at most {files_most} files, {bytes} bytes");
    assert!(files_most < FILES_MAX, "{files_most} files");
    assert!(
        late < early.max(Duration::from_millis(1)) * SLOWER_MAX,
        "{early:?} then {late:?}"
    );
    let store = Store::open(config()).unwrap();
    assert_eq!(numbers(&store, "a"), (0..cycles).collect::<Vec<_>>());
    let sequences: Vec<_> = store
        .stream("a")
        .iter()
        .map(|entry| entry.global_sequence)
        .collect();
    assert!(sequences.is_sorted_by(|one, next| one < next));
    assert_sound(&store, openings.len());
    store.close().unwrap();
}

#[test]
fn a_cursor_stands_still_over_merges() {
    let directory = temporary();
    let mut seen = Vec::new();
    for cycle in 0..40u64 {
        let store = open(directory.path());
        append_numbers(&store, "a", cycle..cycle + 1);
        let entries = store.query(&Region::all());
        assert_eq!(entries.len() as u64, cycle + 1);
        let ids: Vec<_> = entries
            .iter()
            .map(|entry| (entry.global_sequence, entry.event_id, entry.hash_chain))
            .collect();
        assert_eq!(
            ids[..seen.len()],
            seen[..],
            "a merge changed what was read before"
        );
        seen = ids;
        store.close().unwrap();
    }
    assert!(segments(directory.path()).len() < 20);
}
