use super::event::{Content, decode};
use super::*;
use crate::event::hash::compute_hash;
use crate::fs::MemoryFs;
use crate::seed::seeded_random;
use crate::segment::SegmentName;
use serde::Serialize;

mod image;

use image::{Image, event, names_of, ranges, read};

/// Puts the frames into one segment and returns what is read.
fn texts(image: &Image) -> Vec<(String, u64)> {
    let fs = MemoryFs::new();
    image.put(&fs, 1);
    read(&fs, 1).unwrap().0
}

fn sequences(found: &[(String, u64)]) -> Vec<u64> {
    found.iter().map(|(_, sequence)| *sequence).collect()
}

#[test]
fn a_batch_counts_from_the_sequence_that_its_mark_names() {
    let mut image = Image::new(1);
    image.event("a", 1).begin(2, 7).event("b", 2).event("c", 2);
    image.commit().event("d", 3);
    let found = texts(&image);
    assert_eq!(names_of(&found), ["a", "b", "c", "d"]);
    assert_eq!(sequences(&found), [0, 7, 8, 9]);
}

#[test]
fn a_batch_without_its_end_takes_nothing_else_with_it() {
    // A write failed, and the program went on.
    let mut image = Image::new(1);
    image.begin(3, 0).event("x", 1).event("y", 1);
    image.event("a", 2).event("b", 3).event("c", 3);
    assert_eq!(names_of(&texts(&image)), ["a", "b", "c"]);
    // Another batch follows at once.
    let mut image = Image::new(1);
    image.begin(2, 0).event("x", 1);
    image.begin(1, 0).event("a", 2).commit();
    assert_eq!(names_of(&texts(&image)), ["a"]);
    // All items are there, and the mark is not.
    let mut image = Image::new(1);
    image.begin(2, 0).event("x", 1).event("y", 1).event("a", 2);
    assert_eq!(names_of(&texts(&image)), ["a"]);
    // The mark comes too early.
    let mut image = Image::new(1);
    image.begin(2, 0).event("x", 1).commit().event("a", 2);
    assert_eq!(names_of(&texts(&image)), ["a"]);
    // A mark that ends nothing.
    let mut image = Image::new(1);
    image.event("a", 1).commit().event("b", 2);
    assert_eq!(names_of(&texts(&image)), ["a", "b"]);
}

#[test]
fn a_batch_goes_over_the_end_of_a_segment_unless_it_is_torn() {
    let mut first = Image::new(1);
    first.begin(2, 0).event("a", 1);
    let mut second = Image::new(2);
    second.event("b", 1).commit();
    let fs = MemoryFs::new();
    first.put(&fs, 1);
    second.put(&fs, 2);
    let (found, end) = read(&fs, 2).unwrap();
    assert_eq!(names_of(&found), ["a", "b"]);
    assert_eq!((end.dropped_batches, end.torn_bytes), (0, 0));

    first.bytes.extend(b"torn");
    first.put(&fs, 1);
    let (found, end) = read(&fs, 2).unwrap();
    assert_eq!(names_of(&found), ["b"]);
    assert_eq!((end.dropped_batches, end.torn_bytes), (1, 4));
}

#[test]
fn ranges_hide_by_sequence() {
    let mut image = Image::new(1);
    for number in 0..10 {
        image.event(&number.to_string(), number);
    }
    let fs = MemoryFs::new();
    image.put(&fs, 1);
    fs.set_bytes(
        "visibility_ranges.fbv",
        ranges(&[(5, 7), (1, 2), (6, 8), (9, 9)]),
    );
    let (found, end) = read(&fs, 1).unwrap();
    assert_eq!(sequences(&found), [0, 2, 3, 4, 8, 9]);
    assert_eq!((end.hidden_events, end.next_sequence), (4, 10));
}

#[test]
fn a_kind_of_a_mark_makes_no_mark() {
    let mut image = Image::new(1);
    image.event("a", 1);
    for kind in [6, 7] {
        image.push(&event("k", 2, |event| event.header.event_kind = kind));
        let mut in_marks_place = event("l", 2, |event| event.header.event_kind = kind);
        in_marks_place.entity = "_batch".into();
        in_marks_place.scope = "_system".into();
        image.push(&in_marks_place);
        image.push(&event("m", 2, |event| {
            event.header.event_kind = kind;
            event.hash_chain = None;
        }));
    }
    image.event("b", 3);
    let found = texts(&image);
    assert_eq!(names_of(&found), ["a", "k", "l", "m", "k", "l", "m", "b"]);
}

#[test]
fn a_time_is_the_events_own_unless_its_entity_stood_elsewhere() {
    let time_of = |timestamp_us, wall_ms| {
        let frame = event("", timestamp_us, |event| {
            event.header.position.wall_ms = wall_ms;
        });
        match decode(&frame.body()).unwrap() {
            Content::Event(event) => event.hlc().wall_us,
            Content::BatchBegin { .. } | Content::BatchCommit => panic!("a mark"),
        }
    };
    assert_eq!(time_of(5_123_456, 5_123), 5_123_456);
    assert_eq!(time_of(5_123_456, 6_000), 6_000_000);
    assert_eq!(time_of(-5_000, u64::MAX - 4), 0);
    assert_eq!(time_of(i64::MAX, u64::MAX), i64::MAX.cast_unsigned());
}

#[test]
fn a_payload_is_its_bytes_or_the_value_in_their_place() {
    let payload_of = |body: &[u8]| match decode(body).unwrap() {
        Content::Event(event) => event.payload,
        Content::BatchBegin { .. } | Content::BatchCommit => panic!("a mark"),
    };
    // A compaction has stored the value; arrays of small numbers look like bytes.
    for value in [
        serde_json::json!({"key": [1, 2], "null": null}),
        serde_json::json!([1, 2, 255]),
        serde_json::json!("text"),
        serde_json::json!([[1], {"a": 1.5}, -1]),
    ] {
        let encoded = rmp_serde::to_vec_named(&value).unwrap();
        let mut stored = event("", 1, |_| ()).with_payload(value);
        stored.hash(compute_hash(&encoded));
        assert_eq!(payload_of(&stored.body()), encoded);
        let mut bytes = event("", 1, |_| ()).with_payload(encoded.clone());
        bytes.hash(compute_hash(&encoded));
        assert_eq!(payload_of(&bytes.body()), encoded);
    }
}

#[test]
fn what_is_torn_is_told_from_what_is_damaged() {
    let mut image = Image::new(1);
    let starts: Vec<_> = (0..20)
        .map(|number| {
            let start = image.bytes.len();
            image.event(&"x".repeat(200 * number), 1);
            start
        })
        .collect();
    let whole = image.bytes.clone();
    let fs = MemoryFs::new();
    for zeros in [1, 7, 8, 9, 5_000] {
        image.bytes.resize(whole.len() + zeros, 0);
        image.put(&fs, 1);
        let (found, end) = read(&fs, 1).unwrap();
        assert_eq!((found.len(), end.torn_bytes), (20, zeros as u64));
    }
    for (at, start) in starts.iter().enumerate() {
        image.bytes.clone_from(&whole);
        image.bytes[start + 30] ^= 1;
        image.put(&fs, 1);
        match read(&fs, 1) {
            Ok((found, _)) => assert_eq!((at, found.len()), (19, 19)),
            Err(LogError::CrcMismatch { offset, .. }) => assert_eq!(offset, *start as u64),
            Err(error) => panic!("{error}"),
        }
    }
    // With a footer behind it, the last frame was whole once.
    image.bytes.clone_from(&whole);
    image.bytes[starts[19] + 30] ^= 1;
    image.footer();
    image.put(&fs, 1);
    assert!(matches!(read(&fs, 1), Err(LogError::CrcMismatch { .. })));
}

#[test]
fn frames_of_every_length_come_back_across_windows() {
    let mut image = Image::new(1);
    let long = "y".repeat(700_000);
    for text in ["a", &long, "b", &long, &long, "c"] {
        image.event(text, 1);
    }
    let found = texts(&image);
    let lengths: Vec<_> = found.iter().map(|(text, _)| text.len()).collect();
    assert_eq!(lengths, [1, 700_000, 1, 700_000, 700_000, 1]);
}

#[test]
fn a_header_that_is_not_exactly_one_is_none() {
    #[derive(Serialize)]
    struct Header {
        version: u16,
        flags: u16,
        created_ns: i64,
        segment_id: u64,
    }
    let file = |version, segment_id, extra: &[u8]| {
        let header = Header {
            version,
            flags: 0,
            created_ns: -5,
            segment_id,
        };
        let header = rmp_serde::to_vec_named(&header).unwrap();
        let length = u32::try_from(header.len() + extra.len()).unwrap();
        [b"FBAT".as_slice(), &length.to_be_bytes(), &header, extra].concat()
    };
    let read = |bytes: &[u8], cut_off| {
        let file = crate::fixtures::file_of(bytes);
        let name = SegmentName::first_generation(4);
        read_version1_header(name, &*file, cut_off).unwrap()
    };
    assert!(read(&file(1, 4, b""), false).is_some());
    assert!(read(&file(1, 5, b""), false).is_none());
    assert!(read(&file(2, 4, b""), false).is_none());
    assert!(read(&file(1, 4, b"\xc0"), false).is_none());
    let whole = file(1, 4, b"");
    for length in 0..whole.len() {
        assert!(read(&whole[..length], false).is_none(), "{length}");
        assert!(read(&whole[..length], true).is_some(), "{length}");
    }
    assert!(read(b"FBAX", true).is_none());
    assert!(read(b"FBAT\x80\x00\x00\x02", true).is_none());
}

#[test]
fn bytes_of_chance_never_make_it_panic() {
    let mut random = seeded_random();
    let good = event("payload", 1, |_| ()).body();
    for _ in 0..20_000 {
        let mut bytes = good.clone();
        for _ in 0..random.usize(1..6) {
            let at = random.usize(..bytes.len());
            bytes[at] = random.u8(..);
        }
        bytes.truncate(random.usize(..=bytes.len()));
        let _ = decode(&bytes);
        let noise: Vec<u8> = (0..random.usize(..64)).map(|_| random.u8(..)).collect();
        let _ = decode(&noise);
        let fs = MemoryFs::new();
        fs.set_bytes("visibility_ranges.fbv", noise);
        assert!(HiddenRanges::read(&fs).is_err());
    }
}
