//! Bytes whose checksums hold and that nobody wrote in good faith: no panic, no endless loop, no
//! memory beyond the file.

use super::support::{Files, Segment, Shape, seal};
use crate::bytes::put_u32;
use crate::error::LogError;
use crate::index::{IndexRun, MergeStep, RunMerge};
use crate::layout::run::{CONTENT_LEN, HEADER_LEN, PAGE_LEN, TABLE_LEN, table};
use crate::seed::seeded_random;
use std::ops::Range;
use std::sync::Arc;

/// Asks everything; only what the answers are is left open.
fn ask_all(run: &IndexRun, files: &Files, segment: &Segment) -> Result<(), LogError> {
    let mut answers = Vec::new();
    for (number, event) in (0..).zip(&segment.events).step_by(5) {
        answers.push(run.ids(files, event.id).map(|found| found.len()));
        answers.push(
            run.frame(files, number)
                .map(|place| usize::from(place.offset > 0)),
        );
        answers.push(run.name_place(files, number).map(|_| 0));
        for found in [
            run.entity(files, &event.entity),
            run.scope(files, &event.scope),
            run.kind(files, event.kind),
            run.effects(files, event.id),
        ] {
            let numbers = found.map(|found| {
                let before = found.map(|found| found.before(run, files, number));
                drop(before);
                let numbers = found.map(|found| found.numbers(run, files));
                numbers.into_iter().flatten().map_while(Result::ok)
            });
            answers.push(numbers.map(|numbers| {
                let numbers: Vec<_> = numbers.collect();
                assert!(numbers.is_sorted_by(|a, b| a < b));
                assert!(numbers.iter().all(|number| *number < run.event_count()));
                numbers.len()
            }));
        }
    }
    answers.push(
        run.entities_with_prefix(files, "")
            .map(|keys| keys.take(99_999).count()),
    );
    answers.push(
        run.scopes_with_prefix(files, "s")
            .map(|keys| keys.take(99_999).count()),
    );
    answers.push(
        run.kinds(files, 0..=u16::MAX)
            .map(|keys| keys.take(99_999).count()),
    );
    for sequence in [0, 5_000, 5_050, u64::MAX] {
        run.sequence(run.number_from(sequence));
    }
    let bad = |answer: &Result<usize, LogError>| {
        answer
            .as_ref()
            .is_err_and(|error| !matches!(error, LogError::DamagedIndex { .. }))
    };
    assert!(!answers.iter().any(bad));
    answers.into_iter().collect::<Result<Vec<_>, _>>().map(drop)
}

/// Merges until it is done or fails, and never for long.
fn merge_all(runs: Vec<Arc<IndexRun>>, files: &Files) {
    let Some(mut merge) = RunMerge::new(runs) else {
        return;
    };
    for _ in 0..1_000 {
        match merge.step(files) {
            Ok(MergeStep::More) => {}
            Ok(MergeStep::Done(name, bytes)) => {
                files.clone().add(&name, &bytes);
                return;
            }
            Err(error) => {
                assert!(matches!(error, LogError::DamagedIndex { .. }));
                return;
            }
        }
    }
    panic!("a merge does not end");
}

fn segment(random: &mut fastrand::Rng) -> Segment {
    let shape = Shape {
        groups: 8,
        group_events: 10,
        entities: 12,
        gaps: 2,
        name_len: 4..400,
        ..Shape::default()
    };
    Segment::random(random, &shape)
}

/// Returns a segment in which lists have skips.
fn segment_of_long_lists(random: &mut fastrand::Rng) -> Segment {
    let shape = Shape {
        groups: 8,
        group_events: 400,
        entities: 2,
        kinds: 2,
        ..Shape::default()
    };
    Segment::random(random, &shape)
}

#[test]
fn no_page_makes_a_question_or_a_merge_panic() {
    let mut random = seeded_random();
    let segment = segment(&mut random);
    no_page_makes_a_panic(&mut random, &segment, 600, |run| 1..run.page_count());
}

#[test]
fn no_page_of_long_lists_makes_a_question_or_a_merge_panic() {
    let mut random = seeded_random();
    let segment = segment_of_long_lists(&mut random);
    no_page_makes_a_panic(&mut random, &segment, 100, |run| {
        let postings = run.tables().postings;
        postings.first..postings.first + postings.pages
    });
}

fn no_page_makes_a_panic(
    random: &mut fastrand::Rng,
    segment: &Segment,
    turns: usize,
    pages: fn(&IndexRun) -> Range<u32>,
) {
    let (name, bytes) = segment.run(0..5);
    let (next_name, next) = segment.run(5..8);
    let pages = pages(&Files::default().add(&name, &bytes).unwrap());
    let mut noticed = 0;
    for _ in 0..turns {
        let mut hostile = bytes.clone();
        let page = random.u32(pages.clone()) as usize;
        let used = hostile[page * PAGE_LEN..][..CONTENT_LEN]
            .iter()
            .rposition(|byte| *byte > 0);
        for _ in 0..random.usize(1..4) {
            let at = page * PAGE_LEN + random.usize(..used.unwrap_or(0) + 16).min(CONTENT_LEN - 1);
            hostile[at] = [0, 1, 0x7f, 0x80, 0xff, random.u8(..)][random.usize(..6)];
        }
        seal(&name, &mut hostile, page);
        let mut files = Files::default();
        let next = files.add(&next_name, &next).unwrap();
        if let Some(run) = files.add(&name, &hostile) {
            noticed += usize::from(ask_all(&run, &files, segment).is_err());
            merge_all(vec![run, next], &files);
        }
    }
    assert!(
        noticed > turns / 12,
        "only {noticed} pages were found damaged"
    );
}

#[test]
fn no_header_makes_a_question_or_a_merge_panic() {
    let mut random = seeded_random();
    let segment = segment(&mut random);
    let (name, bytes) = segment.run(0..5);
    let (next_name, next) = segment.run(5..8);
    let (mut refused, mut opened) = (0, 0);
    for at in 0..HEADER_LEN + 12 * TABLE_LEN {
        for value in [0, 1, 0xff, random.u8(..)] {
            let mut hostile = bytes.clone();
            let len = [1, 1, 4, 8][random.usize(..4)];
            hostile[at..at + len].fill(value);
            seal(&name, &mut hostile, 0);
            let mut files = Files::default();
            let next = files.add(&next_name, &next).unwrap();
            match files.add(&name, &hostile) {
                None => refused += 1,
                Some(run) => {
                    opened += 1;
                    drop(ask_all(&run, &files, &segment));
                    merge_all(vec![run, next], &files);
                }
            }
        }
    }
    assert!(
        refused > 200 && opened > 200,
        "{refused} refused, {opened} opened"
    );
}

/// Changes the header of a small run and opens it.
fn open_with(change: impl FnOnce(&mut Vec<u8>)) -> Option<Arc<IndexRun>> {
    let segment = segment(&mut fastrand::Rng::with_seed(7));
    let (name, mut bytes) = segment.run(0..8);
    change(&mut bytes);
    seal(&name, &mut bytes, 0);
    Files::default().add(&name, &bytes)
}

/// Where the `index`th table's entry in the directory stands.
const fn entry(index: usize) -> usize {
    HEADER_LEN + index * TABLE_LEN
}

fn put_u16(bytes: &mut [u8], at: usize, value: u16) {
    bytes[at..at + 2].copy_from_slice(&value.to_be_bytes());
}

#[test]
fn an_unknown_table_is_skipped_unless_it_must_be_known() {
    let with_table = |kind: u16, first: u32, pages: u32| {
        open_with(|bytes| {
            put_u16(bytes, 12, 12);
            put_u16(bytes, entry(11), kind);
            put_u32(bytes, entry(11) + 4, first);
            put_u32(bytes, entry(11) + 8, pages);
        })
    };
    assert!(with_table(0x0123, 1, 1).is_some());
    assert!(with_table(0x0123 | table::REQUIRED, 1, 1).is_none());
    assert!(with_table(0x0123, 0, 1).is_none(), "the header is no table");
    assert!(
        with_table(0x0123, 1, 1_000).is_none(),
        "outside of the file"
    );
    assert!(with_table(0x0123, u32::MAX, u32::MAX).is_none());
    assert!(with_table(table::IDS, 1, 1).is_none(), "there twice");
}

#[test]
fn a_header_that_cannot_be_true_is_no_run() {
    assert!(open_with(|_| {}).is_some());
    let u32_at = |at: usize, value: u32| open_with(|bytes| put_u32(bytes, at, value)).is_none();
    let u64_at = |at: usize, value: u64| {
        open_with(|bytes| bytes[at..at + 8].copy_from_slice(&value.to_be_bytes())).is_none()
    };
    assert!(u32_at(0, 0), "another magic");
    assert!(u32_at(4, 2), "another version");
    assert!(u32_at(16, 0), "another store");
    assert!(u64_at(32, 2) && u32_at(40, 1), "another segment");
    assert!(u32_at(8, 5), "another number of pages");
    assert!(
        open_with(|bytes| put_u16(bytes, 12, 10)).is_none(),
        "a table is missing"
    );
    assert!(open_with(|bytes| put_u16(bytes, 12, u16::MAX)).is_none());
    for at in [44, 76] {
        assert!(
            u32_at(at, 0) && u32_at(at, u32::MAX),
            "another count at {at}"
        );
    }
    assert!(u32_at(72, u32::MAX), "names beyond 32 bits");
    assert!(u64_at(48, 1), "another first event");
    assert!(u64_at(56, u64::MAX), "a start behind the end");
    assert!(
        u64_at(64, 0) && u64_at(64, u64::MAX),
        "the last group is outside"
    );
    assert!(u64_at(80, u64::MAX), "no id is in the bounds");
    assert!(u64_at(112, u64::MAX), "a first sequence behind the end");
    assert!(u64_at(120, 0), "a last id below the segment's");
    assert!(u64_at(128, 0) && u64_at(128, u64::MAX), "more than 4 GiB");
    assert!(u64_at(136, 1), "fewer events in the log than in the run");
    assert!(
        u64_at(144, 0) && u64_at(144, u64::MAX),
        "another next sequence"
    );
    for index in 0..11 {
        let at = entry(index);
        assert!(
            u32_at(at + 4, 0) && u32_at(at + 4, u32::MAX),
            "first page {index}"
        );
        assert!(u32_at(at + 8, 77), "page count {index}");
        assert!(u32_at(at + 12, u32::MAX), "item count {index}");
    }
}
