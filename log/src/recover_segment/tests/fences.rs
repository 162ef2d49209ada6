//! A fence that was not committed is cut off; damage in one that was is damage.

use super::*;
use crate::segment::FenceRecord::{self, Cancel, Commit, Member};

/// Two groups of a fence with the number 1 behind another group, and what `end` adds.
fn image(end: &[FenceRecord]) -> Image {
    let mut image = Image::first();
    image.group(&[b"before"], 0);
    let proven = image.position.offset;
    image.group_of(Some(Member(1)), &[b"one", b"two"], proven);
    // The writer may have synced what an open fence holds.
    let proven = image.position.offset;
    image.group_of(Some(Member(1)), &[b"three"], proven);
    for record in end {
        image.record(*record);
    }
    image
}

#[test]
fn an_open_fence_is_torn_whatever_was_synced_of_it() {
    let image = image(&[]);
    for facts in [SAME_BOOT, REBOOTED, POISONED] {
        for zeros in [0, 100] {
            let bytes = [image.bytes.as_slice(), &vec![0; zeros]].concat();
            let end = newest(&image, &bytes, facts).unwrap();
            assert_eq!(end.position.offset, image.starts[1]);
            assert_eq!(end.tail.torn.unwrap().start, image.starts[1]);
            assert_eq!((end.position.event_count, end.next_sequence), (1, 4));
        }
    }
}

#[test]
fn a_fence_whose_commit_is_torn_is_cut_where_it_begins() {
    let image = image(&[Commit(1)]);
    for cut in image.starts[3]..image.bytes.len() as u64 {
        let bytes = &image.bytes[..usize::try_from(cut).unwrap()];
        for facts in [SAME_BOOT, REBOOTED] {
            let end = newest(&image, bytes, facts).unwrap();
            assert_eq!(end.position.offset, image.starts[1], "cut at {cut}");
        }
    }
    let end = newest(&image, &image.bytes, SAME_BOOT).unwrap();
    assert_eq!((end.position.event_count, end.tail.torn), (4, None));
}

#[test]
fn a_commit_that_a_power_cut_has_lost_takes_its_fence_along() {
    let mut image = image(&[Commit(1)]);
    let commit = image.starts[3];
    // Unsynced, and written behind a commit that was not synced either.
    image.group(&[b"after"], image.starts[2]);
    let mut bytes = image.bytes.clone();
    let at = usize::try_from(commit).unwrap();
    bytes[at..at + 20].fill(0);
    let end = newest(&image, &bytes, REBOOTED).unwrap();
    assert_eq!(end.position.offset, image.starts[1]);
    let refused = newest(&image, &bytes, SAME_BOOT);
    assert_eq!(damaged_at(&refused), Some(commit));
    // A group that was written once the commit was durable proves it.
    image.group(&[b"later"], image.position.offset);
    bytes.extend_from_slice(&image.bytes[bytes.len()..]);
    assert_eq!(damaged_at(&newest(&image, &bytes, REBOOTED)), Some(commit));
}

#[test]
fn a_group_right_behind_an_open_fence_is_no_torn_write() {
    let mut image = image(&[]);
    let end = image.position.offset;
    image.group(&[b"after"], 0);
    let refused = newest(&image, &image.bytes, SAME_BOOT);
    assert_eq!(damaged_at(&refused), Some(end));
    let cut = newest(&image, &image.bytes, REBOOTED).unwrap();
    assert_eq!(cut.position.offset, image.starts[1]);
}

#[test]
fn a_cancelled_fence_has_used_its_sequences() {
    let image = image(&[Cancel(1)]);
    let end = newest(&image, &image.bytes, SAME_BOOT).unwrap();
    assert_eq!((end.position.event_count, end.next_sequence), (1, 4));
    assert_eq!(end.position.offset, image.bytes.len() as u64);
    assert_eq!((end.tail.torn, end.unfinished), (None, None));
}
