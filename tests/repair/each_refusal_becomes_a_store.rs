//! Whatever typed refusal an opening gives, a repair makes a store of the directory.

use crate::harness::*;
use batpak::prelude::*;
use batpak::testkit::{Fs, MemoryFs, repair_to};
use std::sync::Arc;

/// Demands the refusal of an opening and repairs.
fn refused_and_repaired(
    files: &Files,
    before: &[Known],
    is_expected: impl Fn(&StoreError) -> bool,
    what: &str,
) -> Repaired {
    let Err(refusal) = open(&directory_of(files)) else {
        panic!("{what}: it opens");
    };
    assert!(is_expected(&refusal), "{what}: {refusal}");
    repair(files, before, what)
}

#[test]
fn a_store_that_is_whole_stays_what_it_is() {
    let (files, before) = rich_store();
    let repaired = repair(&files, &before, "whole");
    assert!(repaired.report.is_complete());
    assert_eq!(repaired.events, before);
    assert_eq!(repaired.report.saved_events, 0);
    assert_eq!(repaired.report.kept_segments, segments(&files).len() as u64);
}

#[test]
fn a_damaged_frame() {
    let (mut files, before) = rich_store();
    let name = segments(&files)[1].clone();
    let middle = files[&name].len() / 2;
    files.get_mut(&name).unwrap()[middle] ^= 0x10;
    let is_expected = |error: &StoreError| matches!(error, StoreError::CrcMismatch { .. });
    let repaired = refused_and_repaired(&files, &before, is_expected, "a flipped bit");
    let report = &repaired.report;
    assert_eq!(report.lost.len(), 1, "{report:?}");
    assert!(report.lost[0].bytes.contains(&(middle as u64)) && report.lost[0].file == name);
    // Nothing but the group with the damage is gone.
    assert!(before.len() - repaired.events.len() <= 4, "{report:?}");
    assert!(
        report.saved_events > 20 && report.kept_events > 10,
        "{report:?}"
    );
}

#[test]
fn a_damaged_header() {
    let (files, before) = rich_store();
    for name in segments(&files) {
        let mut files = files.clone();
        files.get_mut(&name).unwrap()[40] ^= 1;
        let is_expected = |error: &StoreError| matches!(error, StoreError::CorruptSegment { .. });
        let repaired = refused_and_repaired(&files, &before, is_expected, &name);
        // Its checksum tells which byte it was.
        assert_eq!(repaired.report.restored_headers, [name]);
        assert!(repaired.report.is_complete());
        assert_eq!(repaired.events, before);
    }
}

#[test]
fn a_header_that_is_gone() {
    let (files, before) = rich_store();
    for name in segments(&files) {
        let mut files = files.clone();
        files.get_mut(&name).unwrap()[..100].fill(0);
        let is_expected = |error: &StoreError| matches!(error, StoreError::CorruptSegment { .. });
        let repaired = refused_and_repaired(&files, &before, is_expected, &name);
        // Its groups, and what stands before and behind, tell all of it.
        assert_eq!(repaired.events, before, "{name}: {:?}", repaired.report);
        assert!(repaired.report.is_complete());
        assert_eq!(repaired.report.rebuilt_headers.len(), 1);
    }
}

#[test]
fn a_segment_of_which_nothing_is_whole() {
    let (files, before) = rich_store();
    for name in segments(&files) {
        let mut files = files.clone();
        files.get_mut(&name).unwrap().fill(0);
        let is_expected = |error: &StoreError| matches!(error, StoreError::CorruptSegment { .. });
        let repaired = refused_and_repaired(&files, &before, is_expected, &name);
        let left_out = &repaired.report.left_out;
        assert!(left_out.iter().any(|of| of.file == name && of.is_loss));
        assert!(!repaired.report.missing_segments.is_empty(), "{name}");
    }
}

#[test]
fn a_missing_segment() {
    let (files, before) = rich_store();
    let names = segments(&files);
    for name in &names {
        let mut files = files.clone();
        files.remove(name);
        let is_expected = |error: &StoreError| {
            matches!(
                error,
                StoreError::MissingSegment { .. } | StoreError::Rollback { .. }
            )
        };
        let repaired = refused_and_repaired(&files, &before, is_expected, name);
        let missing = &repaired.report.missing_segments;
        assert_eq!(missing.len(), 1, "{name}: {missing:?}");
        // All other segments are there.
        let gone = |event: &&Known| missing[0].sequences.contains(event.sequence);
        let gone = before.iter().filter(gone).count();
        assert_eq!(repaired.events.len() + gone, before.len(), "{name}");
    }
}

#[test]
fn nothing_but_the_checkpoint() {
    let (mut files, before) = rich_store();
    files.retain(|name, _| !name.ends_with(".fbat"));
    let is_expected = |error: &StoreError| matches!(error, StoreError::Rollback { .. });
    let repaired = refused_and_repaired(&files, &before, is_expected, "no segment");
    assert_eq!(repaired.events, []);
    assert!(repaired.report.lost_end.is_some());
}

#[test]
fn a_log_that_has_lost_its_end() {
    let (mut files, before) = rich_store();
    let name = segments(&files).pop().unwrap();
    let bytes = files.get_mut(&name).unwrap();
    bytes.truncate(bytes.len() / 2);
    let is_expected = |error: &StoreError| {
        matches!(
            error,
            StoreError::Rollback { .. } | StoreError::CrcMismatch { .. }
        )
    };
    let repaired = refused_and_repaired(&files, &before, is_expected, "a short end");
    assert!(!repaired.report.is_complete());
    assert!(repaired.events.len() > before.len() / 2);
    assert_eq!(repaired.report.saved_events, 0);
}

#[test]
fn a_file_of_another_store() {
    let (files, before) = rich_store();
    let (other, _) = rich_store();
    let names = segments(&files);
    for name in &names {
        let mut mixed = files.clone();
        mixed.insert(name.clone(), other[name].clone());
        let is_expected = |error: &StoreError| matches!(error, StoreError::ForeignFile { .. });
        let repaired = refused_and_repaired(&mixed, &before, is_expected, name);
        let left_out = &repaired.report.left_out;
        assert!(
            left_out
                .iter()
                .any(|of| &of.file == name && of.reason.contains("another store"))
        );
        assert!(!repaired.report.is_complete());
    }
}

#[test]
fn a_segment_of_another_history() {
    let directory = MemoryFs::new();
    let write = |directory: &MemoryFs, numbers: std::ops::Range<u64>| {
        let store = open(directory).unwrap();
        numbers.for_each(|number| _ = append(&store, number));
        let known = known(&store);
        store.close().unwrap();
        known
    };
    write(&directory, 0..10);
    let copy = directory.snapshot();
    let mut before = write(&directory, 10..30);
    let other = write(&copy, 30..50);
    let (mut files, mut theirs) = (files_of(&directory), files_of(&copy));
    // The second segment of the other history stands in the place of ours; ours is lost.
    let names = segments(&files);
    let swapped = names[names.len() - 2].clone();
    assert!(segments(&theirs).contains(&swapped));
    files.insert(swapped.clone(), theirs.remove(&swapped).unwrap());
    let is_expected = |error: &StoreError| matches!(error, StoreError::ForeignFile { .. });
    let Err(refusal) = open(&directory_of(&files)) else {
        panic!("it opens");
    };
    assert!(is_expected(&refusal), "{refusal}");
    let from: Arc<dyn Fs> = Arc::new(directory_of(&files));
    let to = MemoryFs::new();
    let report = repair_to(&from, Arc::new(to.clone())).unwrap();
    let store = open(&to).unwrap();
    assert_eq!(store.verify().unwrap().first_bad, None);
    // Both are histories of this store: every event is one of theirs. Their times overlap, and
    // time never goes back in a log.
    before.extend(other);
    let repaired = known(&store);
    for event in &repaired {
        let mut same = before
            .iter()
            .filter(|known| known.content.id == event.content.id);
        assert!(same.any(|known| known.content.is_apart_from_time(&event.content)));
    }
    assert!(report.saved_events > 0 && repaired.len() > 15, "{report:?}");
    store.close().unwrap();
}

#[test]
fn an_event_that_two_histories_have_is_there_once() {
    let directory = MemoryFs::new();
    let write = |directory: &MemoryFs, numbers: std::ops::Range<u64>| {
        let store = open(directory).unwrap();
        numbers.for_each(|number| _ = append(&store, number));
        let known = known(&store);
        store.close().unwrap();
        known
    };
    write(&directory, 0..5);
    let copy = directory.snapshot();
    write(&directory, 5..8);
    write(&directory, 8..14);
    // The other history has the same events, cut into other segments.
    write(&copy, 5..12);
    let mut files = files_of(&directory);
    let swapped = "000002.fbat".to_owned();
    files.insert(swapped.clone(), files_of(&copy)[&swapped].clone());
    let from: Arc<dyn Fs> = Arc::new(directory_of(&files));
    let to = MemoryFs::new();
    let report = repair_to(&from, Arc::new(to.clone())).unwrap();
    assert_eq!((report.kept_events, report.saved_events), (12, 2));
    assert_eq!(report.already_there, 4);
    let store = open(&to).unwrap();
    let ids: Vec<_> = known(&store).iter().map(|of| of.content.id).collect();
    assert_eq!(ids, (0..14).map(key).collect::<Vec<_>>());
    store.close().unwrap();
}

#[test]
fn a_file_that_got_another_s_name() {
    let (files, before) = rich_store();
    let name = segments(&files)[2].clone();
    let mut renamed = files.clone();
    let bytes = renamed.remove(&name).unwrap();
    renamed.insert("000077.fbat".into(), bytes);
    let is_expected = |error: &StoreError| matches!(error, StoreError::ForeignFile { .. });
    let repaired = refused_and_repaired(&renamed, &before, is_expected, "renamed");
    assert!(repaired.report.is_complete(), "{:?}", repaired.report);
    assert_eq!(repaired.events, before);
    // A copy under another name is not read twice.
    let mut doubled = files.clone();
    doubled.insert("000077.fbat".into(), files[&name].clone());
    let repaired = refused_and_repaired(&doubled, &before, is_expected, "doubled");
    assert_eq!(repaired.events, before);
    assert_eq!(repaired.report.left_out.len(), 1);
}

#[test]
fn an_unfinished_copy() {
    let (mut files, before) = rich_store();
    files.insert("snapshot.unfinished".into(), Vec::new());
    let is_expected = |error: &StoreError| matches!(error, StoreError::UnfinishedSnapshot);
    let repaired = refused_and_repaired(&files, &before, is_expected, "unfinished");
    assert_eq!(repaired.events, before);
    assert!(repaired.report.was_unfinished && !repaired.report.is_complete());
}

#[test]
fn what_nobody_here_can_judge_is_refused() {
    let (files, _) = rich_store();
    let refusal = |files: &Files| {
        let from: Arc<dyn Fs> = Arc::new(directory_of(files));
        let to = MemoryFs::new();
        let error = repair_to(&from, Arc::new(to.clone())).unwrap_err();
        assert_eq!(files_of(&to), Files::new());
        error
    };
    assert!(matches!(
        refusal(&Files::new()),
        StoreError::Configuration(_)
    ));
    let mut unreadable = Files::new();
    unreadable.insert("000001.fbat".into(), vec![7; 1000]);
    assert!(matches!(
        refusal(&unreadable),
        StoreError::CorruptSegment { .. }
    ));
    let mut later = files.clone();
    let name = segments(&files)[1].clone();
    let header = later.get_mut(&name).unwrap();
    // A later version: its checksum holds.
    header[7] = 3;
    let length = u32::from_be_bytes(header[8..12].try_into().unwrap()) as usize;
    let mut crc = crc32fast::Hasher::new();
    crc.update(&header[..12]);
    crc.update(&header[16..length]);
    let crc = crc.finalize().to_be_bytes();
    header[12..16].copy_from_slice(&crc);
    assert!(matches!(refusal(&later), StoreError::FutureVersion { .. }));
}
