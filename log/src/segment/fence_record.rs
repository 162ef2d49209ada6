//! The records that say what a group is to a visibility fence.

use super::record::INFALLIBLE;
use crate::layout::tag;
use rmp::encode::{write_array_len, write_uint};

/// What a group is to a visibility fence, which is known by the sequence of its first event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FenceRecord {
    /// The group's events belong to the fence.
    Member(u64),
    /// The fence is whole: all its events stand in the groups right before.
    Commit(u64),
    /// The fence came to nothing, with all its events in the groups right before; its sequences are
    /// not given out again.
    Cancel(u64),
}

impl FenceRecord {
    /// The tags of these records.
    pub(super) const TAGS: [u8; 3] = [tag::FENCE_COMMIT, tag::FENCE_CANCEL, tag::FENCE_MEMBER];

    pub(super) fn of(tag: u8, number: u64) -> Option<Self> {
        match tag {
            tag::FENCE_MEMBER => Some(Self::Member(number)),
            tag::FENCE_COMMIT => Some(Self::Commit(number)),
            tag::FENCE_CANCEL => Some(Self::Cancel(number)),
            _ => None,
        }
    }

    fn parts(self) -> (u8, u64) {
        match self {
            Self::Member(number) => (tag::FENCE_MEMBER, number),
            Self::Commit(number) => (tag::FENCE_COMMIT, number),
            Self::Cancel(number) => (tag::FENCE_CANCEL, number),
        }
    }
}

/// Appends the body of a fence's record.
pub(super) fn encode_fence(body: &mut Vec<u8>, fence: FenceRecord) {
    let (tag, number) = fence.parts();
    write_array_len(body, 2).expect(INFALLIBLE);
    write_uint(body, u64::from(tag)).expect(INFALLIBLE);
    write_uint(body, number).expect(INFALLIBLE);
}
