//! A bit that differs below the footer of a closed store is a typed error: never a silent
//! difference, never a panic, and the directory is left as it was found.

use crate::harness::*;
use batpak::prelude::*;
use std::collections::BTreeMap;

type Files = BTreeMap<String, Vec<u8>>;

/// A store with events, a batch and two entities; every event is in the list.
fn written(close: bool) -> (Files, Vec<AppendReceipt>) {
    let directory = temporary();
    let store = open(directory.path());
    let mut receipts = append_numbers(&store, "a", 0..3);
    receipts.extend(
        store
            .append_batch(vec![item("b", 0), item("a", 3)])
            .unwrap(),
    );
    receipts.extend(append_numbers(&store, "b", 1..3));
    if close {
        store.close().unwrap();
        return (contents(directory.path()), receipts);
    }
    (contents(directory.path()), receipts)
}

fn end_of(receipt: &AppendReceipt) -> usize {
    let place = receipt.disk_pos;
    usize::try_from(place.offset).unwrap() + place.length as usize
}

fn flipped(files: &Files, at: usize, bit: u8) -> Files {
    let mut files = files.clone();
    files.get_mut("000001.fbat").unwrap()[at] ^= 1 << bit;
    files
}

fn assert_refused(files: &Files, what: &str) {
    let directory = directory_of(files);
    let refused = [
        Store::open(config(directory.path())).map(drop),
        Store::open_read_only(config(directory.path())).map(drop),
    ];
    for refused in refused {
        let Err(error) = refused else {
            panic!("{what}: nobody noticed")
        };
        let typed = matches!(
            error,
            StoreError::CrcMismatch { segment_id: 1, .. }
                | StoreError::CorruptSegment { segment_id: 1, .. }
        );
        assert!(typed, "{what}: {error}");
    }
    assert_same_files(files, &contents(directory.path()), what);
}

#[test]
fn at_every_byte_of_a_closed_store() {
    let (files, receipts) = written(true);
    let end = end_of(receipts.last().unwrap());
    let mut random = seeded("bits");
    for at in 0..end {
        let bit = random.u8(..8);
        assert_refused(
            &flipped(&files, at, bit),
            &format!("bit {bit} of byte {at} of {end}"),
        );
    }
}

/// The machine was not restarted, so nothing that was written can be missing: only the last group
/// may be torn, and a flip before it is damage.
#[test]
fn at_every_byte_of_a_killed_store() {
    let (files, receipts) = written(false);
    let (last, before_last) = (&receipts[6], &receipts[5]);
    let mut random = seeded("bits");
    for at in 0..end_of(last) {
        let bit = random.u8(..8);
        let files = flipped(&files, at, bit);
        let what = format!("bit {bit} of byte {at} of a killed store");
        if at < end_of(before_last) {
            assert_refused(&files, &what);
            continue;
        }
        let directory = directory_of(&files);
        let store = open(directory.path());
        assert_eq!(numbers(&store, "b"), [0, 1], "{what}");
        let report = store.diagnostics().recovery;
        assert!(
            report.set_aside.is_some(),
            "{what}: repaired and not reported"
        );
    }
}

/// A flip under a running store is found when the event is read.
#[test]
fn under_a_running_store() {
    let directory = temporary();
    let store = open(directory.path());
    let receipts = append_numbers(&store, "a", 0..3);
    let place = receipts[1].disk_pos;
    let segment = &segments(directory.path())[0];
    let mut bytes = std::fs::read(segment).unwrap();
    for at in place.offset..place.offset + u64::from(place.length) {
        let at = usize::try_from(at).unwrap();
        bytes[at] ^= 0x40;
        write_under(segment, &bytes);
        let error = store.get_raw(receipts[1].event_id).unwrap_err();
        let typed = matches!(
            error,
            StoreError::CrcMismatch { .. } | StoreError::CorruptSegment { .. }
        );
        assert!(typed, "byte {at}: {error}");
        let bad = store.verify().unwrap().first_bad.unwrap();
        assert_eq!(bad.event_id, receipts[1].event_id);
        assert_eq!(
            (bad.entity.as_str(), bad.sequence),
            ("a", receipts[1].sequence)
        );
        bytes[at] ^= 0x40;
    }
    write_under(segment, &bytes);
    assert_sound(&store, 3);
}

/// Writes a file's bytes in place, as a bad disk would: the file is not replaced.
fn write_under(path: &std::path::Path, bytes: &[u8]) {
    use std::os::unix::fs::FileExt;
    let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    file.write_all_at(bytes, 0).unwrap();
}
