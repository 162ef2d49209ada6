use std::ops::Range;

use super::{POISONED, REBOOTED, SAME_BOOT, damaged_at, newest};
use crate::fixtures::{Image, each_flip, index};
use crate::segment::TailFacts;

/// Returns four groups of which none proves anything: nothing was synced since the header.
fn unproven() -> Image {
    let mut image = Image::first();
    for payload in [b"one".as_slice(), b"two", b"three", b"four"] {
        image.group(&[payload, b"and more"], 0);
    }
    image
}

/// Returns where the group `at` of an image stands.
fn range_of(image: &Image, at: usize) -> Range<usize> {
    let end = image
        .starts
        .get(at + 1)
        .copied()
        .unwrap_or(image.bytes.len() as u64);
    index(image.starts[at])..index(end)
}

/// The ways in which a group may not have reached the disk.
fn losses(image: &Image, at: usize) -> Vec<(&'static str, Vec<u8>)> {
    let range = range_of(image, at);
    let damage = |change: &dyn Fn(&mut [u8])| {
        let mut bytes = image.bytes.clone();
        change(&mut bytes[range.clone()]);
        bytes
    };
    let half = range.len() / 2;
    vec![
        ("all zeros", damage(&|group| group.fill(0))),
        ("front zeros", damage(&|group| group[..half].fill(0))),
        ("back zeros", damage(&|group| group[half..].fill(0))),
        ("old bytes", damage(&|group| group.fill(0xA5))),
        ("marker", damage(&|group| group[0] ^= 1)),
        ("header", damage(&|group| group[20] ^= 1)),
        (
            "last byte",
            damage(&|group| *group.last_mut().unwrap() ^= 1),
        ),
    ]
}

#[test]
fn whole_groups_without_a_clean_mark_are_all_kept() {
    for image in [Image::first(), unproven(), Image::of_four_groups()] {
        for facts in [SAME_BOOT, REBOOTED, POISONED] {
            let proven = image.position.offset;
            let end = newest(&image, &image.bytes, TailFacts { proven, ..facts }).unwrap();
            assert_eq!(end.position, image.position);
            assert_eq!((end.clean, end.tail.torn), (false, None));
            assert_eq!((end.tail.end, end.proven), (proven, proven));
            assert_eq!(end.next_sequence, image.position.next_sequence);
        }
    }
}

#[test]
fn zeros_behind_the_last_group_are_no_loss() {
    let image = Image::of_four_groups();
    for zeros in [1, 7, 8, 39, 40, 96, 4096, (1 << 20) - 1, 1 << 20, 3 << 20] {
        let bytes = [image.bytes.clone(), vec![0; zeros]].concat();
        for facts in [SAME_BOOT, REBOOTED, POISONED] {
            let end = newest(&image, &bytes, facts).unwrap();
            assert_eq!((end.position, end.tail.torn), (image.position, None));
        }
    }
}

#[test]
fn a_torn_range_ends_with_the_last_byte_that_is_not_zero() {
    let image = Image::of_four_groups();
    let end = image.bytes.len() as u64;
    for gap in [0, 5, 4096, (1 << 20) - 1, 1 << 20, (1 << 20) + 1] {
        for after in [0, 1, 1 << 20] {
            let bytes = [image.bytes.clone(), vec![0; gap], vec![1], vec![0; after]].concat();
            let torn = newest(&image, &bytes, SAME_BOOT).unwrap().tail.torn;
            assert_eq!(torn, Some(end..end + gap as u64 + 1));
        }
    }
}

#[test]
fn a_last_group_that_is_torn_at_any_byte_is_cut_whole() {
    for payload_len in [0, 1, 30, 300, 5_000] {
        let payload = vec![0x77; payload_len];
        let mut image = Image::of_four_groups();
        let kept = image.clone();
        image.group(&[&payload, b"second", &payload], kept.position.offset);
        let step = if payload_len < 1_000 { 1 } else { 37 };
        for len in (kept.bytes.len()..image.bytes.len()).step_by(step) {
            let cut = &image.bytes[..len];
            let preallocated = [cut, &vec![0; 9_000]].concat();
            for facts in [SAME_BOOT, REBOOTED, POISONED] {
                let proven = kept.position.offset;
                for bytes in [cut, &preallocated] {
                    let end = newest(&image, bytes, TailFacts { proven, ..facts }).unwrap();
                    assert_eq!(end.position, kept.position, "{len} bytes");
                    let last = bytes.iter().rposition(|byte| *byte != 0).unwrap() as u64 + 1;
                    let torn = (last > proven).then_some(proven..last);
                    assert_eq!(end.tail.torn, torn, "{len} bytes");
                }
            }
        }
    }
}

#[test]
fn a_last_group_that_is_broken_is_torn_unless_it_was_proven() {
    let image = unproven();
    let start = image.starts[3];
    for (what, bytes) in losses(&image, 3) {
        for facts in [SAME_BOOT, REBOOTED, POISONED] {
            let end = newest(&image, &bytes, facts).unwrap();
            assert_eq!(end.tail.end, start, "{what}");
            assert_eq!(end.tail.torn.is_none(), what == "all zeros", "{what}");
            let proven = TailFacts {
                proven: start,
                ..facts
            };
            assert_eq!(
                newest(&image, &bytes, proven).unwrap().tail.end,
                start,
                "{what}"
            );
            let proven = TailFacts {
                proven: start + 1,
                ..facts
            };
            assert!(
                damaged_at(&newest(&image, &bytes, proven)).is_some(),
                "{what}"
            );
        }
    }
}

/// Sectors may reach the disk in any order, so a whole group behind a broken one proves nothing
/// unless no power was lost.
#[test]
fn survivors_out_of_order_are_torn_after_a_reboot_and_damage_without_one() {
    let image = unproven();
    for at in 0..3 {
        for (what, bytes) in losses(&image, at) {
            let start = image.starts[at];
            for facts in [REBOOTED, POISONED] {
                let end = newest(&image, &bytes, facts).unwrap();
                assert_eq!(end.tail.end, start, "{what} {at}");
                assert_eq!(
                    end.tail.torn,
                    Some(start..bytes.len() as u64),
                    "{what} {at}"
                );
                assert_eq!(end.position.event_count, 2 * at as u64);
            }
            let bad = damaged_at(&newest(&image, &bytes, SAME_BOOT));
            assert!(bad.is_some_and(|bad| range_of(&image, at).contains(&(index(bad)))));
        }
    }
}

/// The tail is searched in windows of 1 MiB; a marker may lie across two of them.
#[test]
fn a_survivor_at_the_edge_of_a_search_window_is_found() {
    let window = 1 << 20;
    let before = Image::first().group(&[b""], 0).bytes.len() - 168;
    for distance in 0..60 {
        let mut image = Image::first();
        image.group(&[&vec![0xA5; window - before - 40 + distance]], 0);
        image.group(&[b"survivor"], 0);
        image.bytes[168] ^= 1;
        assert!(
            damaged_at(&newest(&image, &image.bytes, SAME_BOOT)).is_some(),
            "{distance}"
        );
    }
}

#[test]
fn survivors_that_prove_the_broken_group_durable_are_damage_everywhere() {
    // The fourth group was written after the second was synced, and before the third was.
    let mut image = Image::first();
    image.group(&[b"one"], 0).group(&[b"two"], 0);
    let synced = image.position.offset;
    image
        .group(&[b"three"], 0)
        .group(&[b"four"], synced)
        .group(&[b"five"], 0);
    for facts in [SAME_BOOT, REBOOTED, POISONED] {
        for at in [0, 1] {
            for (what, bytes) in losses(&image, at) {
                let bad = damaged_at(&newest(&image, &bytes, facts));
                assert!(bad.is_some(), "{what} {at} {facts:?}");
            }
        }
    }
    for facts in [REBOOTED, POISONED] {
        for (what, bytes) in losses(&image, 2) {
            let end = newest(&image, &bytes, facts).unwrap();
            assert_eq!((end.tail.end, end.proven), (image.starts[2], 0), "{what}");
        }
        // The fourth is lost as well: then nothing but the fifth is left, and it proves nothing.
        let mut bytes = image.bytes.clone();
        bytes[index(image.starts[1])] ^= 1;
        bytes[index(image.starts[3])] ^= 1;
        assert_eq!(
            newest(&image, &bytes, facts).unwrap().tail.end,
            image.starts[1]
        );
    }
}

/// Each bit of a crash image: below what is proven durable damage, above it torn and reported.
#[test]
fn every_flipped_bit_of_a_crash_image_is_damage_or_reported() {
    let mut image = Image::first();
    image.group(&[b"one", b"two"], 0).group(&[b"three"], 0);
    let synced = image.position.offset;
    image
        .group(&[b"four"], synced)
        .group(&[b"five", b"six"], synced)
        .group(&[b"seven"], 0);
    let start = index(image.starts[0]);
    each_flip(&image.bytes, start..image.bytes.len(), |at, flipped| {
        let group = image.starts.partition_point(|start| *start <= at as u64) - 1;
        let begins = image.starts[group];
        for facts in [REBOOTED, POISONED] {
            let result = newest(&image, flipped, facts);
            if begins < synced {
                let bad = damaged_at(&result).unwrap();
                assert!((begins..=at as u64).contains(&bad), "byte {at}: {bad}");
            } else {
                let end = result.unwrap();
                assert_eq!(
                    end.tail.torn,
                    Some(begins..flipped.len() as u64),
                    "byte {at}"
                );
                assert_eq!(end.position.offset, begins);
            }
        }
        let same_boot = newest(&image, flipped, SAME_BOOT);
        match group {
            4 => assert_eq!(same_boot.unwrap().position.offset, begins),
            _ => assert!(damaged_at(&same_boot).is_some(), "byte {at}"),
        }
    });
}
