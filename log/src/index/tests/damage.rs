//! A damaged run is refused or says so; it never answers wrongly.

use super::support::{Files, Known, Segment, Shape};
use crate::error::LogError;
use crate::fixtures::{STORE, file_of};
use crate::fs::{Access, Fs, MemoryFs};
use crate::index::{IndexRun, RunName};
use crate::layout::run::{BLOCK_NUMBERS, PAGE_LEN};
use crate::seed::seeded_random;
use crate::segment::SegmentName;

fn small() -> (Segment, RunName, Vec<u8>) {
    let shape = Shape {
        groups: 6,
        group_events: 8,
        entities: 5,
        gaps: 2,
        ..Shape::default()
    };
    let segment = Segment::random(&mut seeded_random(), &shape);
    let (name, bytes) = segment.run(0..6);
    (segment, name, bytes)
}

/// As [`small`], but with lists that have skips.
fn long() -> (Segment, RunName, Vec<u8>) {
    let shape = Shape {
        groups: 40,
        group_events: 60,
        entities: 2,
        gaps: 0,
        ..Shape::default()
    };
    let segment = Segment::random(&mut seeded_random(), &shape);
    let (name, bytes) = segment.run(0..shape.groups);
    (segment, name, bytes)
}

/// Returns whether all answers are right or `DamagedIndex`, and how many are the latter.
fn ask_all(run: &IndexRun, files: &Files, events: &[Known]) -> usize {
    let mut damaged = 0;
    let mut judge = |answer: Result<bool, LogError>| match answer {
        Ok(right) => assert!(right, "a wrong answer"),
        Err(LogError::DamagedIndex { name, .. }) => {
            assert_eq!(name, run.name().file_name());
            damaged += 1;
        }
        Err(other) => panic!("{other}"),
    };
    for (number, event) in (0..).zip(events) {
        let ids = run.ids(files, event.id);
        judge(ids.map(|found| found.iter().any(|found| found == number)));
        judge(run.ids(files, event.id ^ 1).map(|found| found.is_empty()));
        judge(
            run.frame(files, number)
                .map(|place| place.offset == event.offset),
        );
        let mine = |there: &u32| events[*there as usize].entity == event.entity;
        let expected: Vec<_> = (0..run.event_count()).filter(mine).collect();
        let entity = run.entity(files, &event.entity).and_then(|found| {
            let numbers = found.map(|found| found.numbers(run, files).collect());
            numbers.transpose()
        });
        judge(entity.map(|found: Option<Vec<u32>>| found == Some(expected)));
        assert_eq!(run.sequence(number), event.sequence);
    }
    damaged
}

#[test]
fn every_flipped_byte_of_a_list_with_skips_is_noticed() {
    let (segment, name, bytes) = long();
    let mut files = Files::default();
    let run = files.add(&name, &bytes).unwrap();
    let entity = &segment.events[0].entity;
    let found = run.entity(&files, entity).unwrap().unwrap();
    assert!(found.count > BLOCK_NUMBERS && found.count < run.event_count());
    let postings = run.tables().postings;
    let first = postings.first as usize * PAGE_LEN;
    for at in first..first + postings.pages as usize * PAGE_LEN {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        let mut files = Files::default();
        let run = files.add(&name, &flipped).unwrap();
        let page = u32::try_from(at / PAGE_LEN).unwrap();
        let is_damaged = |answer: Result<Option<u32>, LogError>| match answer {
            Err(LogError::DamagedIndex { page: there, .. }) => there == page,
            Ok(_) | Err(_) => false,
        };
        // The entity's list stands at the front of the table, in its first page.
        if page == postings.first {
            assert!(is_damaged(found.before(&run, &files, found.last)));
            let mut numbers = found.numbers(&run, &files);
            let skipped = numbers.skip_to(found.last);
            assert!(is_damaged(skipped.map(|()| None)) && numbers.next().is_none());
            assert!(is_damaged(found.numbers(&run, &files).next().transpose()));
        } else {
            assert!(run.read_page(&*files.file(&name), page).is_err());
        }
    }
}

#[test]
fn every_flipped_byte_is_noticed() {
    let (segment, name, bytes) = small();
    let run = IndexRun::open(&name, &*file_of(&bytes), STORE)
        .unwrap()
        .unwrap();
    let mut files = Files::default();
    files.add(&name, &bytes).unwrap();
    assert_eq!(ask_all(&run, &files, &segment.events), 0);
    let fs = MemoryFs::new();
    fs.set_bytes("run", bytes.clone());
    let file = fs.open("run", Access::Read).unwrap();
    let mut noticed = 0;
    for at in 0..bytes.len() {
        let page = u32::try_from(at / PAGE_LEN).unwrap();
        let xor = 1 << (at % 8);
        fs.corrupt("run", at as u64, xor).unwrap();
        let read = run.read_page(&*file, page);
        assert!(matches!(read, Err(LogError::DamagedIndex { page: there, .. }) if there == page));
        let in_memory = page == 0 || run.tables().gaps.first == page;
        if in_memory || at % 211 == 0 {
            let opened = IndexRun::open(&name, &*file, STORE).unwrap();
            assert_eq!(opened.is_none(), in_memory, "byte {at}");
            if let Some(opened) = opened {
                let mut files = Files::default();
                files.add(&name, &fs.bytes("run").unwrap());
                noticed += ask_all(&opened, &files, &segment.events);
            }
        }
        fs.corrupt("run", at as u64, xor).unwrap();
    }
    assert!(noticed > 0, "the questions touch what is damaged");
}

#[test]
fn a_file_of_another_length_is_no_run() {
    let (_, name, bytes) = small();
    let open = |bytes: &[u8]| IndexRun::open(&name, &*file_of(bytes), STORE).unwrap();
    assert!(open(&bytes).is_some());
    for pages in 0..bytes.len() / PAGE_LEN {
        assert!(open(&bytes[..pages * PAGE_LEN]).is_none());
        assert!(open(&bytes[..pages * PAGE_LEN + 1]).is_none());
    }
    assert!(open(&bytes[..bytes.len() - 1]).is_none());
    assert!(open(&[bytes.as_slice(), b"x"].concat()).is_none());
    assert!(open(&[bytes.as_slice(), &[0; PAGE_LEN]].concat()).is_none());
}

#[test]
fn a_file_that_is_cut_while_it_is_open_is_damaged() {
    let (_, name, bytes) = small();
    let run = IndexRun::open(&name, &*file_of(&bytes), STORE)
        .unwrap()
        .unwrap();
    let cut = file_of(&bytes[..2 * PAGE_LEN + 7]);
    assert!(run.read_page(&*cut, 1).is_ok());
    for page in [2, 3, run.page_count(), u32::MAX] {
        let read = run.read_page(&*cut, page);
        assert!(matches!(read, Err(LogError::DamagedIndex { page: there, .. }) if there == page));
    }
}

#[test]
fn a_run_under_another_name_is_no_run() {
    let (_, name, bytes) = small();
    let file = file_of(&bytes);
    let others = [
        RunName {
            segment: SegmentName::first_generation(2),
            ..name
        },
        RunName {
            segment: SegmentName {
                generation: 1,
                ..name.segment
            },
            ..name
        },
        RunName {
            first: name.first + 1,
            ..name
        },
        RunName {
            end: name.end - 1,
            ..name
        },
        RunName {
            first: name.first + 1,
            end: name.end + 1,
            ..name
        },
    ];
    for other in others {
        assert!(
            IndexRun::open(&other, &*file, STORE).unwrap().is_none(),
            "{other}"
        );
    }
    assert!(IndexRun::open(&name, &*file, [7; 16]).unwrap().is_none());
}

#[test]
fn a_page_of_another_place_or_run_is_damaged() {
    let (segment, name, bytes) = small();
    let run = IndexRun::open(&name, &*file_of(&bytes), STORE)
        .unwrap()
        .unwrap();
    let mut moved = bytes.clone();
    moved.copy_within(PAGE_LEN..2 * PAGE_LEN, 2 * PAGE_LEN);
    assert!(run.read_page(&*file_of(&moved), 2).is_err());
    let (_, other) = segment.run(0..5);
    for page in 0..run.page_count() {
        assert!(run.read_page(&*file_of(&other), page).is_err());
    }
}
