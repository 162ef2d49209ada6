//! Runs whose checksums hold and whose tables were changed on purpose, one by one.

use super::support::{Files, Segment, Shape, seal};
use crate::bytes::put_u32;
use crate::error::LogError;
use crate::index::hash::id_hash;
use crate::index::header::Table;
use crate::index::{IndexRun, MergeStep, RunMerge, RunName};
use crate::layout::run::{CONTENT_LEN, PAGE_LEN};
use std::sync::Arc;

/// A run whose pages can be changed.
struct Forged {
    name: RunName,
    bytes: Vec<u8>,
    honest: Arc<IndexRun>,
}

fn segment(entities: u64) -> Segment {
    let shape = Shape {
        groups: 60,
        entities,
        gaps: 0,
        ..Shape::default()
    };
    Segment::random(&mut fastrand::Rng::with_seed(3), &shape)
}

impl Forged {
    fn new(segment: &Segment) -> Self {
        let (name, bytes) = segment.run(0..60);
        let honest = Files::default().add(&name, &bytes).unwrap();
        Self {
            name,
            bytes,
            honest,
        }
    }

    /// Changes the content of a table's page.
    fn change(&mut self, table: Table, index: u32, change: impl FnOnce(&mut [u8])) {
        let page = (table.first + index) as usize;
        change(&mut self.bytes[page * PAGE_LEN..][..CONTENT_LEN]);
        seal(&self.name, &mut self.bytes, page);
    }

    fn open(&self) -> (Option<Arc<IndexRun>>, Files) {
        let mut files = Files::default();
        (files.add(&self.name, &self.bytes), files)
    }
}

fn is_damaged<T>(answer: Result<T, LogError>, table: Table) -> bool {
    let pages = table.first..table.first + table.pages;
    matches!(answer, Err(LogError::DamagedIndex { page, .. }) if pages.contains(&page))
}

#[test]
fn a_hash_that_many_events_have_gives_them_all() {
    let segment = segment(5);
    let mut forged = Forged::new(&segment);
    let tables = *forged.honest.tables();
    let count = forged.honest.event_count();
    assert!(tables.ids.pages > 2);
    let ranges = [
        (0, count),
        (511, count),
        (511, 1022),
        (500, 1030),
        (1000, 1001),
    ];
    // Where a look-up begins depends on the hash.
    for ((start, end), event) in ranges.iter().flat_map(|range| {
        let events = segment.events.iter().take(12);
        events.map(move |event| (*range, event))
    }) {
        let hash = id_hash(event.id);
        for index in 0..tables.ids.pages {
            forged.change(tables.ids, index, |content| {
                for (entry, slot) in (index * 511..count).zip(content.chunks_exact_mut(8)) {
                    let other = if entry < start { hash - 1 } else { hash + 1 };
                    let hash = if (start..end).contains(&entry) {
                        hash
                    } else {
                        other
                    };
                    slot.copy_from_slice(&(hash << 24 | u64::from(entry)).to_be_bytes());
                }
            });
        }
        let (run, files) = forged.open();
        let found = run.unwrap().ids(&files, event.id).unwrap();
        assert!(found.iter().eq(start..end), "{start}..{end}");
        assert_eq!(found.len(), (end - start) as usize);
    }
}

#[test]
fn an_id_of_an_event_that_is_not_there_is_damage() {
    let segment = segment(5);
    let mut forged = Forged::new(&segment);
    let table = forged.honest.tables().ids;
    let id = segment.events[7].id;
    let entry = id_hash(id) << 24 | 0x00ff_ffff;
    forged.change(table, 0, |content| {
        content
            .chunks_exact_mut(8)
            .for_each(|slot| slot.copy_from_slice(&entry.to_be_bytes()));
    });
    let (run, files) = forged.open();
    assert!(is_damaged(run.unwrap().ids(&files, id), table));
}

#[test]
fn a_frame_outside_of_the_run_or_before_the_one_before_is_damage() {
    let mut forged = Forged::new(&segment(5));
    let table = forged.honest.tables().offsets;
    forged.change(table, 0, |content| {
        put_u32(content, 4 * 10, 0);
        put_u32(content, 4 * 20, u32::MAX);
    });
    let (run, files) = forged.open();
    let run = run.unwrap();
    for damaged in [9, 19, 20] {
        assert!(is_damaged(run.frame(&files, damaged), table), "{damaged}");
    }
    assert!(run.frame(&files, 10).is_ok() && run.frame(&files, 21).is_ok());
}

#[test]
fn gaps_that_are_none_make_a_file_no_run() {
    let shape = Shape {
        groups: 60,
        gaps: 1,
        ..Shape::default()
    };
    let segment = Segment::random(&mut fastrand::Rng::with_seed(3), &shape);
    let table = Forged::new(&segment).honest.tables().gaps;
    let first = segment.events[0].sequence;
    let second = Forged::new(&segment).honest.gaps()[1];
    let opens = |number: u32, sequence: u64| {
        let mut forged = Forged::new(&segment);
        forged.change(table, 0, |content| {
            put_u32(content, 0, number);
            content[4..12].copy_from_slice(&sequence.to_be_bytes());
        });
        forged.open().0.is_some()
    };
    assert!(opens(1, first + 2), "a gap that could be");
    assert!(!opens(1, first + 1), "no gap at all");
    assert!(!opens(0, first + 1), "before the first event");
    assert!(
        !opens(second.number, first + u64::from(second.number) + 1),
        "twice in one place"
    );
    assert!(!opens(second.number + 1, u64::MAX / 2), "not in order");
    assert!(!opens(1, second.sequence), "beyond the next one");
    assert!(!opens(u32::MAX, u64::MAX), "behind the last event");
}

#[test]
fn a_merge_refuses_keys_with_more_events_than_there_are() {
    let mut forged = Forged::new(&segment(1_000));
    let table = forged.honest.tables().kinds;
    let events = forged.honest.event_count();
    // Each of many kinds claims all events.
    forged.change(table, 0, |content| {
        let mut page = crate::index::dictionary_page::PageBuilder::new(0);
        let all = crate::index::Postings::new(events, events - 1, events, 0);
        for kind in 0..300_u16 {
            assert!(page.add(&kind.to_be_bytes(), |bytes| all.encode(bytes)));
        }
        content.fill(0);
        let page = page.take();
        content[..page.len()].copy_from_slice(&page);
    });
    assert!(is_damaged(merge(&forged), table));
}

#[test]
fn a_key_that_is_longer_than_a_name_is_damage() {
    let mut forged = Forged::new(&segment(5));
    let table = forged.honest.tables().scopes;
    forged.change(table, 0, |content| {
        content.fill(b'a');
        // One entry at 6: a key of 1025 bytes.
        content[..8].copy_from_slice(&[0, 1, 0, 0, 0, 6, 0x81, 0x08]);
        content[8 + 1025..][..2].copy_from_slice(&[1, 0]);
    });
    let (run, files) = forged.open();
    assert!(is_damaged(run.unwrap().scope(&files, "aaa"), table));
    assert!(is_damaged(merge(&forged), table));
}

fn merge(forged: &Forged) -> Result<(), LogError> {
    let (run, files) = forged.open();
    let mut merge = RunMerge::new(vec![run.unwrap()]).unwrap();
    while let MergeStep::More = merge.step(&files)? {}
    Ok(())
}
