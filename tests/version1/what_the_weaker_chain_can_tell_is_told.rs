//! `verify` checks of version 1 what its hashes cover, and counts the rest.

use crate::harness::*;
use batpak::prelude::*;
use std::ops::Range;

const NAME: &str = "000001.fbat";

/// Returns where the frames of a segment stand.
fn frames(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut at = 8 + usize::from(bytes[7]);
    let mut found = Vec::new();
    while let Some(length) = bytes.get(at..at + 4) {
        let length = u32::from_be_bytes(length.try_into().unwrap());
        let end = at + 8 + usize::try_from(length).unwrap();
        if end > bytes.len() {
            break;
        }
        found.push(at..end);
        at = end;
    }
    found
}

fn position(bytes: &[u8], part: &[u8]) -> usize {
    let found = bytes.windows(part.len()).position(|window| window == part);
    found.unwrap()
}

/// Opens a fixture without a footer, one of whose segments was changed.
fn changed(change: impl FnOnce(&mut Vec<u8>)) -> tempfile::TempDir {
    let mut files = files_of("unfinished-batch");
    change(files.get_mut(NAME).unwrap());
    directory_of(&files)
}

fn verified(directory: &tempfile::TempDir) -> batpak::store::Verification {
    let in_memory = open_read_only(directory.path()).verify().unwrap();
    let store = open(directory.path());
    let taken_over = store.verify().unwrap();
    store.close().unwrap();
    assert_eq!(in_memory, taken_over);
    taken_over
}

#[test]
fn a_changed_payload_is_named() {
    let directory = changed(|bytes| {
        let frame = frames(bytes)[4].clone();
        let body = &mut bytes[frame.start + 8..frame.end];
        // The text of the payload, each letter a number of its array.
        let at = position(body, b"tea, ");
        body[at] = b's';
        let crc = crc32(body);
        bytes[frame.start + 4..frame.start + 8].copy_from_slice(&crc.to_be_bytes());
    });
    let bad = verified(&directory).first_bad.unwrap();
    let expected = &listing_of("unfinished-batch")[4];
    assert_eq!(
        format!("{:032x}", bad.event_id),
        expected["id"].as_str().unwrap()
    );
}

#[test]
fn an_event_that_is_missing_breaks_a_link() {
    let whole = verified(&changed(|_| ()));
    assert_eq!(
        (whole.version1_events, whole.version1_broken_links),
        (15, 0)
    );
    let directory = changed(|bytes| {
        let frame = frames(bytes)[4].clone();
        bytes.drain(frame);
    });
    let found = verified(&directory);
    assert_eq!(found.first_bad, None);
    assert_eq!(
        (found.version1_events, found.version1_broken_links),
        (14, 1)
    );
    // The link is shown as it was stored.
    let before = &listing_of("unfinished-batch")[4];
    let store = open_read_only(directory.path());
    let shown = listing(&store);
    assert!(
        shown
            .iter()
            .any(|line| line["prev_hash"] == before["event_hash"])
    );
}

#[test]
fn and_new_events_are_checked_in_full() {
    let directory = changed(|_| ());
    let store = open(directory.path());
    let coord = Coordinate::new("order:1", "shop").unwrap();
    store.append(&coord, EventKind::DATA, &1).unwrap();
    store.close().unwrap();
    let found = open_read_only(directory.path()).verify().unwrap();
    assert_eq!((found.events, found.version1_events), (16, 15));
    assert_eq!((found.first_bad, found.version1_broken_links), (None, 0));
}

/// CRC-32 as in zlib, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = crc >> 1 ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

#[test]
fn and_a_walk_along_a_chain_ends_where_the_chain_does() {
    for fixture in FIXTURES {
        let directory = directory_of(&files_of(fixture));
        let store = open(directory.path());
        let entries = store.try_query(&Region::all()).unwrap();
        for entry in &entries {
            let walk: Vec<_> = store.walk_ancestors(entry.event_id, 1000);
            assert_eq!(walk[0].event.header.event_id, entry.event_id, "{fixture}");
            let mut expected = entry.hash_chain.event_hash;
            for stored in &walk {
                let chain = stored.event.hash_chain.unwrap();
                assert_eq!(chain.event_hash, expected, "{fixture}");
                expected = chain.prev_hash;
            }
            assert_eq!(
                expected, [0; 32],
                "{fixture}: the walk goes to the beginning"
            );
        }
    }
    // The link is stored, and nothing there has the hash.
    let directory = changed(|bytes| {
        let frame = frames(bytes)[4].clone();
        bytes.drain(frame);
    });
    let store = open(directory.path());
    let before = &listing_of("unfinished-batch")[4]["event_hash"];
    let orphan = listing(&store)
        .into_iter()
        .find(|line| line["prev_hash"] == *before);
    let id = u128::from_str_radix(orphan.unwrap()["id"].as_str().unwrap(), 16).unwrap();
    assert_eq!(store.walk_ancestors(id, 1000).len(), 1);
}
