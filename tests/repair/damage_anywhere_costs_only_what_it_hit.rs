//! Sweeps over a small store: a byte is flipped, a file is cut short or gone, wherever. A repair
//! gives a sound store each time, with everything that the damage has not hit; what is missing is
//! told.

use crate::harness::*;
use batpak::testkit::MemoryFs;
use std::ops::Range;

/// The group that a byte belongs to, if it is in one.
fn group_of(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let start = group_starts(bytes)
        .into_iter()
        .rfind(|start| *start <= at)?;
    let body = u32::from_be_bytes(bytes[start + 12..start + 16].try_into().unwrap()) as usize;
    let group = start..start + 40 + body;
    group.contains(&at).then_some(group)
}

#[test]
fn a_flipped_byte() {
    let (files, before) = rich_store();
    let mut saved = 0;
    for name in segments(&files) {
        let original = &files[&name];
        for at in (0..original.len()).step_by(19) {
            let what = format!("{name} at {at}");
            let mut files = files.clone();
            files.get_mut(&name).unwrap()[at] ^= 1 << (at % 8);
            let repaired = repair(&files, &before, &what);
            let report = &repaired.report;
            saved += report.saved_events;
            let Some(group) = group_of(original, at) else {
                // Headers are restored, and footers are no events.
                assert_eq!(repaired.events, before, "{what}: {report:?}");
                continue;
            };
            assert!(report.lost.len() == 1, "{what}: {report:?}");
            let lost = &report.lost[0];
            let (start, end) = (lost.bytes.start as usize, lost.bytes.end as usize);
            assert_eq!((&lost.file, start..end), (&name, group), "{what}");
            // Beside the events of that group only those are missing that are counted.
            let gone = (before.len() - repaired.events.len()) as u64;
            let inside = before
                .iter()
                .filter(|of| lost.sequences.contains(of.sequence));
            let inside = inside.count() as u64;
            let range = inside..=inside + report.not_saved.events();
            assert!(range.contains(&gone), "{what}: {gone} are gone, {report:?}");
        }
    }
    assert!(saved > 500);
}

#[test]
fn a_file_that_is_cut_short() {
    let (files, before) = rich_store();
    for name in segments(&files) {
        let len = files[&name].len();
        let between = group_starts(&files[&name]);
        for keep in (0..len).step_by(71).chain(between) {
            let mut files = files.clone();
            files.get_mut(&name).unwrap().truncate(keep);
            let what = format!("{name} cut to {keep}");
            let repaired = repair(&files, &before, &what);
            let whole = repaired.events.iter().filter(|of| of.sequence < 1000);
            assert!(
                whole.count() as u64 <= repaired.report.kept_events,
                "{what}"
            );
        }
    }
}

#[test]
fn bytes_that_are_gone_or_zeros() {
    let (files, before) = rich_store();
    let mut random = 1_u64;
    let mut next = |below: usize| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (random >> 33) as usize % below
    };
    let names = segments(&files);
    for round in 0..90 {
        let mut files = files.clone();
        let mut what = format!("round {round}");
        for _ in 0..=next(3) {
            let name = &names[next(names.len())];
            let bytes = files.get_mut(name).unwrap();
            if bytes.is_empty() {
                continue;
            }
            let start = next(bytes.len());
            let end = (start + 1 + next(600)).min(bytes.len());
            what += &format!(", {name} {start}..{end}");
            match round % 3 {
                0 => bytes[start..end].fill(0),
                1 => drop(bytes.drain(start..end)),
                _ => bytes[start..end].reverse(),
            }
        }
        if segments(&files).iter().all(|name| files[name].len() < 168) {
            continue;
        }
        repair(&files, &before, &what);
    }
}

#[test]
fn any_two_files_that_are_gone() {
    let (files, before) = rich_store();
    let names: Vec<_> = files.keys().cloned().collect();
    let last = segments(&files).pop().unwrap();
    for (at, one) in names.iter().enumerate() {
        for other in &names[at..] {
            if (one, other.as_str()) == (&last, "checkpoint.fbcp") {
                // Then nothing tells that there ever was more.
                continue;
            }
            let mut files = files.clone();
            files.remove(one);
            files.remove(other);
            repair(&files, &before, &format!("without {one} and {other}"));
        }
    }
}

#[test]
fn names_whose_definition_is_lost_and_that_another_segment_knows() {
    let directory = MemoryFs::new();
    for session in 0..3_u64 {
        let store = open_large(&directory);
        for number in 0..20 {
            let (entity, payload) = (["a", "b", "c"][number as usize % 3], session * 20 + number);
            store.append(&at(entity), KIND, &payload).unwrap();
        }
        store.close().unwrap();
    }
    let (mut files, before) = (files_of(&directory), known(&open_large(&directory)));
    // The first three groups of the second segment define all of its names.
    let name = segments(&files).swap_remove(1);
    let bytes = files.get_mut(&name).unwrap();
    let starts = group_starts(bytes);
    for start in &starts[..3] {
        bytes[start + 45] ^= 1;
    }
    let repaired = repair(&files, &before, "its definitions");
    assert_eq!(repaired.report.not_saved.events(), 0);
    assert_eq!(repaired.events.len(), 57);
}
