//! Sources of a merged segment that are still there, or there again, never bring back what was
//! removed when it was merged; and give what the merged segment has lost where nothing was removed.

use crate::harness::*;
use batpak::prelude::*;
use batpak::store::RepairReport;
use batpak::testkit::MemoryFs;
use std::collections::BTreeSet;

/// A log whose first three segments were merged, with their files, which a crash has kept.
struct Merged {
    files: Files,
    /// The merged segment.
    name: String,
    /// What it was merged from.
    sources: Vec<String>,
    known: Vec<Known>,
}

/// What the tests remove.
const REMOVED: [u64; 4] = [2, 3, 7, 11];

fn merged(removed: &[u64], shows: bool) -> Merged {
    let directory = MemoryFs::new();
    for session in 0..3 {
        let store = open(&directory).unwrap();
        (session * 8..session * 8 + 8).for_each(|number| _ = append(&store, number));
        store.close().unwrap();
    }
    let before = files_of(&directory);
    let store = open_large(&directory);
    let goes: BTreeSet<_> = removed.iter().copied().map(key).collect();
    let keep = move |event: &StoredEvent<Vec<u8>>| !goes.contains(&event.event.header.event_id);
    let strategy = match shows {
        false => CompactionStrategy::RawRetention(Box::new(keep)),
        true => CompactionStrategy::RawTombstone(Box::new(keep)),
    };
    let compaction = CompactionConfig {
        strategy,
        min_segments: 1,
    };
    store.compact(&compaction).unwrap();
    (100..108).for_each(|number| _ = append(&store, number));
    let known = known(&store);
    store.close().unwrap();
    let mut files = files_of(&directory);
    let name = segments(&files)[0].clone();
    assert!(name.starts_with("000001-"), "{:?}", segments(&files));
    let mut sources = segments(&before);
    sources.retain(|source| !files.contains_key(source));
    assert!(sources.len() >= 3, "{sources:?}");
    for source in &sources {
        files.insert(source.clone(), before[source].clone());
    }
    Merged {
        files,
        name,
        sources,
        known,
    }
}

impl Merged {
    fn damage(&self, damage: impl FnOnce(&mut Vec<u8>)) -> Files {
        let mut files = self.files.clone();
        damage(files.get_mut(&self.name).unwrap());
        files
    }
}

fn assert_gone(repaired: &Repaired, what: &str) {
    for number in REMOVED {
        let payload = repaired
            .events
            .iter()
            .any(|event| event.content.id == key(number) && event.content.kind == KIND);
        assert!(!payload, "{what}: {number} is there again");
    }
}

#[test]
fn where_the_merged_segment_is_whole() {
    for shows in [false, true] {
        let merged = merged(&REMOVED, shows);
        let repaired = repair(&merged.files, &merged.known, "whole");
        assert_eq!(repaired.events, merged.known);
        assert!(repaired.report.is_complete(), "{:?}", repaired.report);
        assert_eq!(repaired.report.left_out.len(), merged.sources.len());
    }
}

#[test]
fn where_its_header_is_lost() {
    for shows in [false, true] {
        let merged = merged(&REMOVED, shows);
        for lost in [5, 16, 100, 168] {
            let files = merged.damage(|bytes| bytes[..lost].fill(0));
            let what = format!("{lost} bytes");
            let repaired = repair(&files, &merged.known, &what);
            assert_gone(&repaired, &what);
            // Its place, its groups and the footer tell all of it.
            assert_eq!(repaired.events, merged.known, "{what}");
            let report = &repaired.report;
            assert_eq!(report.saved_events, 0, "{what}: {report:?}");
            assert!(report.is_complete(), "{what}: {report:?}");
            assert_eq!(report.rebuilt_headers.len(), 1);
            assert!(report.rebuilt_headers[0].is_kept && report.rebuilt_headers[0].times_proven);
        }
    }
}

#[test]
fn where_its_header_and_the_first_groups_are_lost() {
    let merged = merged(&REMOVED, false);
    for lost in [450, 1000, 1500] {
        let files = merged.damage(|bytes| bytes[..lost].fill(0));
        let what = format!("{lost} bytes");
        let repaired = repair(&files, &merged.known, &what);
        assert_gone(&repaired, &what);
        // Nobody can tell which of them had been removed; the report says so.
        let report = &repaired.report;
        assert!(report.not_saved.maybe_removed > 0, "{what}: {report:?}");
        assert!(!report.is_complete());
    }
}

#[test]
fn where_one_of_its_groups_is_lost_and_its_header_counts_the_removed() {
    let merged = merged(&REMOVED, false);
    let starts = group_starts(&merged.files[&merged.name]);
    let mut in_doubt = 0;
    for start in starts {
        let files = merged.damage(|bytes| bytes[start + 50] ^= 1);
        let what = format!("the group at {start}");
        let repaired = repair(&files, &merged.known, &what);
        assert_gone(&repaired, &what);
        let report = &repaired.report;
        in_doubt += report.not_saved.maybe_removed;
        if report.not_saved.maybe_removed == 0 {
            // The event was not one of the removed ones, and its source has it.
            let ids = |events: &[Known]| -> BTreeSet<u128> {
                events.iter().map(|event| event.content.id).collect()
            };
            assert_eq!(ids(&repaired.events), ids(&merged.known), "{what}");
            assert_eq!(report.from_sources.len(), 1, "{what}: {report:?}");
            assert!(report.lost.is_empty(), "{what}: {report:?}");
        }
    }
    assert_eq!(in_doubt, REMOVED.len() as u64);
}

#[test]
fn where_nothing_had_been_removed_a_source_gives_what_is_lost() {
    let merged = merged(&[], false);
    let starts = group_starts(&merged.files[&merged.name]);
    for (first, last) in [(0, 0), (3, 7), (0, 12), (20, 23), (0, 23)] {
        let files = merged.damage(|bytes| {
            for start in &starts[first..=last] {
                bytes[start + 50] ^= 1;
            }
        });
        let what = format!("groups {first} to {last}");
        let repaired = repair(&files, &merged.known, &what);
        assert!(repaired.report.is_complete(), "{:?}", repaired.report);
        assert_eq!(repaired.events.len(), merged.known.len(), "{what}");
        // Without one of the sources, what stood there is missing.
        let mut fewer = files.clone();
        fewer.remove(&merged.sources[0]);
        let repaired = repair(&fewer, &merged.known, &what);
        assert_eq!(repaired.report.is_complete(), first >= 8, "{what}");
    }
}

#[test]
fn where_a_source_is_damaged_and_not_needed() {
    let merged = merged(&REMOVED, false);
    for source in &merged.sources {
        let mut files = merged.files.clone();
        files.get_mut(source).unwrap().fill(0);
        let repaired = repair(&files, &merged.known, source);
        assert!(repaired.report.is_complete(), "{:?}", repaired.report);
        assert_eq!(repaired.events, merged.known);
    }
}

#[test]
fn but_where_nothing_of_it_is_whole_the_sources_count_and_the_report_says_so() {
    let merged = merged(&REMOVED, false);
    // The payloads that were removed are in nothing but the sources.
    let files = merged.damage(|bytes| bytes.fill(0));
    let report = repair_only(&files).0;
    assert!(!report.is_complete());
    let outdated = &report.outdated;
    assert!(
        outdated
            .iter()
            .any(|outdated| outdated.file == merged.sources[0]
                && outdated.later_file.as_deref() == Some(merged.name.as_str())
                && outdated.later_generation == 1),
        "{outdated:?}"
    );
}

/// Demands that whoever reads the report knows of each payload that is there again.
fn assert_told(report: &RepairReport, events: &[Known], sources: &[String], what: &str) {
    for number in REMOVED {
        let is_back = events
            .iter()
            .any(|event| event.content.id == key(number) && event.content.kind == KIND);
        let is_told = report
            .outdated
            .iter()
            .any(|outdated| sources.contains(&outdated.file));
        assert!(!is_back || is_told, "{what}: {number}: {report:?}");
    }
}

#[test]
fn and_where_nobody_knows_how_far_it_went_the_report_says_what_may_be_there_again() {
    let merged = merged(&REMOVED, false);
    let starts = group_starts(&merged.files[&merged.name]);
    for lost in [168, 450, 1000] {
        for cut in [4, 6, 8, 10] {
            let files = merged.damage(|bytes| {
                bytes.truncate(starts[cut]);
                bytes[..lost].fill(0);
            });
            let what = format!("{lost} bytes and all from group {cut} on");
            let (report, events) = repair_only(&files);
            assert_told(&report, &events, &merged.sources, &what);
        }
    }
    // A crash had begun to remove the sources.
    let mut files = merged.damage(|bytes| bytes.fill(0));
    files.remove(&merged.sources[0]);
    let (report, events) = repair_only(&files);
    assert_told(&report, &events, &merged.sources, "without the first");
}

#[test]
fn where_the_newest_is_cut_short_between_two_groups_the_sources_give_the_rest() {
    let directory = MemoryFs::new();
    for session in 0..3 {
        let store = open(&directory).unwrap();
        (session * 8..session * 8 + 8).for_each(|number| _ = append(&store, number));
        store.close().unwrap();
    }
    let sources = files_of(&directory);
    let store = open_large(&directory);
    store.compact(&CompactionConfig::default()).unwrap();
    let known = known(&store);
    store.close().unwrap();
    let mut files = files_of(&directory);
    let name = segments(&files)[0].clone();
    assert_eq!(segments(&files).len(), 1);
    files.extend(
        sources
            .into_iter()
            .filter(|(name, _)| name.ends_with(".fbat")),
    );
    for has_checkpoint in [true, false] {
        if !has_checkpoint {
            files.retain(|name, _| name.ends_with(".fbat"));
        }
        for start in group_starts(&files[&name]) {
            let mut files = files.clone();
            files.get_mut(&name).unwrap().truncate(start);
            let (report, events) = repair_only(&files);
            assert_eq!(events.len(), known.len(), "{start}: {report:?}");
            assert!(report.is_complete(), "{start}: {report:?}");
        }
    }
}
