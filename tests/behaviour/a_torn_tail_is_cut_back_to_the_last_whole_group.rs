//! A log that ends within its last group loses that group and nothing else: the rest is recovered,
//! the torn bytes are reported and set aside, and the store goes on.

use crate::harness::*;
use batpak::prelude::*;
use std::collections::BTreeMap;
use std::path::Path;

type Files = BTreeMap<String, Vec<u8>>;

/// A store as a killed process leaves it, with the place of its last group.
struct Crashed {
    files: Files,
    /// The name of the segment that holds the last group.
    segment: String,
    /// Where the last group starts and ends in it, in bytes.
    start: usize,
    end: usize,
    /// How many events stand before the last group.
    before: u64,
    lost: u64,
}

/// Writes events, then a last group, and takes the files away under the running store.
fn crashed(last: impl FnOnce(&Store) -> Vec<AppendReceipt>) -> Crashed {
    let directory = temporary();
    let store = Store::open(config(directory.path()).with_segment_max_bytes(4096)).unwrap();
    let receipts = append_numbers(&store, "a", 0..4);
    let start = receipts.last().unwrap().disk_pos;
    let receipts = last(&store);
    let end = receipts.last().unwrap().disk_pos;
    assert_eq!(start.segment_id, end.segment_id);
    let files = contents(directory.path());
    drop(store);
    Crashed {
        files,
        segment: format!("{:06}.fbat", end.segment_id),
        start: usize::try_from(start.offset).unwrap() + start.length as usize,
        end: usize::try_from(end.offset).unwrap() + end.length as usize,
        before: 4,
        lost: receipts.len() as u64,
    }
}

fn single(payload: usize) -> Crashed {
    crashed(|store| {
        let bytes = vec![7u8; payload];
        vec![store.append(&at("last"), KIND, &bytes).unwrap()]
    })
}

fn batch() -> Crashed {
    crashed(|store| {
        let items = vec![item("last", 0), item("other", 1), item("last", 2)];
        store.append_batch(items).unwrap()
    })
}

/// What opening must have found.
struct Expected {
    kept: u64,
    torn: bool,
}

/// Opens what a crash left, twice, with an append in between.
fn recover(files: &Files, expected: &Expected, what: &str) {
    let directory = directory_of(files);
    let kept = expected.kept;
    let store = Store::open(config(directory.path())).unwrap_or_else(|error| {
        panic!("{what}: {error}");
    });
    let events = store.stats().event_count as u64;
    assert_eq!(events, kept, "{what}: another number of events");
    assert_eq!(numbers(&store, "a"), [0, 1, 2, 3], "{what}");
    let report = store.diagnostics().recovery;
    assert!(report.unclean, "{what}: a crash was not noticed");
    assert!(!report.rebooted, "{what}: the machine was not restarted");
    assert_eq!(
        report.truncated_bytes > 0,
        expected.torn,
        "{what}: {report:?}"
    );
    assert_set_aside(
        directory.path(),
        report.set_aside.as_deref(),
        expected.torn,
        what,
    );
    assert_sound(&store, events as usize);
    store.close().unwrap();
    // What was mended stays mended, also where nothing was written since.
    let store = open(directory.path());
    let report = store.diagnostics().recovery;
    assert!(!report.unclean, "{what}: not mended, {report:?}");
    append_numbers(&store, "a", 4..6);
    store.close().unwrap();
    for opening in 0..2 {
        let store = open(directory.path());
        let report = store.diagnostics().recovery;
        assert!(
            !report.unclean,
            "{what}: opening {opening} found {report:?}"
        );
        assert_eq!(numbers(&store, "a"), [0, 1, 2, 3, 4, 5], "{what}");
        assert_sound(&store, events as usize + 2);
        store.close().unwrap();
    }
}

fn assert_set_aside(directory: &Path, name: Option<&str>, torn: bool, what: &str) {
    assert_eq!(name.is_some(), torn, "{what}: set aside {name:?}");
    if let Some(name) = name {
        let bytes = std::fs::read(directory.join(name)).unwrap();
        assert!(!bytes.is_empty(), "{what}: nothing was set aside");
    }
}

/// Lets the file end at every byte of the last group; what follows is `rest` of the group's size.
fn tear_everywhere(crashed: &Crashed, what: &str, rest: impl Fn(usize) -> Vec<u8>) {
    for cut in crashed.start..=crashed.end {
        let mut files = crashed.files.clone();
        let bytes = files.get_mut(&crashed.segment).unwrap();
        let whole = bytes[crashed.start..crashed.end].to_vec();
        bytes.truncate(cut);
        bytes.extend(rest(crashed.end - cut));
        // What follows may complete the group by chance, as zeros do when it ends with some.
        let kept_whole = bytes.len() >= crashed.end && bytes[crashed.start..crashed.end] == whole;
        let behind = if kept_whole {
            crashed.end
        } else {
            crashed.start
        };
        let torn = bytes[behind..].iter().any(|byte| *byte != 0);
        let lost = if kept_whole { 0 } else { crashed.lost };
        let expected = Expected {
            kept: crashed.before + crashed.lost - lost,
            torn,
        };
        recover(
            &files,
            &expected,
            &format!("{what}, cut at {cut} of {}", crashed.end),
        );
    }
}

#[test]
fn a_single_event_that_ends_early() {
    tear_everywhere(&single(1), "ends early", |_| Vec::new());
}

#[test]
fn a_single_event_that_ends_in_zeros() {
    tear_everywhere(&single(1), "zeros", |rest| vec![0; rest + 300]);
}

#[test]
fn a_single_event_that_ends_in_garbage() {
    let seed = seeded("garbage").get_seed();
    tear_everywhere(&single(1), "garbage", |rest| {
        let mut random = fastrand::Rng::with_seed(seed ^ rest as u64);
        (0..rest + 50).map(|_| random.u8(1..)).collect()
    });
}

#[test]
fn events_of_other_sizes() {
    for payload in [0, 40, 300] {
        let crashed = single(payload);
        for cut in (crashed.start..=crashed.end).step_by(17) {
            let mut files = crashed.files.clone();
            files.get_mut(&crashed.segment).unwrap().truncate(cut);
            let whole = u64::from(cut == crashed.end);
            let torn = cut > crashed.start && cut < crashed.end;
            let expected = Expected {
                kept: crashed.before + whole,
                torn,
            };
            recover(
                &files,
                &expected,
                &format!("payload {payload}, cut at {cut}"),
            );
        }
    }
}

#[test]
fn a_batch_is_all_or_nothing() {
    tear_everywhere(&batch(), "batch", |_| Vec::new());
}

#[test]
fn a_batch_that_ends_in_zeros_is_all_or_nothing() {
    tear_everywhere(&batch(), "batch, zeros", |rest| vec![0; rest + 300]);
}

#[test]
fn zeros_and_garbage_behind_a_whole_log() {
    let crashed = single(1);
    let sizes = [1, 7, 35, 36, 37, 512, 4096, 70_000];
    for size in sizes {
        let fills: [(&str, Vec<u8>); 3] = [
            ("zeros", vec![0; size]),
            ("ones", vec![0xff; size]),
            (
                "the magic",
                b"FBAT".iter().copied().cycle().take(size).collect(),
            ),
        ];
        for (name, fill) in fills {
            let mut files = crashed.files.clone();
            let bytes = files.get_mut(&crashed.segment).unwrap();
            bytes.truncate(crashed.end);
            bytes.extend(fill);
            let expected = Expected {
                kept: 5,
                torn: name != "zeros",
            };
            recover(&files, &expected, &format!("{size} bytes of {name}"));
        }
    }
}

/// The last group a second time, right behind itself: its checksums are bound to another place.
#[test]
fn a_copy_of_the_last_group_is_no_group() {
    let crashed = single(1);
    let mut files = crashed.files.clone();
    let bytes = files.get_mut(&crashed.segment).unwrap();
    bytes.truncate(crashed.end);
    let copy = bytes[crashed.start..].to_vec();
    bytes.extend(copy);
    recover(
        &files,
        &Expected {
            kept: 5,
            torn: true,
        },
        "a copy of the last group",
    );
}

#[test]
fn twenty_crashes_in_one_directory() {
    let mut random = seeded("twenty crashes");
    let mut files = Files::new();
    let mut expected = Vec::new();
    for round in 0..20u64 {
        let directory = directory_of(&files);
        let store = open(directory.path());
        assert_eq!(numbers(&store, "a"), expected, "round {round}");
        let kept = random.u64(0..3);
        let receipts = append_numbers(&store, "a", round * 10..round * 10 + kept + 1);
        expected.extend(round * 10..round * 10 + kept);
        let last = receipts.last().unwrap().disk_pos;
        files = contents(directory.path());
        let name = format!("{:06}.fbat", last.segment_id);
        let cut = usize::try_from(last.offset).unwrap() + random.usize(0..last.length as usize);
        files.get_mut(&name).unwrap().truncate(cut);
    }
    let directory = directory_of(&files);
    let store = open(directory.path());
    assert_eq!(numbers(&store, "a"), expected);
    let report = store.diagnostics().recovery;
    assert!(
        (1..=8).contains(&report.kept_aside.len()),
        "{:?}",
        report.kept_aside
    );
    assert_sound(&store, expected.len());
}

#[test]
fn sequences_that_were_acknowledged_are_not_given_out_again() {
    let crashed = single(1);
    let mut files = crashed.files.clone();
    files
        .get_mut(&crashed.segment)
        .unwrap()
        .truncate(crashed.end - 1);
    let directory = directory_of(&files);
    let store = open(directory.path());
    let receipt = store.append(&at("a"), KIND, &4u64).unwrap();
    assert!(
        receipt.sequence > 4,
        "sequence {} may have been read",
        receipt.sequence
    );
    assert_eq!(receipt.clock, 4);
}
