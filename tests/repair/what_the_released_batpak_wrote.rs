//! A directory of version 1 that nothing has taken over: a repair takes over what is whole before
//! the damage, appends what is whole behind it, and lists what is missing.

use crate::harness::*;
use batpak::store::RepairReport;
use batpak::testkit::MemoryFs;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const FIXTURES: [&str; 9] = [
    "closed",
    "crashed",
    "reopened-after-a-crash",
    "batch-over-segments",
    "unfinished-batch",
    "kinds-of-marks",
    "compacted",
    "clock-set-back",
    "empty",
];

fn fixture(name: &str) -> Files {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/version1");
    let entries = std::fs::read_dir(fixtures.join(name)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let file = |path: std::path::PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, std::fs::read(&path).unwrap())
    };
    paths.map(file).collect()
}

/// What an opening takes over.
fn taken_over(files: &Files) -> Result<Vec<Known>, batpak::store::StoreError> {
    let store = open_large_checked(&directory_of(files))?;
    let events = known(&store);
    store.close()?;
    Ok(events)
}

/// Repairs, and demands everything that holds whatever the damage was.
fn repaired(files: &Files, before: &[Known], what: &str) -> (RepairReport, Vec<Known>) {
    let (report, events) = repair_only(files);
    let mut seen = BTreeSet::new();
    let order: BTreeMap<_, _> = before.iter().map(|of| of.content.id).zip(0..).collect();
    let mut latest = None;
    for event in &events {
        assert!(seen.insert(event.content.id), "{what}: an event twice");
        let at = order.get(&event.content.id).copied();
        let at: usize = at.unwrap_or_else(|| panic!("{what}: {event:?} was invented: {report:?}"));
        assert!(latest < Some(at), "{what}: another order");
        latest = Some(at);
        let original = &before[at];
        assert!(
            original.content.is_apart_from_time(&event.content),
            "{what}: {event:?}"
        );
        if original.sequence < report.kept_below {
            assert_eq!(event, original, "{what}: the front has changed");
        } else {
            let highest = before.last().unwrap().sequence;
            assert!(event.sequence > highest, "{what}: a sequence is used twice");
        }
    }
    let missing = before.len() - events.len();
    let told = !report.is_complete() || report.torn_bytes > 0;
    assert!(
        missing == 0 || told,
        "{what}: {missing} are missing: {report:?}"
    );
    // What was written at once is there as a whole, or not at all: it has one time.
    let by_time = |events: &[Known]| {
        let mut counts = BTreeMap::<u64, usize>::new();
        for event in events {
            let time = before[order[&event.content.id]].content.wall_us;
            *counts.entry(time).or_default() += 1;
        }
        counts
    };
    let all = by_time(before);
    for (time, count) in by_time(&events) {
        let is_batch = all[&time] > 2;
        assert!(
            !is_batch || count == all[&time],
            "{what}: half of a batch: {report:?}"
        );
    }
    assert_eq!(
        report.kept_events + report.saved_events,
        events.len() as u64,
        "{what}"
    );
    (report, events)
}

#[test]
fn undamaged_is_taken_over() {
    for name in FIXTURES {
        let files = fixture(name);
        let expected = taken_over(&files).unwrap();
        let (report, events) = repaired(&files, &expected, name);
        assert_eq!(events, expected, "{name}");
        assert!(report.is_complete(), "{name}: {report:?}");
        assert_eq!(report.saved_events, 0, "{name}");
        let version1 = report.version1.unwrap();
        assert_eq!(version1.events, expected.len() as u64, "{name}");
    }
}

#[test]
fn with_a_flipped_byte_anywhere() {
    let (mut saved, mut refused) = (0, 0);
    for name in ["closed", "crashed", "batch-over-segments", "compacted"] {
        let whole = fixture(name);
        let before = taken_over(&whole).unwrap();
        let hides = whole.contains_key("visibility_ranges.fbv");
        for segment in segments(&whole) {
            for at in (0..whole[&segment].len()).step_by(113) {
                let what = format!("{name}: {segment} at {at}");
                let mut files = whole.clone();
                files.get_mut(&segment).unwrap()[at] ^= 1 << (at % 8);
                if let Ok(opened) = taken_over(&files) {
                    // Where an opening goes on, a repair finds no less.
                    let (report, events) = repair_only(&files);
                    assert!(events.len() >= opened.len(), "{what}: {report:?}");
                    continue;
                }
                let (report, events) = repaired(&files, &before, &what);
                (saved, refused) = (saved + report.saved_events, refused + 1);
                let gone = (before.len() - events.len()) as u64;
                let unsaved = report.not_saved.events();
                assert!(gone <= unsaved + 1, "{what}: {gone} are gone: {report:?}");
                assert!(hides || report.not_saved.undecided == 0, "{what}");
            }
        }
    }
    assert!(
        saved > 300 && refused > 100,
        "{saved} saved, {refused} refused"
    );
}

#[test]
fn with_a_segment_missing() {
    for name in ["closed", "batch-over-segments", "reopened-after-a-crash"] {
        let whole = fixture(name);
        let before = taken_over(&whole).unwrap();
        for segment in segments(&whole) {
            let mut files = whole.clone();
            files.remove(&segment);
            if taken_over(&files).is_ok() {
                // The newest one, and a gap as the released compaction leaves it.
                continue;
            }
            let what = format!("{name} without {segment}");
            let (report, events) = repaired(&files, &before, &what);
            assert_eq!(report.missing_segments.len(), 1, "{what}: {report:?}");
            assert!(!events.is_empty(), "{what}: {report:?}");
        }
    }
}

#[test]
fn with_its_header_gone() {
    for name in ["closed", "batch-over-segments"] {
        let whole = fixture(name);
        let before = taken_over(&whole).unwrap();
        for segment in segments(&whole) {
            let mut files = whole.clone();
            files.get_mut(&segment).unwrap()[..50].fill(0);
            if taken_over(&files).is_ok() {
                continue;
            }
            let what = format!("{name}: {segment}");
            let (report, events) = repaired(&files, &before, &what);
            let has_events = report.rebuilt_headers.iter().any(|of| of.file == segment);
            if has_events {
                assert_eq!(events.len(), before.len(), "{what}: {report:?}");
            } else {
                assert!(!report.is_complete(), "{what}: {report:?}");
            }
        }
    }
}

#[test]
fn cut_short_anywhere() {
    for name in ["closed", "batch-over-segments"] {
        let whole = fixture(name);
        let before = taken_over(&whole).unwrap();
        for segment in segments(&whole) {
            for keep in (0..whole[&segment].len()).step_by(173) {
                let what = format!("{name}: {segment} cut to {keep}");
                let mut files = whole.clone();
                files.get_mut(&segment).unwrap().truncate(keep);
                if let Ok(opened) = taken_over(&files) {
                    let (_, events) = repair_only(&files);
                    assert!(events.len() >= opened.len(), "{what}");
                } else {
                    repaired(&files, &before, &what);
                }
            }
        }
    }
}

#[test]
fn with_its_hidden_ranges_damaged() {
    let mut files = fixture("closed");
    let before = taken_over(&files).unwrap();
    files.get_mut("visibility_ranges.fbv").unwrap()[9] ^= 1;
    assert!(taken_over(&files).is_err());
    let (report, events) = repair_only(&files);
    // What was visible is there; what was hidden is, too, and the report says so.
    assert!(events.len() > before.len());
    assert!(!report.is_complete());
    assert_eq!(report.left_out[0].file, "visibility_ranges.fbv");
}

#[test]
fn whose_segment_is_lost_after_it_was_taken_over() {
    let whole = fixture("closed");
    let directory = directory_of(&whole);
    for session in 0..2 {
        let store = open(&directory).unwrap();
        (session * 8..session * 8 + 8).for_each(|number| _ = append(&store, number));
        store.close().unwrap();
    }
    let (files, before) = {
        let store = open(&directory).unwrap();
        let before = known(&store);
        store.close().unwrap();
        (files_of(&directory), before)
    };
    let carrier = "000001-1.fbat";
    let mut gone = files.clone();
    gone.remove(carrier).unwrap();
    let mut zeros = files.clone();
    zeros.get_mut(carrier).unwrap().fill(0);
    for files in [&gone, &zeros] {
        assert!(taken_over(files).is_err());
        // Taking over again gives the same.
        let (report, events) = repair_only(files);
        assert_eq!(events, before, "{report:?}");
        assert!(
            report.is_complete() && report.version1.is_some(),
            "{report:?}"
        );
    }
    // Its header alone can be rebuilt.
    let mut header = files.clone();
    header.get_mut(carrier).unwrap()[..200].fill(0);
    let (report, events) = repair_only(&header);
    assert_eq!(events, before, "{report:?}");
    assert!(report.rebuilt_headers[0].is_kept, "{report:?}");
    // What cannot be taken over is told.
    gone.get_mut("000002.fbat").unwrap()[4000] ^= 1;
    let (report, events) = repair_only(&gone);
    assert_eq!(events.len(), 16, "{report:?}");
    assert!(
        report
            .left_out
            .iter()
            .any(|of| of.file == "000002.fbat" && of.is_loss)
    );
}

/// A log that was taken over and has two more segments, and all of its events.
fn carried() -> (Files, Vec<Known>) {
    let directory = directory_of(&fixture("closed"));
    for session in 0..2 {
        let store = open(&directory).unwrap();
        (session * 8..session * 8 + 3).for_each(|number| _ = append(&store, number));
        store.close().unwrap();
    }
    let store = open(&directory).unwrap();
    let before = known(&store);
    store.close().unwrap();
    (files_of(&directory), before)
}

#[test]
fn whose_segment_is_damaged_after_it_was_taken_over() {
    let (files, before) = carried();
    for start in group_starts(&files["000001-1.fbat"]) {
        let mut files = files.clone();
        files.get_mut("000001-1.fbat").unwrap()[start + 60] ^= 1;
        let (report, events) = repair_only(&files);
        assert_eq!(events, before, "{report:?}");
        assert!(report.is_complete(), "{report:?}");
        // Of files that are not those of then, nothing is believed.
        files.get_mut("000006.fbat").unwrap().truncate(70);
        let (report, events) = repair_only(&files);
        assert!(!report.is_complete(), "{report:?}");
        assert!(events.len() < before.len());
    }
}

#[test]
fn beside_a_segment_of_another_store() {
    let other = MemoryFs::new();
    for number in 0..9 {
        let store = open(&other).unwrap();
        append(&store, 5000 + number);
        store.close().unwrap();
    }
    let (mut files, before) = carried();
    let foreign = "000009.fbat";
    assert!(!files.contains_key(foreign));
    files.insert(foreign.into(), files_of(&other)[foreign].clone());
    files.get_mut("000001-1.fbat").unwrap()[..180].fill(0);
    files.retain(|name, _| name.ends_with(".fbat"));
    let (report, events) = repair_only(&files);
    assert_eq!(events, before, "{report:?}");
}

#[test]
fn whose_files_are_another_logs_once_it_was_taken_over() {
    let (mut files, _) = carried();
    files.remove("000001-1.fbat");
    files.remove("000008.fbat");
    files.retain(|name, _| name.ends_with(".fbat"));
    let first = files.get_mut("000001.fbat").unwrap();
    let made = first.windows(10).position(|window| window == b"created_ns");
    first[made.unwrap() + 15] ^= 1;
    let (report, events) = repair_only(&files);
    assert_eq!(events.len(), 3, "{report:?}");
    assert!(!report.is_complete(), "{report:?}");
}

#[test]
fn only_the_newest_may_have_been_cut_off() {
    for name in ["closed", "batch-over-segments", "reopened-after-a-crash"] {
        let mut files = fixture(name);
        for last in segments(&files).iter().rev().take(2) {
            files.get_mut(last).unwrap().truncate(3);
        }
        assert!(taken_over(&files).is_err());
        let (report, _) = repair_only(&files);
        assert!(!report.is_complete(), "{name}: {report:?}");
    }
}

#[test]
fn batches_without_an_end_are_told_as_by_an_opening() {
    let files = fixture("unfinished-batch");
    let store = open_large_checked(&directory_of(&files)).unwrap();
    let taken = store.diagnostics().recovery.version1.unwrap();
    let again = repair_only(&files).0.version1.unwrap();
    assert!(taken.dropped_events > 0);
    assert_eq!(again, taken);
}
