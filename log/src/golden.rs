//! The hex examples of `FORMAT.md` are what the code writes, and the code reads them back.
//!
//! A change that breaks one of these tests breaks every store that exists.

mod index;

use std::sync::Arc;

use crate::checkpoint::Checkpoint;
use crate::coordinate::Coordinate;
use crate::event::EventKind;
use crate::event::hash::{CanonicalHeader, event_hash, payload_hash};
use crate::fixtures::{event, file_of};
use crate::layout::{FEATURE_REMOVALS, FEATURE_STUBS};
use crate::log_position::LogPosition;
use crate::poison_mark::PoisonMark;
use crate::position::Hlc;
use crate::recover_segment::recover_newest;
use crate::segment::{
    EventRecord, FenceRecord, GroupBuilder, GroupReader, Predecessor, ReadStart, Removals, Removed,
    Replaced, SegmentHeader, SegmentName, Step, TailFacts, Tie, encode_footer, read_header,
    read_trailer,
};

const FORMAT: &str = include_str!("../FORMAT.md");

const STORE: [u8; 16] = [
    0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF,
];
const START: Hlc = Hlc {
    wall_us: 1_700_000_000_000_000,
    counter: 0,
};
const TIME: Hlc = Hlc {
    wall_us: 1_700_000_000_250_000,
    counter: 0,
};
const EVENT_ID: u128 = 0x0123_4567_89AB_CDEF_0123_4567_89AB_CDEF;
const CAUSE: u128 = 0xC0;
const PAYLOAD: &[u8] = b"\xa4paid";

/// Returns the bytes of the block that `FORMAT.md` calls `name`; `#` starts a comment.
fn example(name: &str) -> Vec<u8> {
    let opening = format!("```hex name={name}\n");
    let (_, after) = FORMAT
        .split_once(&opening)
        .expect("FORMAT.md has the block");
    let (block, _) = after.split_once("```").unwrap();
    let without_comments = block.lines().map(|line| line.split('#').next().unwrap());
    let digits: String = without_comments
        .collect::<String>()
        .split_whitespace()
        .collect();
    assert_eq!(digits.len() % 2, 0, "{name} has whole bytes");
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(byte).collect()
}

/// Compares as text, so that a difference can be pasted into `FORMAT.md`.
fn assert_is_example(name: &str, bytes: &[u8]) {
    let text = |bytes: &[u8]| {
        bytes
            .iter()
            .map(|byte| format!("{byte:02x} "))
            .collect::<String>()
    };
    assert_eq!(text(bytes), text(&example(name)), "{name}");
}

fn header() -> SegmentHeader {
    SegmentHeader {
        store_id: STORE,
        segment: SegmentName::first_generation(1),
        last_id: 1,
        first_sequence: 0,
        boot_id: [0xB0; 16],
        hlc: START,
        events_before: 0,
        predecessor: None,
        replaced: Vec::new(),
        removals: Removals::default(),
        required_features: 0,
        optional_features: 0,
    }
}

fn merged_header() -> SegmentHeader {
    let source = |id, byte| Replaced {
        segment: SegmentName::first_generation(id),
        log_hash: [byte; 32],
    };
    SegmentHeader {
        segment: SegmentName {
            id: 2,
            generation: 1,
        },
        last_id: 3,
        first_sequence: 1,
        hlc: TIME,
        events_before: 1,
        predecessor: Some(Predecessor {
            last_id: 1,
            generation: 0,
            end_offset: 327,
            log_hash: [0x11; 32],
        }),
        replaced: vec![source(2, 0x22), source(3, 0x33)],
        ..header()
    }
}

fn canonical() -> CanonicalHeader<'static> {
    CanonicalHeader {
        event_id: EVENT_ID,
        correlation_id: EVENT_ID,
        causation_id: Some(CAUSE),
        entity: "cart:7",
        scope: "shop",
        kind: EventKind::custom(0xF, 1),
        flags: 1,
        hlc: TIME,
        clock: 0,
        depth: 0,
        lane: 0,
    }
}

fn record() -> EventRecord<'static> {
    EventRecord {
        kind: EventKind::custom(0xF, 1),
        flags: 1,
        hlc: TIME,
        event_hash: event_hash(&canonical(), &payload_hash(PAYLOAD), &[0; 32]),
        causation_id: Some(CAUSE),
        keyed: true,
        ..event(EVENT_ID, PAYLOAD)
    }
}

fn group() -> Vec<u8> {
    let mut builder = GroupBuilder::start(header().binding(), START.wall_us, 168, Vec::new());
    builder.push_name(&Coordinate::new("cart:7", "shop").unwrap());
    builder.push_event(&record());
    builder.finish(0, 168)
}

/// Returns where the example segment ends, clean.
fn end() -> LogPosition {
    let mut position = LogPosition::at_start_of(&header());
    position.count(0, TIME, &record().event_hash);
    position.offset += group().len() as u64;
    position
}

/// The example's event, once compaction has removed its payload.
fn stub() -> EventRecord<'static> {
    EventRecord {
        payload: &[],
        removed: Some(Removed {
            payload_hash: payload_hash(PAYLOAD),
            payload_len: 5,
            is_shown: false,
        }),
        ..record()
    }
}

#[test]
fn a_stub_in_a_merged_segment() {
    let mut removals = Removals::default();
    removals.count(&record().event_hash, false);
    let header = SegmentHeader {
        required_features: FEATURE_STUBS | FEATURE_REMOVALS,
        removals,
        ..merged_header()
    };
    let mut builder = GroupBuilder::start(header.binding(), TIME.wall_us, 280, Vec::new());
    builder.push_name(&Coordinate::new("cart:7", "shop").unwrap());
    builder.push_event(&stub());
    let bytes = [header.encode(), builder.finish(1, 280)].concat();
    assert_is_example("removals", &bytes[256..280]);
    assert_is_example("stub", &bytes[280..]);
    let file = file_of(&bytes);
    assert_eq!(read_header(header.segment, &*file).unwrap(), header);
    let mut reader = GroupReader::new(file, &header, bytes.len() as u64);
    let Step::Group(group) = reader.step().unwrap() else {
        panic!("the example is a whole group");
    };
    assert_eq!(group.events[0].record, stub());
    assert_eq!(group.events[0].record.payload_hash(), payload_hash(PAYLOAD));
}

#[test]
fn the_segment_header() {
    assert_is_example("segment-header", &header().encode());
    let file = file_of(&example("segment-header"));
    assert_eq!(read_header(header().segment, &*file).unwrap(), header());
}

#[test]
fn the_header_of_a_merged_segment() {
    assert_is_example("merged-header", &merged_header().encode());
    let file = file_of(&example("merged-header"));
    assert_eq!(
        read_header(merged_header().segment, &*file).unwrap(),
        merged_header()
    );
}

#[test]
fn the_group() {
    assert_is_example("group", &group());
    let bytes = [example("segment-header"), example("group")].concat();
    let mut reader = GroupReader::new(file_of(&bytes), &header(), bytes.len() as u64);
    let Step::Group(group) = reader.step().unwrap() else {
        panic!("no whole group")
    };
    assert_eq!((group.header.first_sequence, group.header.proven), (0, 168));
    let [event] = group.events.as_slice() else {
        panic!("not one event")
    };
    assert_eq!(event.record, record());
    assert_eq!(event.coordinate, Coordinate::new("cart:7", "shop").unwrap());
}

#[test]
fn the_events_of_version_1() {
    let event = |event_hash, tie| EventRecord {
        flags: 0,
        event_hash,
        causation_id: None,
        tie,
        ..record()
    };
    let first = event(payload_hash(PAYLOAD), Tie::Version1 { prev_hash: None });
    let second = EventRecord {
        event_id: EVENT_ID + 1,
        correlation_id: EVENT_ID + 1,
        clock: 1,
        ..event(
            payload_hash(PAYLOAD),
            Tie::Version1 {
                prev_hash: Some(&[0x55; 32]),
            },
        )
    };
    let mut builder = GroupBuilder::start(header().binding(), START.wall_us, 168, Vec::new());
    builder.push_name(&Coordinate::new("cart:7", "shop").unwrap());
    builder.push_event(&first);
    builder.push_event(&second);
    assert_is_example("version1-group", &builder.finish(0, 168));
    let bytes = [example("segment-header"), example("version1-group")].concat();
    let mut reader = GroupReader::new(file_of(&bytes), &header(), bytes.len() as u64);
    let Step::Group(group) = reader.step().unwrap() else {
        panic!("no whole group")
    };
    let found: Vec<_> = group.events.iter().map(|event| event.record).collect();
    assert_eq!(found, [first, second]);
}

#[test]
fn the_fence() {
    let binding = header().binding();
    let mut member = GroupBuilder::start(binding.clone(), START.wall_us, 168, Vec::new());
    member.push_fence(FenceRecord::Member(0));
    member.push_name(&Coordinate::new("cart:7", "shop").unwrap());
    member.push_event(&record());
    let member = member.finish(0, 168);
    let at = 168 + member.len() as u64;
    let mut commit = GroupBuilder::start(binding, START.wall_us, at, Vec::new());
    commit.push_fence(FenceRecord::Commit(0));
    assert_is_example("fence", &[member, commit.finish(1, 168)].concat());
    let bytes = [example("segment-header"), example("fence")].concat();
    let mut reader = GroupReader::new(file_of(&bytes), &header(), bytes.len() as u64);
    for fence in [FenceRecord::Member(0), FenceRecord::Commit(0)] {
        let Step::Group(group) = reader.step().unwrap() else {
            panic!("no whole group")
        };
        assert_eq!(group.fence, Some(fence));
    }
}

#[test]
fn the_footer() {
    assert_is_example(
        "footer",
        &encode_footer(&header().binding(), &end().as_trailer(true)),
    );
    let bytes = [
        example("segment-header"),
        example("group"),
        example("footer"),
    ]
    .concat();
    let file = file_of(&bytes);
    let trailer = read_trailer(&*file, &header().binding()).unwrap();
    assert_eq!(trailer, Some(end().as_trailer(true)));
    let facts = TailFacts::default();
    let found = recover_newest(
        &Arc::clone(&file),
        &header(),
        facts,
        &ReadStart::of(&header()),
        &mut |_, _| {},
    )
    .unwrap();
    assert!(found.clean);
    assert_eq!(found.position, end());
}

#[test]
fn the_checkpoint() {
    let checkpoint = Checkpoint {
        store_id: STORE,
        position: end(),
    };
    assert_is_example("checkpoint", &checkpoint.encode());
    assert_eq!(Checkpoint::decode(&example("checkpoint")), Some(checkpoint));
}

#[test]
fn the_poison_mark() {
    let mark = PoisonMark {
        store_id: STORE,
        segment_id: 1,
    };
    assert_is_example("poison-mark", &mark.encode());
    assert_eq!(PoisonMark::decode(&example("poison-mark")), Some(mark));
}

#[test]
fn the_canonical_header_and_the_hashes() {
    assert_is_example("canonical-header", &canonical().to_bytes());
    assert_is_example("payload-hash", &payload_hash(PAYLOAD));
    assert_is_example("event-hash", &record().event_hash);
    assert_is_example("log-hash", &end().log_hash);
}
