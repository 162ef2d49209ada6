use super::{POISONED, REBOOTED, SAME_BOOT, damaged_at, is_corrupt, newest};
use crate::fixtures::{Image, each_flip, index};
use crate::segment::{TailFacts, encode_footer};

#[test]
fn a_clean_segment_ends_as_its_footer_says() {
    for image in [Image::first(), Image::of_four_groups()] {
        for facts in [SAME_BOOT, REBOOTED, POISONED] {
            let end = newest(&image, &image.sealed(true), facts).unwrap();
            assert!(end.clean);
            assert_eq!(end.position, image.position);
            assert_eq!((end.tail.end, end.tail.torn), (image.position.offset, None));
            assert_eq!(end.proven, image.position.offset);
            assert_eq!(end.next_sequence, image.position.next_sequence);
        }
    }
}

#[test]
fn the_next_sequence_is_the_footers_where_some_were_skipped() {
    let image = Image::of_four_groups();
    for (given, expected) in [(1_000, 1_000), (0, image.position.next_sequence)] {
        let mut trailer = image.position.as_trailer(true);
        trailer.next_sequence = given;
        let footer = encode_footer(&image.header.binding(), &trailer);
        let bytes = [image.bytes.as_slice(), &footer].concat();
        assert_eq!(
            newest(&image, &bytes, REBOOTED).unwrap().next_sequence,
            expected
        );
    }
}

#[test]
fn a_footer_without_the_clean_mark_is_a_tail_like_any_other() {
    let image = Image::of_four_groups();
    let bytes = image.sealed(false);
    for facts in [SAME_BOOT, REBOOTED] {
        let end = newest(&image, &bytes, facts).unwrap();
        assert!(!end.clean);
        assert_eq!(end.position, image.position);
        assert_eq!(
            end.tail.torn,
            Some(image.position.offset..bytes.len() as u64)
        );
    }
}

/// After a clean close there is no torn group: a flip is damage, or changes no event.
#[test]
fn no_flipped_bit_of_a_clean_segment_goes_unnoticed_or_changes_an_event() {
    let image = Image::of_four_groups();
    let bytes = image.sealed(true);
    let footer_at = image.bytes.len();
    each_flip(
        &bytes,
        index(image.starts[0])..bytes.len(),
        |at, flipped| {
            for facts in [SAME_BOOT, REBOOTED, POISONED] {
                let result = newest(&image, flipped, facts);
                if at < footer_at {
                    assert!(damaged_at(&result).is_some(), "byte {at}: {result:?}");
                } else {
                    let end = result.unwrap();
                    assert_eq!(end.position, image.position, "byte {at}");
                    assert!(!end.clean && end.tail.torn.is_some(), "byte {at}");
                }
            }
        },
    );
}

/// One bad sector may hold the end of the last group and the footer's marker; the trailer behind it
/// still says that everything below was durable.
#[test]
fn rot_over_the_last_group_and_the_marker_of_a_clean_segment_is_damage() {
    let image = Image::of_four_groups();
    let mut bytes = image.sealed(true);
    let footer_at = image.bytes.len();
    bytes[footer_at - 20..footer_at + 8].fill(0);
    for facts in [SAME_BOOT, REBOOTED] {
        let result = newest(&image, &bytes, facts);
        assert!(damaged_at(&result).is_some(), "{result:?}");
    }
}

#[test]
fn a_clean_segment_that_was_cut_keeps_its_whole_groups_or_is_refused_where_they_were_proven() {
    let image = Image::of_four_groups();
    let bytes = image.sealed(true);
    for len in index(image.starts[0])..bytes.len() {
        let cut = &bytes[..len];
        let end = newest(&image, cut, REBOOTED).unwrap();
        let whole = image.starts.iter().chain([&image.position.offset]);
        let expected = whole.filter(|start| **start <= len as u64).max().unwrap();
        assert_eq!(end.position.offset, *expected, "{len} bytes");
        let proven = TailFacts {
            proven: image.position.offset,
            ..REBOOTED
        };
        let refused = damaged_at(&newest(&image, cut, proven)).is_some();
        assert_eq!(refused, len < image.bytes.len(), "{len} bytes");
    }
}

#[test]
fn a_footer_that_counts_other_events_is_damage() {
    let image = Image::of_four_groups();
    let mut trailer = image.position.as_trailer(true);
    trailer.log_hash[5] ^= 1;
    let footer = encode_footer(&image.header.binding(), &trailer);
    assert!(is_corrupt(&newest(
        &image,
        &[image.bytes.as_slice(), &footer].concat(),
        SAME_BOOT
    )));
}
