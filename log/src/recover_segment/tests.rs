//! Verdicts on the end of a segment: torn, damaged, or as it was left.

mod clean;
mod fences;
mod payloads;
mod sealed;
mod sequences;
mod torn;

use super::*;
use crate::fixtures::{Image, file_of};

/// What the machine and the directory may say about a tail.
const SAME_BOOT: TailFacts = TailFacts {
    same_boot: true,
    poisoned: false,
    proven: 0,
};
const REBOOTED: TailFacts = TailFacts {
    same_boot: false,
    poisoned: false,
    proven: 0,
};
const POISONED: TailFacts = TailFacts {
    same_boot: true,
    poisoned: true,
    proven: 0,
};

/// Recovers these bytes as the newest segment of `image`'s log.
fn newest(image: &Image, bytes: &[u8], facts: TailFacts) -> Result<NewestEnd, LogError> {
    let mut seen = 0;
    let result = recover_newest(
        &file_of(bytes),
        &image.header,
        facts,
        &ReadStart::of(&image.header),
        &mut |header, group| {
            assert_eq!(*header, image.header);
            seen += group.events.len() as u64;
        },
    );
    if let Ok(end) = &result {
        assert_eq!(end.position.event_count - image.header.events_before, seen);
    }
    result
}

/// Tells whether a verdict is a checksum mismatch, and at which offset.
fn damaged_at<T>(result: &Result<T, LogError>) -> Option<u64> {
    match result {
        Err(LogError::CrcMismatch { offset, .. }) => Some(*offset),
        Err(_) | Ok(_) => None,
    }
}

fn is_corrupt<T>(result: &Result<T, LogError>) -> bool {
    matches!(result, Err(LogError::CorruptSegment { .. }))
}
