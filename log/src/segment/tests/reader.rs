use crate::error::LogError;
use crate::fixtures::{Image, file_of, index, payloads_of};
use crate::fs::{Access, Fs, MemoryFs};
use crate::layout::GROUP_HEADER_LEN;
use crate::seed::seeded_random;
use crate::segment::{GroupReader, Step, event_at};

const WINDOW_BYTES: usize = 1024 * 1024;

/// What a group of one event with an empty payload takes in [`Image`]'s segments.
fn group_len_empty() -> usize {
    let mut image = Image::first();
    let start = image.bytes.len();
    image.group(&[b""], 0);
    image.bytes.len() - start
}

#[test]
fn a_group_may_begin_and_end_anywhere_at_the_edge_of_a_window() {
    // The second group starts from 130 bytes before the window's end to 10 bytes behind it.
    let base = WINDOW_BYTES - group_len_empty() - 20;
    let first = vec![0x5A; base + 10];
    for shorter in 0..140 {
        let mut image = Image::first();
        image
            .group(&[&first[shorter..]], 0)
            .group(&[b"second", b"third"], 0);
        image.group(&[b"fourth"], 0);
        let payloads = payloads_of(&image.header, &image.bytes);
        assert_eq!(payloads.len(), 4, "{shorter} bytes shorter");
        assert_eq!(payloads[0].len(), base + 10 - shorter);
        assert_eq!(
            payloads[1..],
            [b"second".to_vec(), b"third".to_vec(), b"fourth".to_vec()]
        );
    }
}

#[test]
fn groups_of_every_size_come_back_across_windows() {
    let mut random = seeded_random();
    for _ in 0..5 {
        let mut image = Image::first();
        let mut written = Vec::new();
        for _ in 0..random.usize(5..25) {
            let largest = if random.u8(..) < 40 {
                3 * WINDOW_BYTES
            } else {
                200_000
            };
            let payloads: Vec<Vec<u8>> = (0..random.usize(1..4))
                .map(|_| vec![random.u8(..); random.usize(0..largest)])
                .collect();
            image.group(&payloads.iter().map(Vec::as_slice).collect::<Vec<_>>(), 0);
            written.extend(payloads);
        }
        assert!(payloads_of(&image.header, &image.bytes) == written);
    }
}

#[test]
fn a_reader_goes_on_where_the_file_has_grown() {
    let image = Image::of_four_groups();
    let fs = MemoryFs::new();
    let cut = index(image.starts[2]) + 20;
    fs.set_bytes("f", image.bytes[..cut].to_vec());
    let file = fs.open("f", Access::Read).unwrap();
    let mut reader = GroupReader::new(file, &image.header, cut as u64);
    for _ in 0..2 {
        assert!(matches!(reader.step(), Ok(Step::Group(_))));
    }
    assert!(matches!(reader.step(), Ok(Step::NotWhole { .. })));
    fs.set_bytes("f", image.bytes.clone());
    reader.set_limit(image.bytes.len() as u64);
    for start in &image.starts[2..] {
        let Step::Group(group) = reader.step().unwrap() else {
            panic!("no whole group")
        };
        assert_eq!(group.offset, *start);
    }
    assert!(matches!(reader.step(), Ok(Step::End)));
    assert_eq!(reader.names().len(), 4);
}

#[test]
fn a_reader_sees_what_was_written_into_reserved_space() {
    let image = Image::of_four_groups();
    let fs = MemoryFs::new();
    let reserved = vec![0; image.bytes.len() - 168];
    fs.set_bytes("f", [&image.bytes[..168], &reserved].concat());
    let file = fs.open("f", Access::Read).unwrap();
    let limit = image.bytes.len() as u64;
    let mut reader = GroupReader::new(file, &image.header, limit);
    assert!(matches!(reader.step(), Ok(Step::NotWhole { .. })));
    fs.set_bytes("f", image.bytes.clone());
    reader.set_limit(limit);
    assert!(matches!(reader.step(), Ok(Step::Group(_))));
}

#[test]
fn a_limit_is_not_read_beyond() {
    let image = Image::of_four_groups();
    for limit in 0..=image.bytes.len() as u64 {
        let mut reader = GroupReader::new(file_of(&image.bytes), &image.header, limit);
        while let Step::Group(group) = reader.step().unwrap() {
            assert!(group.end <= limit);
        }
        let whole = image
            .starts
            .iter()
            .skip(1)
            .filter(|start| **start <= limit)
            .count();
        let all = usize::from(limit == image.bytes.len() as u64);
        assert_eq!(reader.names().len(), whole + all, "limit {limit}");
    }
}

#[test]
fn an_event_is_read_at_its_place_and_nowhere_else() {
    let image = Image::of_four_groups();
    let binding = image.header.binding();
    let wall_us = image.header.hlc.wall_us;
    let bytes_at = |offset: u64, length: u32| {
        let end = index(offset).saturating_add(length as usize);
        let bytes = image.bytes.get(index(offset)..end);
        bytes.unwrap_or_default()
    };
    let mut reader = GroupReader::new(file_of(&image.bytes), &image.header, u64::MAX);
    reader.set_limit(image.bytes.len() as u64);
    let mut found = 0;
    while let Step::Group(group) = reader.step().unwrap() {
        for event in &group.events {
            let read =
                |offset, length| event_at(&binding, wall_us, bytes_at(offset, length), offset);
            let (record, length) = read(event.offset, event.length).unwrap();
            assert_eq!((record, length), (event.record, event.length));
            for (offset, length) in [
                (event.offset + 1, event.length),
                (event.offset - 1, event.length),
                (event.offset, event.length - 1),
                (event.offset, 0),
                (event.offset, u32::MAX),
                (image.bytes.len() as u64, event.length),
                (u64::from(u32::MAX), 8),
            ] {
                let result = read(offset, length);
                assert!(
                    matches!(result, Err(LogError::CrcMismatch { .. })),
                    "{length} bytes at {offset}: {result:?}"
                );
            }
            found += 1;
        }
    }
    assert_eq!(found, 6);
    // A name definition is a frame too, and no event.
    let name_at = image.starts[0] + GROUP_HEADER_LEN as u64;
    let length = u32::from(image.bytes[index(name_at) + 3]) + 8;
    let definition = bytes_at(name_at, length);
    let result = event_at(&binding, wall_us, definition, name_at);
    assert!(
        matches!(result, Err(LogError::CrcMismatch { .. })),
        "{result:?}"
    );
}
