//! What is found behind damage, where segments of the writer would not show the difference.

use super::header::restore_header;
use super::*;
use crate::coordinate::Coordinate;
use crate::error::LogError;
use crate::event::hash::{CanonicalHeader, event_hash, payload_hash};
use crate::fixtures::{Image, event, file_of, first_header};
use crate::segment::{EventRecord, GroupBuilder, SegmentHeader, SegmentName};

/// What a frame is to hold.
#[derive(Clone, Copy)]
enum Put {
    Name(&'static str),
    /// An entity's first event: by name, and whose it is.
    First(u32, &'static str),
}

fn coordinate(entity: &str) -> Coordinate {
    Coordinate::new(entity, "scope").unwrap()
}

/// A segment with these groups.
fn segment(groups: &[&[Put]]) -> Image {
    let mut image = Image::first();
    for group in groups {
        let base = image.header.hlc.wall_us;
        let offset = image.bytes.len() as u64;
        let mut builder = GroupBuilder::start(image.header.binding(), base, offset, Vec::new());
        let first = image.position.next_sequence;
        for put in *group {
            match put {
                Put::Name(entity) => builder.push_name(&coordinate(entity)),
                Put::First(name, entity) => {
                    let record = first_event(image.position.next_sequence, *name, entity);
                    builder.push_event(&record);
                    let sequence = image.position.next_sequence;
                    image
                        .position
                        .count(sequence, record.hlc, &record.event_hash);
                }
            }
        }
        image.starts.push(offset);
        image.bytes.extend(builder.finish(first, 0));
    }
    image
}

fn first_event(number: u64, name: u32, entity: &str) -> EventRecord<'static> {
    let record = event(u128::from(number) + 1, b"payload");
    let canonical = CanonicalHeader {
        event_id: record.event_id,
        correlation_id: record.correlation_id,
        causation_id: None,
        entity,
        scope: "scope",
        kind: record.kind,
        flags: record.flags,
        hlc: record.hlc,
        clock: 0,
        depth: 0,
        lane: 0,
    };
    EventRecord {
        name,
        event_hash: event_hash(&canonical, &payload_hash(b"payload"), &[0; 32]),
        ..record
    }
}

/// Damages the second group, and returns whose each event is found to be.
fn found_without_second(image: &Image) -> Vec<Option<String>> {
    let mut bytes = image.bytes.clone();
    let second = usize::try_from(image.starts[1]).unwrap();
    bytes[second + 20] ^= 1;
    let (mut found, mut lost) = (Vec::new(), Vec::new());
    let what = Salvaging { from: 0, end: None };
    salvage::<LogError>(&file_of(&bytes), &image.header, what, &mut |of| {
        match of {
            Found::Group(group) => found.extend(group.events.iter().map(|event| {
                let coordinate = event.coordinate.as_ref();
                coordinate.map(|coordinate| coordinate.entity().to_owned())
            })),
            Found::Lost(range) => lost.push(range.bytes),
        }
        Ok(())
    })
    .unwrap();
    assert_eq!(lost.len(), 1);
    assert_eq!(lost[0], image.starts[1]..image.starts[2]);
    found
}

#[test]
fn a_definition_and_the_event_behind_it_tell_its_number() {
    let image = segment(&[
        &[Put::Name("a"), Put::First(0, "a")],
        &[Put::Name("b"), Put::First(1, "b")],
        &[Put::First(1, "b"), Put::Name("c"), Put::First(2, "c")],
        &[Put::Name("d"), Put::First(3, "d"), Put::First(0, "a")],
    ]);
    let expected = ["a", "", "c", "d", "a"].map(|name| (!name.is_empty()).then(|| name.to_owned()));
    assert_eq!(found_without_second(&image), expected);
}

#[test]
fn an_event_whose_hash_speaks_against_it_has_no_name() {
    // No writer defines a name before the event of another one.
    let image = segment(&[
        &[Put::Name("a"), Put::First(0, "a")],
        &[Put::Name("b"), Put::First(1, "b")],
        &[Put::Name("c"), Put::First(1, "b"), Put::First(2, "c")],
    ]);
    assert_eq!(found_without_second(&image), [Some("a".into()), None, None]);
}

#[test]
fn a_header_is_restored_from_one_flipped_byte_and_from_no_more() {
    let header = first_header();
    let name = header.segment;
    let bytes = header.encode();
    let restored = |bytes: &[u8], name| restore_header(name, &*file_of(bytes)).unwrap();
    for at in (0..bytes.len()).step_by(23) {
        let mut bytes = bytes.clone();
        bytes[at] ^= 0x41;
        let found = restored(&bytes, name);
        assert_eq!(found.as_ref(), Some(&header), "byte {at}");
        bytes[(at + 1) % header_len(&header)] ^= 0x41;
        assert_eq!(restored(&bytes, name), None, "bytes {at} and the next");
    }
    let other = SegmentName::first_generation(2);
    let mut damaged = bytes.clone();
    damaged[100] ^= 1;
    assert_eq!(restored(&damaged, other), None);
    assert_eq!(restored(&bytes[..100], name), None);
    assert_eq!(restored(&[], name), None);
}

fn header_len(header: &SegmentHeader) -> usize {
    usize::try_from(header.encoded_len()).unwrap()
}
