use super::*;
use crate::event::hash::fold_log_hash;
use crate::fixtures::{Image, file_of, first_header};
use crate::segment::{GroupReader, Step};

#[test]
fn a_segment_starts_where_its_header_says() {
    let image = Image::of_four_groups();
    let next = image.successor();
    let start = LogPosition::at_start_of(&next.header);
    let expected = LogPosition {
        segment: next.header.segment,
        last_id: 2,
        offset: 168,
        ..image.position
    };
    assert_eq!(start, expected);
    assert_eq!(LogPosition::at_start_of(&first_header()).log_hash, [0; 32]);
}

#[test]
fn a_position_that_follows_the_groups_is_the_one_they_were_written_from() {
    let image = Image::of_four_groups();
    let mut position = LogPosition::at_start_of(&image.header);
    let length = image.bytes.len() as u64;
    let mut reader = GroupReader::new(file_of(&image.bytes), &image.header, length);
    let mut log_hash = [0; 32];
    while let Step::Group(group) = reader.step().unwrap() {
        position.advance(&group);
        for event in &group.events {
            log_hash = fold_log_hash(&log_hash, &event.record.event_hash);
        }
    }
    assert_eq!(position, image.position);
    assert_eq!(position.log_hash, log_hash);
    assert_eq!((position.event_count, position.next_sequence), (6, 6));
}

#[test]
fn the_end_of_a_segment_is_told_the_same_to_its_footer_and_its_successor() {
    let position = Image::of_four_groups().position;
    let (trailer, predecessor) = (position.as_trailer(true), position.as_predecessor());
    assert_eq!(trailer.end_offset, predecessor.end_offset);
    assert_eq!(trailer.log_hash, predecessor.log_hash);
    assert_eq!((predecessor.last_id, predecessor.generation), (1, 0));
    assert!(trailer.clean && !position.as_trailer(false).clean);
}

#[test]
fn the_greatest_numbers_do_not_overflow() {
    let header = SegmentHeader {
        events_before: u64::MAX,
        first_sequence: u64::MAX,
        ..first_header()
    };
    let mut position = LogPosition::at_start_of(&header);
    position.count(u64::MAX, position.hlc, &[0; 32]);
    assert_eq!(
        (position.event_count, position.next_sequence),
        (u64::MAX, u64::MAX)
    );
}
