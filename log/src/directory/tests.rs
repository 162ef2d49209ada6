use super::*;
use crate::fixtures::Image;
use crate::fs::{FsCall, MemoryFs};
use crate::seed::seeded_random;
use crate::segment::Replaced;

/// Returns a log of `count` segments with a group each.
fn log(count: usize) -> Vec<Image> {
    let mut images: Vec<Image> = Vec::new();
    for number in 0..count {
        let mut image = images.last().map_or_else(Image::first, Image::successor);
        image.group(&[format!("event {number}").as_bytes()], 0);
        images.push(image);
    }
    images
}

fn put(fs: &MemoryFs, images: &[Image]) {
    for image in images {
        fs.set_bytes(&image.name(), image.bytes.clone());
    }
}

fn directory_of(images: &[Image]) -> MemoryFs {
    let fs = MemoryFs::new();
    put(&fs, images);
    fs
}

fn headers(images: &[Image]) -> Vec<SegmentHeader> {
    images.iter().map(|image| image.header.clone()).collect()
}

/// Returns what merging some neighbours would give; its groups do not matter here.
fn merged(sources: &[Image], generation: u32) -> Image {
    let (first, last) = (sources.first().unwrap(), sources.last().unwrap());
    let source = |source: &Image| Replaced {
        segment: source.header.segment,
        log_hash: source.position.log_hash,
    };
    Image::new(SegmentHeader {
        segment: SegmentName {
            id: first.header.segment.id,
            generation,
        },
        last_id: last.header.last_id,
        replaced: sources.iter().map(source).collect(),
        ..first.header.clone()
    })
}

fn missing(result: &Result<Directory, LogError>) -> Option<u64> {
    match result {
        Err(LogError::MissingSegment { segment_id }) => Some(*segment_id),
        Err(_) | Ok(_) => None,
    }
}

fn is_foreign(result: &Result<Directory, LogError>) -> bool {
    matches!(result, Err(LogError::ForeignFile { .. }))
}

#[test]
fn an_empty_directory_has_no_segments() {
    assert_eq!(
        read_directory(&MemoryFs::new()).unwrap(),
        Directory::default()
    );
}

#[test]
fn segments_come_in_order_of_their_numbers_and_nothing_is_written() {
    let images = log(12);
    let fs = directory_of(&images);
    for call in [
        FsCall::WriteAt,
        FsCall::Truncate,
        FsCall::Rename,
        FsCall::Remove,
    ] {
        fs.fail_next(call, io::ErrorKind::Other);
    }
    let found = read_directory(&fs).unwrap();
    assert_eq!(found.segments, headers(&images));
    assert_eq!(found.replaced, []);
}

#[test]
fn numbers_of_more_than_six_digits_follow_those_of_six() {
    let mut first = Image::first();
    first.header.segment.id = 999_999;
    first.header.last_id = 999_999;
    let first = Image::new(first.header);
    let mut second = first.successor();
    second.group(&[b"x"], 0);
    let third = second.successor();
    assert_eq!(third.name(), "1000001.fbat");
    let images = [first, second, third];
    assert_eq!(
        read_directory(&directory_of(&images)).unwrap().segments,
        headers(&images)
    );
}

#[test]
fn other_names_are_not_looked_at() {
    let images = log(2);
    let fs = directory_of(&images);
    for name in [
        "next.tmp",
        "merge.tmp",
        "checkpoint.fbcp",
        "poisoned.fbpm",
        "store.lock",
        "000003.fbix",
        "3.fbat",
        "0000003.fbat",
        "000000.fbat",
        "000003.fbat.tmp",
        "recovered/000003.fbat",
        "visibility_ranges.fbv",
    ] {
        fs.set_bytes(name, b"anything".to_vec());
    }
    fs.create_directory("000003.fbat").unwrap();
    assert_eq!(read_directory(&fs).unwrap().segments, headers(&images));
}

#[test]
fn a_missing_segment_is_named() {
    let images = log(5);
    for gone in 0..4 {
        let fs = directory_of(&images);
        fs.remove(&images[gone].name()).unwrap();
        assert_eq!(missing(&read_directory(&fs)), Some(gone as u64 + 1));
    }
    // Two in a row: the one that the next header names.
    let fs = directory_of(&[images[0].clone(), images[3].clone(), images[4].clone()]);
    assert_eq!(missing(&read_directory(&fs)), Some(3));
    // Nothing names the last one: only a checkpoint knows that it was there.
    let fs = directory_of(&images[..4]);
    assert_eq!(read_directory(&fs).unwrap().segments, headers(&images[..4]));
}

#[test]
fn a_copy_under_another_name_is_foreign() {
    let images = log(3);
    for copy in ["000004.fbat", "000002-1.fbat", "000009.fbat"] {
        let fs = directory_of(&images);
        fs.set_bytes(copy, images[1].bytes.clone());
        assert!(is_foreign(&read_directory(&fs)), "{copy}");
    }
    // Two that were swapped.
    let fs = directory_of(&images);
    fs.set_bytes(&images[1].name(), images[2].bytes.clone());
    fs.set_bytes(&images[2].name(), images[1].bytes.clone());
    assert!(is_foreign(&read_directory(&fs)));
}

#[test]
fn a_segment_of_another_store_is_foreign_wherever_it_stands() {
    let images = log(3);
    for foreign in 0..3 {
        let mut header = images[foreign].header.clone();
        header.store_id = [0xF0; 16];
        let fs = directory_of(&images);
        fs.set_bytes(&images[foreign].name(), header.encode());
        assert!(is_foreign(&read_directory(&fs)), "{foreign}");
    }
}

#[test]
fn a_segment_that_follows_another_one_than_the_one_before_it_is_foreign() {
    let mut images = log(3);
    // It says that it is the first of a log, or that it follows one further back.
    for predecessor in [None, images[1].header.predecessor] {
        images[2].header.predecessor = predecessor;
        images[2].bytes = images[2].header.encode();
        assert!(
            is_foreign(&read_directory(&directory_of(&images))),
            "{predecessor:?}"
        );
    }
    // It follows a form of its predecessor that was merged later than the one which is there.
    let mut images = log(2);
    let predecessor = images[1].header.predecessor.as_mut().unwrap();
    predecessor.generation = 1;
    images[1].bytes = images[1].header.encode();
    assert!(is_foreign(&read_directory(&directory_of(&images))));
}

#[test]
fn two_segments_of_the_same_numbers_are_foreign_unless_one_replaces_the_other() {
    let images = log(4);
    let mut unrelated = merged(&images[1..3], 1);
    unrelated.header.replaced.clear();
    unrelated.bytes = unrelated.header.encode();
    let fs = directory_of(&images);
    put(&fs, &[unrelated]);
    assert!(is_foreign(&read_directory(&fs)));
    // Nor does it help that the second one says it follows the numbers of both.
    let mut images = log(2);
    images[0].header.last_id = 2;
    images[0].bytes = images[0].header.encode();
    images[1].header.predecessor.as_mut().unwrap().last_id = 2;
    images[1].bytes = images[1].header.encode();
    assert!(is_foreign(&read_directory(&directory_of(&images))));
}

#[test]
fn a_merged_segment_stands_for_its_sources_whichever_of_them_are_left() {
    let images = log(5);
    let merged = merged(&images[1..4], 1);
    let segments = [&images[0].header, &merged.header, &images[4].header];
    for left in 0..8 {
        let fs = directory_of(&[images[0].clone(), merged.clone(), images[4].clone()]);
        let sources = images[1..4]
            .iter()
            .enumerate()
            .filter(|(bit, _)| left & (1 << bit) != 0);
        let sources: Vec<_> = sources.map(|(_, image)| image.clone()).collect();
        put(&fs, &sources);
        let found = read_directory(&fs).unwrap();
        assert_eq!(found.segments.iter().collect::<Vec<_>>(), segments);
        let names: Vec<_> = sources.iter().map(|image| image.header.segment).collect();
        assert_eq!(found.replaced, names);
    }
    // Without the merged one, a source that is gone is missed.
    let fs = directory_of(&[images[0].clone(), images[1].clone(), images[4].clone()]);
    assert_eq!(missing(&read_directory(&fs)), Some(4));
}

#[test]
fn a_segment_merged_twice_stands_for_the_sources_of_its_sources() {
    let images = log(6);
    let once = merged(&images[1..3], 1);
    let twice = merged(&[once.clone(), images[3].clone()], 2);
    let again = merged(std::slice::from_ref(&twice), 3);
    for now in [&twice, &again] {
        let before = [&images[1], &images[2], &images[3], &once, &twice];
        let before = before
            .into_iter()
            .filter(|image| image.name() != now.name());
        let before: Vec<_> = before.cloned().collect();
        for left in 0..1 << before.len() {
            let sources = before.iter().enumerate();
            let sources = sources.filter(|(bit, _)| left & (1 << bit) != 0);
            let sources: Vec<_> = sources.map(|(_, image)| image.clone()).collect();
            let fs = directory_of(&[images[0].clone(), now.clone(), images[4].clone()]);
            put(&fs, &sources);
            let found = read_directory(&fs).unwrap();
            let segments = [&images[0].header, &now.header, &images[4].header];
            assert_eq!(found.segments.iter().collect::<Vec<_>>(), segments);
            assert_eq!(found.replaced.len(), sources.len());
        }
    }
    // One that reaches beyond the sources, or is as late as they are, is none of them.
    let beyond = merged(&images[2..5], 1);
    let as_late = merged(&images[2..3], 1);
    for other in [beyond, as_late] {
        let fs = directory_of(&[images[0].clone(), twice.clone(), images[4].clone(), other]);
        assert!(is_foreign(&read_directory(&fs)));
    }
}

#[test]
fn a_source_of_another_store_is_not_offered_for_removal() {
    let images = log(4);
    let merged = merged(&images[1..3], 1);
    let fs = directory_of(&[images[0].clone(), merged, images[3].clone()]);
    let mut stranger = images[2].header.clone();
    stranger.store_id = [0xF0; 16];
    fs.set_bytes(&images[2].name(), stranger.encode());
    assert!(is_foreign(&read_directory(&fs)));
}

#[test]
fn a_damaged_header_is_refused_wherever_it_stands() {
    let images = log(3);
    let mut random = seeded_random();
    for _ in 0..2_000 {
        let fs = directory_of(&images);
        let image = random.choice(&images).unwrap();
        let offset = random.u64(0..image.header.encoded_len());
        fs.corrupt(&image.name(), offset, random.u8(1..)).unwrap();
        let result = read_directory(&fs);
        assert!(
            matches!(result, Err(LogError::CorruptSegment { .. })),
            "{result:?}"
        );
    }
    for residue in [vec![], vec![0; 10], vec![0; 4096], vec![0xA5; 168]] {
        let fs = directory_of(&images);
        fs.set_bytes("000004.fbat", residue);
        let result = read_directory(&fs);
        assert!(matches!(
            result,
            Err(LogError::CorruptSegment { segment_id: 4, .. })
        ));
    }
}

#[test]
fn a_later_version_is_refused_by_name() {
    let images = log(2);
    let mut bytes = images[1].bytes.clone();
    bytes[7] = 3;
    let header = &bytes[..168];
    let crc = crc32fast::hash(&[&header[..12], &header[16..]].concat());
    bytes[12..16].copy_from_slice(&crc.to_be_bytes());
    let fs = directory_of(&images);
    fs.set_bytes(&images[1].name(), bytes);
    match read_directory(&fs) {
        Err(LogError::FutureVersion { name, .. }) => assert_eq!(name, "000002.fbat"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_the_file_system_refuses_is_passed_on() {
    for call in [FsCall::List, FsCall::Open, FsCall::Len, FsCall::ReadAt] {
        let fs = directory_of(&log(2));
        fs.fail_next(call, io::ErrorKind::PermissionDenied);
        assert!(
            matches!(read_directory(&fs), Err(LogError::Io(_))),
            "{call:?}"
        );
    }
}
