use super::{damaged_at, is_corrupt};
use crate::error::LogError;
use crate::fixtures::{Image, each_flip, file_of, index};
use crate::log_position::LogPosition;
use crate::recover_segment::recover_sealed;
use crate::segment::ReadStart;
use crate::segment::{Predecessor, Replaced, SegmentHeader, SegmentName};

fn sealed(image: &Image, bytes: &[u8], successor: &Predecessor) -> Result<LogPosition, LogError> {
    recover_sealed(
        &file_of(bytes),
        &image.header,
        successor,
        &ReadStart::of(&image.header),
        &mut |_, _| {},
    )
}

/// Adds four groups as in [`Image::of_four_groups`], the first event given.
fn with_groups(mut image: Image, first: &[u8]) -> Image {
    for payloads in [[first, b"two"], [b"three", b"four"]] {
        image.group(&payloads, image.position.offset);
        image.group(&[&payloads.concat()], image.position.offset);
    }
    image
}

/// Returns the same events as [`Image::of_four_groups`] in a segment that was merged.
fn merged(generation: u32) -> Image {
    let source = Replaced {
        segment: SegmentName::first_generation(1),
        log_hash: [0; 32],
    };
    let plain = Image::of_four_groups();
    let image = with_groups(
        Image::new(SegmentHeader {
            segment: SegmentName { id: 1, generation },
            replaced: vec![source; 2],
            ..plain.header
        }),
        b"one",
    );
    assert_eq!(image.position.log_hash, plain.position.log_hash);
    image
}

#[test]
fn a_segment_is_read_up_to_where_its_successor_says() {
    let image = Image::of_four_groups();
    let successor = image.position.as_predecessor();
    let mut with_rest = image.bytes.clone();
    with_rest.extend([0xA5; 5_000]);
    for bytes in [
        image.bytes.clone(),
        image.sealed(false),
        image.sealed(true),
        with_rest,
    ] {
        assert_eq!(sealed(&image, &bytes, &successor).unwrap(), image.position);
    }
}

#[test]
fn every_flipped_bit_and_every_missing_byte_of_its_groups_is_damage() {
    let image = Image::of_four_groups();
    let successor = image.position.as_predecessor();
    let bytes = image.sealed(false);
    each_flip(
        &bytes,
        index(image.starts[0])..bytes.len(),
        |at, flipped| {
            let result = sealed(&image, flipped, &successor);
            match at < image.bytes.len() {
                true => assert!(
                    damaged_at(&result).is_some_and(|bad| bad <= at as u64),
                    "byte {at}"
                ),
                false => assert_eq!(result.unwrap(), image.position, "its footer is advisory"),
            }
        },
    );
    for len in 0..image.bytes.len() {
        assert!(
            is_corrupt(&sealed(&image, &bytes[..len], &successor)),
            "{len} bytes"
        );
    }
}

#[test]
fn another_history_of_the_same_length_is_foreign() {
    let image = Image::of_four_groups();
    let successor = image.position.as_predecessor();
    let other = with_groups(Image::first(), b"ONE");
    assert_eq!(other.bytes.len(), image.bytes.len());
    let result = sealed(&other, &other.bytes, &successor);
    assert!(
        matches!(result, Err(LogError::ForeignFile { .. })),
        "{result:?}"
    );
    // Where a frame is bad, that is the verdict: an older copy may be damaged, too.
    let mut bytes = other.bytes.clone();
    *bytes.last_mut().unwrap() ^= 1;
    assert!(damaged_at(&sealed(&other, &bytes, &successor)).is_some());
}

#[test]
fn a_merged_segment_ends_where_its_own_footer_says() {
    let plain = Image::of_four_groups();
    let successor = plain.position.as_predecessor();
    let image = merged(1);
    assert_ne!(image.position.offset, plain.position.offset);
    let bytes = image.sealed(false);
    assert_eq!(sealed(&image, &bytes, &successor).unwrap(), image.position);
    assert!(
        is_corrupt(&sealed(&image, &image.bytes, &successor)),
        "nothing says where it ends"
    );
    each_flip(
        &bytes,
        index(image.starts[0])..image.bytes.len(),
        |at, flipped| {
            assert!(
                damaged_at(&sealed(&image, flipped, &successor)).is_some(),
                "byte {at}"
            );
        },
    );
}

/// The generation of a merged segment may happen to be that of the source which the successor
/// describes; the end that it names is then that of a file which is gone.
#[test]
fn a_merged_segment_of_the_generation_that_its_successor_names_ends_there_too() {
    let plain = Image::of_four_groups();
    let successor = Predecessor {
        generation: 1,
        ..plain.position.as_predecessor()
    };
    let image = merged(1);
    assert_eq!(
        sealed(&image, &image.sealed(false), &successor).unwrap(),
        image.position
    );
    // A successor that was written after the merge knows the end, footer or not.
    let successor = image.position.as_predecessor();
    for bytes in [image.bytes.clone(), image.sealed(false)] {
        assert_eq!(sealed(&image, &bytes, &successor).unwrap(), image.position);
    }
}
