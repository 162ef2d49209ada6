use crate::fixtures::{Image, each_flip, file_of, index, payloads_of};
use crate::segment::{FenceRecord, GroupReader, ReadStart, Step};
use FenceRecord::{Cancel, Commit, Member};

/// A group, a fence of two groups, which has the number 1, and what `end` adds.
fn image(end: &[FenceRecord]) -> Image {
    let mut image = Image::first();
    image.group(&[b"before"], 0);
    image.group_of(Some(Member(1)), &[b"one", b"two"], 0);
    image.group_of(Some(Member(1)), &[b"three"], 0);
    for record in end {
        image.record(*record);
    }
    image
}

fn payloads(image: &Image) -> Vec<String> {
    let payloads = payloads_of(&image.header, &image.bytes);
    let text = |payload| String::from_utf8(payload).unwrap();
    payloads.into_iter().map(text).collect()
}

const ALL: [&str; 5] = ["before", "one", "two", "three", "after"];

#[test]
fn a_fence_counts_once_its_commit_stands_behind_it() {
    let mut committed = image(&[Commit(1)]);
    committed.group(&[b"after"], 0);
    assert_eq!(payloads(&committed), ALL);
    for end in [
        &[][..],
        &[Commit(2)],
        &[Commit(0)],
        &[Cancel(2)],
        &[Member(1)],
    ] {
        let mut image = image(end);
        assert_eq!(payloads(&image), ["before"], "{end:?}");
        image.group(&[b"after"], 0);
        assert_eq!(payloads(&image), ["before"], "{end:?}");
    }
}

#[test]
fn a_cancelled_fence_is_stepped_over() {
    let mut image = image(&[Cancel(1)]);
    image.group(&[b"after"], 0);
    assert_eq!(payloads(&image), ["before", "after"]);
    let len = image.bytes.len() as u64;
    let mut reader = GroupReader::new(file_of(&image.bytes), &image.header, len);
    reader.step().unwrap();
    let Step::Group(group) = reader.step().unwrap() else {
        panic!("a cancelled fence is whole");
    };
    assert_eq!(
        (group.offset, group.end),
        (image.starts[1], image.starts[4])
    );
    assert_eq!((group.events.len(), group.names.len()), (0, 2));
    assert_eq!(group.header.first_sequence, 4);
    assert_eq!(reader.name_count(), 3, "its names are defined");
}

#[test]
fn a_group_with_events_cancels_nothing() {
    let mut image = image(&[]);
    image.group_of(Some(Cancel(1)), &[b"dropped"], 0);
    assert_eq!(payloads(&image), ["before"]);
    let len = image.bytes.len() as u64;
    let mut reader = GroupReader::new(file_of(&image.bytes), &image.header, len);
    reader.step().unwrap();
    let Step::Unfinished(fence) = reader.step().unwrap() else {
        panic!("nobody has cancelled it");
    };
    assert_eq!(fence.bad, Some(image.starts[3]));
}

#[test]
fn an_open_fence_tells_where_it_begins_and_what_it_used() {
    let image = image(&[]);
    let len = image.bytes.len() as u64;
    let mut reader = GroupReader::new(file_of(&image.bytes), &image.header, len);
    assert!(matches!(reader.step().unwrap(), Step::Group(_)));
    for _ in 0..2 {
        let Step::Unfinished(fence) = reader.step().unwrap() else {
            panic!("it was not committed");
        };
        assert_eq!(fence.offset, image.starts[1]);
        assert_eq!((fence.end, fence.bad), (len, None));
        assert_eq!(fence.next_sequence, 4);
        assert_eq!(reader.name_count(), 1, "its names are not defined");
    }
}

#[test]
fn a_group_whose_fence_is_not_before_it_is_not_whole() {
    for record in [Member(0), Member(2), Commit(1)] {
        let mut image = Image::first();
        image.group(&[b"before"], 0);
        image.group_of(Some(record), &[b"stray"], 0);
        image.record(Commit(1));
        let len = image.bytes.len() as u64;
        let mut reader = GroupReader::new(file_of(&image.bytes), &image.header, len);
        assert!(matches!(reader.step().unwrap(), Step::Group(_)));
        let step = reader.step().unwrap();
        assert!(
            matches!(step, Step::NotWhole { .. }),
            "{record:?}: {step:?}"
        );
    }
}

#[test]
fn a_reading_may_begin_inside_of_a_committed_fence() {
    let mut image = image(&[Commit(1)]);
    image.group(&[b"after"], 0);
    for (from, groups) in [(2, 3), (3, 2)] {
        let mut start = ReadStart::of(&image.header);
        start.position.offset = image.starts[from];
        start.names_before = u32::try_from(from).unwrap();
        let len = image.bytes.len() as u64;
        let file = file_of(&image.bytes);
        let mut reader = GroupReader::resume(file, &image.header, &start, len);
        for _ in 0..groups {
            assert!(matches!(reader.step().unwrap(), Step::Group(_)));
        }
        assert!(matches!(reader.step().unwrap(), Step::End));
    }
}

#[test]
fn no_flip_and_no_cut_shows_a_part_of_a_fence() {
    let mut image = image(&[Commit(1)]);
    image.group(&[b"after"], 0);
    let whole_or_nothing = |bytes: &[u8], what: &str| {
        let payloads = payloads_of(&image.header, bytes);
        assert!([1, 4, 5].contains(&payloads.len()), "{what}");
    };
    let end = index(image.starts[4]);
    each_flip(&image.bytes, index(image.starts[1])..end, |at, bytes| {
        let payloads = payloads_of(&image.header, bytes);
        assert_eq!(payloads.len(), 1, "a flip in byte {at}");
    });
    for cut in index(image.starts[1])..image.bytes.len() {
        whole_or_nothing(&image.bytes[..cut], &format!("cut at {cut}"));
    }
}
