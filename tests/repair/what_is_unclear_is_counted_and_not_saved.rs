//! Where bytes that are lost would tell whether an event counts, or whose it is, it is counted and
//! not saved.

use crate::harness::*;
use batpak::prelude::*;
use batpak::testkit::MemoryFs;

/// A store of one segment.
fn written(write: impl FnOnce(&Store)) -> (Files, Vec<Known>) {
    let directory = MemoryFs::new();
    let config = StoreConfig::new("memory");
    let fs = std::sync::Arc::new(directory.clone());
    let store = batpak::testkit::open_on_threads(config, fs).unwrap();
    write(&store);
    let known = known(&store);
    store.close().unwrap();
    let files = files_of(&directory);
    assert_eq!(segments(&files).len(), 1);
    (files, known)
}

/// Where the nth group of the only segment starts.
fn group(files: &Files, nth: usize) -> usize {
    let bytes = &files["000001.fbat"];
    let marker = &bytes[168..176];
    let starts = bytes.windows(8).enumerate();
    let mut starts = starts.filter(|(_, window)| *window == marker);
    starts.nth(nth).unwrap().0
}

/// Damages the nth group.
fn hit(files: &Files, nth: usize) -> Files {
    let mut files = files.clone();
    let at = group(&files, nth) + 45;
    files.get_mut("000001.fbat").unwrap()[at] ^= 1;
    files
}

/// Three events, a fence of three with its commit, three events.
fn fenced() -> (Files, Vec<Known>) {
    written(|store| {
        (0..3).for_each(|number| _ = append(store, number));
        let fence = store.begin_visibility_fence().unwrap();
        (10..13).for_each(|number| submit(&fence, number));
        fence.commit().unwrap();
        (20..23).for_each(|number| _ = append(store, number));
    })
}

#[test]
fn a_fence_whose_commit_is_lost() {
    let (files, before) = fenced();
    let repaired = repair(&hit(&files, 6), &before, "the commit");
    let report = &repaired.report;
    assert_eq!((report.not_saved.undecided, report.saved_events), (3, 3));
    for number in [0, 1, 2, 20, 21, 22] {
        assert!(repaired.has(number), "{number}");
    }
}

#[test]
fn a_fence_that_has_lost_an_event_and_has_its_commit() {
    let (files, before) = fenced();
    let repaired = repair(&hit(&files, 4), &before, "a member");
    assert_eq!(repaired.report.not_saved.events(), 0);
    for number in [0, 1, 2, 10, 12, 20, 21, 22] {
        assert!(repaired.has(number), "{number}");
    }
    assert!(!repaired.has(11));
}

#[test]
fn a_fence_that_was_cancelled_stays_hidden() {
    let (files, before) = written(|store| {
        append(store, 4);
        let fence = store.begin_visibility_fence().unwrap();
        (10..13).for_each(|number| submit(&fence, number));
        fence.cancel().unwrap();
        (20..23).for_each(|number| _ = append(store, number));
    });
    // The first event: all of the fence stands behind the damage.
    let repaired = repair(&hit(&files, 0), &before, "before the fence");
    assert_eq!(repaired.report.not_saved.events(), 0);
    assert_eq!(repaired.events.len(), 3);
    // Its end: nobody knows any more.
    let repaired = repair(&hit(&files, 4), &before, "its end");
    assert_eq!(repaired.report.not_saved.undecided, 3);
    assert_eq!(repaired.events.len(), 4);
}

#[test]
fn names_that_are_lost_and_names_behind_them() {
    let (files, before) = written(|store| {
        for (number, entity) in (0..).zip(["a", "b", "a", "b", "c", "b", "c", "a", "d", "d"]) {
            let options = AppendOptions::new().with_idempotency(key(number));
            store
                .append_with_options(&at(entity), KIND, &number, options)
                .unwrap();
        }
    });
    // The group that is hit defines "b". Those of "b" behind it have no name; "a" was defined
    // before, and what defines "c" and "d" tells their numbers by the event behind.
    let repaired = repair(&hit(&files, 1), &before, "the definition of b");
    assert_eq!(repaired.report.not_saved.unnamed, 2);
    for number in [0, 2, 4, 6, 7, 8, 9] {
        assert!(repaired.has(number), "{number}");
    }
    assert_eq!(repaired.events.len(), 7);
}

#[test]
fn what_compaction_has_left_of_events() {
    let (files, before) = rich_store();
    let merged = segments(&files)
        .into_iter()
        .find(|name| name.contains('-'))
        .unwrap();
    let mut files = files;
    let bytes = files.get_mut(&merged).unwrap();
    let length = u32::from_be_bytes(bytes[8..12].try_into().unwrap()) as usize;
    bytes[length + 50] ^= 1;
    let repaired = repair(&files, &before, "the first group of a merged segment");
    assert!(
        repaired.report.not_saved.removed >= 3,
        "{:?}",
        repaired.report
    );
    for number in [2, 3, 7, 11] {
        assert!(!repaired.has(number), "{number} was removed");
    }
}
