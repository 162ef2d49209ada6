//! A segment's header of which much is lost is rebuilt from the groups, the footer, and what stands
//! before and behind; what cannot be proven is told.

use crate::harness::*;
use batpak::testkit::MemoryFs;

fn zeroed(files: &Files, names: &[String], lost: usize) -> Files {
    let mut files = files.clone();
    for name in names {
        let bytes = files.get_mut(name).unwrap();
        let lost = lost.min(bytes.len());
        bytes[..lost].fill(0);
    }
    files
}

#[test]
fn of_any_segments_at_once() {
    let (files, before) = rich_store();
    let names = segments(&files);
    for (at, one) in names.iter().enumerate() {
        for other in &names[at..] {
            let lost = [one.clone(), other.clone()];
            let what = format!("{lost:?}");
            let repaired = repair(&zeroed(&files, &lost, 168), &before, &what);
            assert_eq!(repaired.events, before, "{what}: {:?}", repaired.report);
            assert!(repaired.report.is_complete(), "{what}");
        }
    }
    // The checkpoint and the index tell whose log it is.
    let repaired = repair(&zeroed(&files, &names, 168), &before, "all of them");
    assert_eq!(repaired.events, before, "{:?}", repaired.report);
    assert_eq!(repaired.report.rebuilt_headers.len(), names.len());
    assert!(repaired.report.rebuilt_headers.iter().all(|of| of.is_kept));
}

#[test]
fn where_only_the_segment_itself_tells_whose_it_is() {
    let (mut files, before) = rich_store();
    let names = segments(&files);
    files.retain(|name, _| name.ends_with(".fbat"));
    for name in &names {
        let bytes = files.get_mut(name).unwrap();
        bytes[..32].fill(0);
        bytes[48..150].fill(0);
    }
    let repaired = repair(&files, &before, "the store's id is left");
    assert_eq!(repaired.events, before, "{:?}", repaired.report);
}

#[test]
fn and_with_it_the_groups_of_the_first_sector() {
    let (files, before) = rich_store();
    for name in segments(&files) {
        let repaired = repair(
            &zeroed(&files, std::slice::from_ref(&name), 512),
            &before,
            &name,
        );
        let report = &repaired.report;
        assert!(!report.is_complete(), "{name}");
        assert_eq!(report.missing_segments, [], "{name}");
        assert!(
            report
                .lost
                .iter()
                .any(|lost| lost.file == name && lost.bytes.start == 168),
            "{name}: {report:?}"
        );
        // What stands behind the sector is saved, but for names that were defined in it.
        let gone = (before.len() - repaired.events.len()) as u64;
        assert!(gone <= 3 + report.not_saved.events(), "{name}: {report:?}");
    }
}

#[test]
fn beside_other_damage() {
    let (files, before) = rich_store();
    for name in segments(&files) {
        let mut files = zeroed(&files, std::slice::from_ref(&name), 100);
        let bytes = files.get_mut(&name).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        let repaired = repair(&files, &before, &name);
        let report = &repaired.report;
        assert!(!report.is_complete(), "{name}");
        assert!(report.rebuilt_headers[0].times_proven, "{name}: {report:?}");
        let gone = (before.len() - repaired.events.len()) as u64;
        assert!(gone <= 4 + report.not_saved.events(), "{name}: {report:?}");
    }
}

#[test]
fn of_the_newest_segment_after_a_crash() {
    let directory = MemoryFs::new();
    let store = open(&directory).unwrap();
    (0..30).for_each(|number| _ = append(&store, number));
    store.close().unwrap();
    let store = open_large(&directory);
    (30..40).for_each(|number| _ = append(&store, number));
    let (files, before) = (files_of(&directory), known(&store));
    store.close().unwrap();
    let names = segments(&files);
    let last = names.last().unwrap();
    let files = zeroed(&files, std::slice::from_ref(last), 168);
    let repaired = repair(&files, &before, "no footer");
    let report = &repaired.report;
    // Nothing proves that these are all events since: they are appended again, and all there.
    assert_eq!(repaired.events.len(), before.len(), "{report:?}");
    assert!(!report.rebuilt_headers[0].is_kept && report.rebuilt_headers[0].times_proven);
    assert!(report.saved_events > 0);
}

#[test]
fn without_a_proof_of_its_times_the_report_says_so() {
    let directory = MemoryFs::new();
    let coordinates = ["a", "b", "c"].map(at);
    // In the second segment each entity has one event, which is not its first.
    let mut before = Vec::new();
    for _ in 0..2 {
        let store = open_large(&directory);
        for coordinate in &coordinates {
            store.append(coordinate, KIND, &1).unwrap();
        }
        before = known(&store);
        store.close().unwrap();
    }
    let mut files = files_of(&directory);
    files.retain(|name, _| name.ends_with(".fbat"));
    let name = segments(&files)[1].clone();
    let mut files = zeroed(&files, std::slice::from_ref(&name), 168);
    // The events of the segment before prove them.
    let (report, events) = repair_only(&files);
    assert!(report.rebuilt_headers[0].times_proven, "{report:?}");
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(events, before);
    // Nothing does without it.
    let first = files.get_mut("000001.fbat").unwrap();
    let groups = group_starts(first);
    groups.iter().for_each(|start| first[start + 50] ^= 1);
    let (report, events) = repair_only(&files);
    assert_eq!(report.rebuilt_headers.len(), 1);
    assert!(!report.rebuilt_headers[0].times_proven, "{report:?}");
    assert!(!report.rebuilt_headers[0].is_kept, "{report:?}");
    assert!(!report.is_complete());
    assert_eq!(events.len(), coordinates.len());
}

#[test]
fn times_behind_a_cancelled_fence_are_those_that_events_prove() {
    let directory = MemoryFs::new();
    let store = open_large(&directory);
    (0..5).for_each(|number| _ = append(&store, number));
    // The footer names the time of the last one, which is not the next header's.
    let fence = store.begin_visibility_fence().unwrap();
    (40..80).for_each(|number| submit(&fence, number));
    fence.cancel().unwrap();
    store.close().unwrap();
    let store = open_large(&directory);
    (5..9).for_each(|number| _ = append(&store, number));
    let before = known(&store);
    store.close().unwrap();
    let files = files_of(&directory);
    let name = segments(&files)[1].clone();
    let files = zeroed(&files, std::slice::from_ref(&name), 168);
    let repaired = repair(&files, &before, "a cancelled fence before");
    assert_eq!(repaired.events, before);
    assert!(repaired.report.is_complete(), "{:?}", repaired.report);
}

#[test]
fn a_rebuilt_header_does_not_say_how_far_the_one_before_it_went() {
    let directory = MemoryFs::new();
    for session in 0..2 {
        let store = open_large(&directory);
        (session * 8..session * 8 + 8).for_each(|number| _ = append(&store, number));
        store.close().unwrap();
    }
    let store = open_large(&directory);
    let before = known(&store);
    store.close().unwrap();
    let files = files_of(&directory);
    let names = segments(&files);
    let starts = group_starts(&files[&names[0]]);
    for (damaged, saved) in [(7, 8), (5, 10), (0, 14)] {
        let mut files = zeroed(&files, &names[1..2], 168);
        let first = files.get_mut(&names[0]).unwrap();
        first[starts[damaged] + 50] ^= 1;
        let footer = first.len() - 5;
        first[footer] ^= 1;
        let what = format!("group {damaged}");
        let repaired = repair(&files, &before, &what);
        assert!(
            !repaired.report.is_complete(),
            "{what}: {:?}",
            repaired.report
        );
        assert_eq!(
            repaired.report.saved_events, saved,
            "{what}: {:?}",
            repaired.report
        );
    }
}
