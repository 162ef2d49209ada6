//! Bytes that nobody wrote in good faith: never a panic, never more memory than the file has bytes.

use crate::coordinate::Coordinate;
use crate::fixtures::{Image, event, file_of, first_header};
use crate::layout::GROUP_HEADER_LEN;
use crate::seed::seeded_random;
use crate::segment::{
    EventRecord, GroupBuilder, GroupHeader, GroupReader, Record, Step, TailFacts, judge_tail,
    read_header, read_trailer,
};

/// Reads bytes in every way there is; only a panic is wrong.
fn read_all(bytes: &[u8]) {
    let header = first_header();
    let file = file_of(bytes);
    let _ = read_header(header.segment, &*file);
    let _ = read_trailer(&*file, &header.binding());
    let mut reader = GroupReader::new(file_of(bytes), &header, bytes.len() as u64);
    while let Ok(Step::Group(_)) = reader.step() {}
    for same_boot in [true, false] {
        let facts = TailFacts {
            same_boot,
            ..TailFacts::default()
        };
        let end = reader.position();
        let _ = judge_tail(&file, &header, crate::segment::Stop::at(end, end), facts);
    }
}

#[test]
fn changed_bytes_never_panic() {
    let mut random = seeded_random();
    let image = Image::of_four_groups().sealed(true);
    for _ in 0..3_000 {
        let mut bytes = image.clone();
        for _ in 0..random.usize(1..8) {
            let at = random.usize(0..bytes.len());
            match random.u8(0..4) {
                0 => bytes[at] = random.u8(..),
                1 => bytes.truncate(at.max(1)),
                2 => bytes.extend_from_within(at..),
                _ => {
                    let end = (at + random.usize(0..40)).min(bytes.len());
                    bytes[at..end].fill(random.choice([0x00, 0xFF]).unwrap());
                }
            }
        }
        read_all(&bytes);
    }
}

#[test]
fn random_records_never_panic() {
    let mut random = seeded_random();
    let mut known = GroupBuilder::start(first_header().binding(), 0, 168, Vec::new());
    known.push_name(&Coordinate::new("entity", "scope").unwrap());
    let forked = EventRecord {
        causation_id: Some(1),
        depth: 7,
        ..event(2, b"payload")
    };
    known.push_event(&EventRecord {
        correlation_id: 3,
        ..forked
    });
    let known = known.finish(0, 0);
    for _ in 0..100_000 {
        let start = random.usize(GROUP_HEADER_LEN..known.len());
        let mut body = known[start..].to_vec();
        for _ in 0..random.usize(0..4) {
            let at = random.usize(0..body.len());
            body[at] = random.u8(..);
        }
        let _ = Record::decode(&body, random.u64(..));
        let noise: Vec<u8> = (0..random.usize(0..60)).map(|_| random.u8(..)).collect();
        let _ = Record::decode(&noise, 0);
    }
}

#[test]
fn a_record_that_is_cut_off_anywhere_is_an_error() {
    let mut builder = GroupBuilder::start(first_header().binding(), 0, 168, Vec::new());
    let forked = EventRecord {
        causation_id: Some(1),
        depth: 7,
        lane: 300,
        ..event(2, b"")
    };
    let placed = builder.push_event(&EventRecord {
        correlation_id: 3,
        ..forked
    });
    let group = builder.finish(0, 0);
    let body = &group[group.len() - placed.length as usize + 8..];
    assert!(Record::decode(body, 0).is_ok());
    for len in 0..body.len() {
        assert!(Record::decode(&body[..len], 0).is_err(), "{len} bytes");
    }
}

/// A length field is part of the checked header, so a hostile one needs a checksum that holds.
#[test]
fn a_group_longer_than_its_file_is_cut_off() {
    let header = first_header();
    let binding = header.binding();
    for body_len in [1, 1 << 20, 128 << 20, (128 << 20) + 1, u32::MAX] {
        let mut covered = body_len.to_be_bytes().to_vec();
        covered.extend([1, 0, 0xFF, 0xFF]);
        covered.extend([0; 20]);
        let crc = binding.crc(168, &covered).to_be_bytes();
        let group = [binding.group_marker().as_slice(), &crc, &covered].concat();
        let known = body_len <= 128 << 20;
        assert_eq!(GroupHeader::decode(&group, &binding, 168).is_some(), known);
        let bytes = [header.encode(), group].concat();
        let mut reader = GroupReader::new(file_of(&bytes), &header, bytes.len() as u64);
        assert!(
            matches!(reader.step(), Ok(Step::NotWhole { offset: 168, .. })),
            "{body_len}"
        );
    }
}
