//! Sequences go on from group to group and from segment to segment, with gaps and never back.

use super::{POISONED, REBOOTED, SAME_BOOT, is_corrupt, newest};
use crate::error::LogError;
use crate::fixtures::{Image, file_of};
use crate::log_position::LogPosition;
use crate::recover_segment::{check_successor, recover_sealed};
use crate::segment::{GroupBuilder, ReadStart, SegmentHeader};

/// Adds a group whose first event has this sequence.
fn group_at(image: &mut Image, first_sequence: u64) {
    image.position.next_sequence = first_sequence;
    image.group(&[b"one", b"two"], image.position.offset);
}

/// Returns a segment whose first group takes 10 and 11, and whose second begins with this sequence.
fn with_second_group_at(first_sequence: u64) -> Image {
    let mut image = Image::first();
    group_at(&mut image, 10);
    group_at(&mut image, first_sequence);
    image
}

fn sealed(image: &Image) -> Result<LogPosition, LogError> {
    let successor = image.position.as_predecessor();
    recover_sealed(
        &file_of(&image.bytes),
        &image.header,
        &successor,
        &ReadStart::of(&image.header),
        &mut |_, _| {},
    )
}

#[test]
fn a_gap_between_groups_is_legal() {
    for first_sequence in [12, 13, 9_437_196, u64::MAX - 2] {
        let image = with_second_group_at(first_sequence);
        assert_eq!(sealed(&image).unwrap(), image.position);
        for bytes in [image.bytes.clone(), image.sealed(false), image.sealed(true)] {
            for facts in [SAME_BOOT, REBOOTED, POISONED] {
                let end = newest(&image, &bytes, facts).unwrap();
                assert_eq!(end.position, image.position, "{first_sequence}");
            }
        }
    }
}

#[test]
fn a_group_whose_sequences_go_back_is_damage_and_never_torn() {
    for first_sequence in [0, 9, 10, 11] {
        let image = with_second_group_at(first_sequence);
        let result = sealed(&image);
        assert!(is_corrupt(&result), "{first_sequence}: {result:?}");
        for bytes in [image.bytes.clone(), image.sealed(false), image.sealed(true)] {
            for facts in [SAME_BOOT, REBOOTED, POISONED] {
                let result = newest(&image, &bytes, facts);
                assert!(is_corrupt(&result), "{first_sequence}: {result:?}");
            }
        }
    }
}

#[test]
fn the_first_group_of_a_segment_does_not_go_below_its_header() {
    let mut before = Image::first();
    group_at(&mut before, 10);
    for (first_sequence, legal) in [(0, false), (11, false), (12, true), (500, true)] {
        let mut image = before.successor();
        group_at(&mut image, first_sequence);
        let result = newest(&image, &image.bytes, SAME_BOOT);
        assert_eq!(result.is_ok(), legal, "{first_sequence}: {result:?}");
        assert_eq!(is_corrupt(&result), !legal, "{first_sequence}: {result:?}");
    }
}

/// It uses no sequence, so the next group may begin with the same one.
#[test]
fn a_group_without_events_moves_nothing_and_may_stand_before_any_gap() {
    let mut image = Image::first();
    group_at(&mut image, 10);
    let (binding, base) = (image.header.binding(), image.header.hlc.wall_us);
    let empty = GroupBuilder::start(binding, base, image.position.offset, Vec::new());
    image.bytes.extend(empty.finish(12, 0));
    image.position.offset = image.bytes.len() as u64;
    group_at(&mut image, 12);
    assert_eq!(sealed(&image).unwrap(), image.position);
}

#[test]
fn a_successor_goes_on_where_the_segment_before_it_ended() {
    let image = Image::of_four_groups();
    let end = sealed(&image).unwrap();
    let described = image.successor().header;
    let next = end.next_sequence;
    let check = |first_sequence, events_before| {
        let successor = SegmentHeader {
            first_sequence,
            events_before,
            ..described.clone()
        };
        check_successor(&end, &successor)
    };
    for first_sequence in [next, next + 1, next + 9_437_184, u64::MAX] {
        check(first_sequence, end.event_count).unwrap();
    }
    for (first_sequence, events_before) in [
        (next - 1, end.event_count),
        (0, end.event_count),
        (next, end.event_count - 1),
        (next, end.event_count + 1),
        (next + 5, 0),
    ] {
        match check(first_sequence, events_before) {
            Err(LogError::ForeignFile { name, .. }) => assert_eq!(name, "000002.fbat"),
            other => panic!("{first_sequence}, {events_before}: {other:?}"),
        }
    }
}
