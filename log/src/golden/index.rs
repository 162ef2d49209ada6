//! The example of an index run. Its blocks were made from the words of `FORMAT.md` by a second
//! implementation.

use super::{
    CAUSE, EVENT_ID, START, STORE, TIME, assert_is_example, end, example, group, header, record,
};
use crate::coordinate::Coordinate;
use crate::error::LogError;
use crate::event::EventKind;
use crate::fixtures::{event, file_of};
use crate::fs::File;
use crate::index::{IndexRun, Page, Pages, RunBuilder, RunName};
use crate::layout::run::{CONTENT_LEN, HEADER_LEN, PAGE_LEN, TABLE_LEN};
use crate::log_position::LogPosition;
use crate::segment::{EventRecord, GroupBuilder, GroupReader, Step};
use std::sync::Arc;

/// The pages of the example, in order.
const PAGES: [&str; 12] = [
    "run-header",
    "run-ids",
    "run-offsets",
    "run-names",
    "run-id-filter",
    "run-entities",
    "run-scopes",
    "run-kinds",
    "run-causes",
    "run-postings",
    "run-entity-filter",
    "run-gaps",
];

/// Returns the group behind the example's group.
fn second_group() -> Vec<u8> {
    let next = |id: u128, hash: u8| EventRecord {
        kind: EventKind::custom(0xF, 1),
        hlc: TIME,
        event_hash: [hash; 32],
        causation_id: Some(EVENT_ID),
        ..event(id, b"\xa4paid")
    };
    let offset = end().offset;
    let mut builder = GroupBuilder::start(header().binding(), START.wall_us, offset, Vec::new());
    builder.push_name(&Coordinate::new("cart:8", "shop").unwrap());
    builder.push_event(&next(0xA1, 0x11));
    builder.push_event(&EventRecord {
        name: 1,
        kind: EventKind::custom(0xF, 2),
        causation_id: None,
        ..next(0xA2, 0x22)
    });
    builder.push_event(&next(0xA3, 0x33));
    builder.finish(10, offset)
}

fn built() -> (RunName, Vec<u8>) {
    let bytes = [header().encode(), group(), second_group()].concat();
    let mut reader = GroupReader::new(file_of(&bytes), &header(), bytes.len() as u64);
    let start = LogPosition::at_start_of(&header());
    let mut builder = RunBuilder::new(&header(), start, 0);
    while let Step::Group(group) = reader.step().unwrap() {
        builder.add(&group);
    }
    builder.finish()
}

/// Returns a run in which one kind has the numbers 0, 0 + 1, 0 + 1 + 2 and so on.
fn built_long() -> (RunName, Vec<u8>, Vec<u32>) {
    let numbers: Vec<u32> = (0..258).map(|index| index * (index + 1) / 2).collect();
    let mut builder = RunBuilder::new(&header(), LogPosition::at_start_of(&header()), 0);
    let mut bytes = header().encode();
    for group in 0..9_u32 {
        let offset = bytes.len() as u64;
        let mut image = GroupBuilder::start(header().binding(), START.wall_us, offset, Vec::new());
        if group == 0 {
            image.push_name(&Coordinate::new("cart:7", "shop").unwrap());
        }
        for number in group * 4_000..(group + 1) * 4_000 {
            let is_one = numbers.binary_search(&number).is_ok();
            image.push_event(&EventRecord {
                kind: EventKind::custom(0xF, if is_one { 1 } else { 2 }),
                ..event(u128::from(number), b"")
            });
        }
        bytes.extend(image.finish(u64::from(group) * 4_000, offset));
    }
    let mut reader = GroupReader::new(file_of(&bytes), &header(), bytes.len() as u64);
    while let Step::Group(group) = reader.step().unwrap() {
        builder.add(&group);
    }
    let (name, bytes) = builder.finish();
    (name, bytes, numbers)
}

/// The one file of the example.
struct OneFile(Arc<dyn File>);

impl Pages for OneFile {
    fn page(&self, run: &IndexRun, page: u32) -> Result<Page, LogError> {
        run.read_page(&*self.0, page)
    }
}

#[test]
fn the_index_run_is_written() {
    let (name, bytes) = built();
    assert_eq!(name.file_name(), "000001.0-4.fbix");
    let mut checksums = Vec::new();
    for (page, example) in bytes.chunks(PAGE_LEN).zip(PAGES) {
        let (content, checksum) = page.split_at(CONTENT_LEN);
        let used = content.iter().rposition(|byte| *byte > 0).unwrap() + 1;
        assert_is_example(example, &content[..used]);
        checksums.extend_from_slice(checksum);
    }
    assert_is_example("run-checksums", &checksums);
    assert_eq!(bytes.len(), PAGES.len() * PAGE_LEN);
    assert_is_example("run-hash", blake3::hash(&bytes).as_bytes());
}

#[test]
fn a_long_list_is_written_and_read() {
    let (name, bytes, numbers) = built_long();
    let pages = OneFile(file_of(&bytes));
    let run = IndexRun::open(&name, &*pages.0, STORE).unwrap().unwrap();
    let kind = EventKind::custom(0xF, 1).as_u16();
    let found = run.kind(&pages, kind).unwrap().unwrap();
    let read: Vec<_> = found.numbers(&run, &pages).map(Result::unwrap).collect();
    assert_eq!(read, numbers);
    assert_eq!(
        found.before(&run, &pages, 33_153).unwrap(),
        Some(numbers[256])
    );
    // It is the first list of the table of postings.
    let example_len = example("run-long-list").len();
    let directory = &bytes[HEADER_LEN..];
    let postings = &directory[8 * TABLE_LEN..];
    let first = u32::from_be_bytes(postings[4..8].try_into().unwrap()) as usize;
    assert_is_example("run-long-list", &bytes[first * PAGE_LEN..][..example_len]);
}

#[test]
fn the_index_run_is_read() {
    let mut bytes = Vec::new();
    for (page, checksum) in PAGES.iter().zip(example("run-checksums").chunks(4)) {
        let mut content = example(page);
        content.resize(CONTENT_LEN, 0);
        bytes.extend([content.as_slice(), checksum].concat());
    }
    let name = RunName::parse("000001.0-4.fbix").unwrap();
    let pages = OneFile(file_of(&bytes));
    let run = IndexRun::open(&name, &*pages.0, STORE).unwrap().unwrap();
    let found = run.ids(&pages, EVENT_ID).unwrap();
    assert_eq!(found.iter().collect::<Vec<_>>(), [0]);
    assert_eq!(run.frame(&pages, 0).unwrap().offset, 230);
    assert_eq!(run.name_place(&pages, 1).unwrap().unwrap().offset, 367);
    assert_eq!([0, 1, 3].map(|number| run.sequence(number)), [0, 10, 12]);
    let numbers = |found: Option<crate::index::Postings>| -> Vec<u32> {
        let found = found.unwrap().numbers(&run, &pages);
        found.map(Result::unwrap).collect()
    };
    assert_eq!(numbers(run.entity(&pages, "cart:7").unwrap()), [0, 1, 3]);
    assert_eq!(numbers(run.scope(&pages, "shop").unwrap()), [0, 1, 2, 3]);
    let kind = record().kind.as_u16() + 1;
    assert_eq!(numbers(run.kind(&pages, kind).unwrap()), [2]);
    assert_eq!(numbers(run.effects(&pages, EVENT_ID).unwrap()), [1, 3]);
    assert_eq!(numbers(run.effects(&pages, CAUSE).unwrap()), [0]);
}
