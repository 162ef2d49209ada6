//! Visibility fences in a segment: groups that count only once a commit stands behind them.
//!
//! While a fence is open nobody else writes, so its groups follow each other without a gap. A
//! cancelled one ends with a record that says so, and is stepped over as a whole; one that a crash
//! has left open stands at the end of the log, and is cut off like a group that was not finished.

use super::fence_record::FenceRecord;
use super::{Group, GroupReader, Step};
use crate::error::LogError;
use crate::layout::{FRAME_HEADER_LEN, GROUP_HEADER_LEN};
use crate::planted::{Bug, planted};

/// A fence that was not committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnfinishedFence {
    /// The sequence of its first event, by which it is known.
    pub number: u64,
    /// Where its first group starts, in bytes: the end of what counts.
    pub offset: u64,
    /// Where its whole groups end, in bytes.
    pub end: u64,
    /// Where behind them the first bad byte range starts, if something stands there.
    pub bad: Option<u64>,
    /// The sequence that follows its events.
    pub next_sequence: u64,
    /// How many names its groups define.
    pub names: u32,
}

/// Where a fence's record shows its tag: behind the headers of group and frame, and the marker of
/// an array.
const TAG_AT: usize = GROUP_HEADER_LEN + FRAME_HEADER_LEN + 1;

/// What stands where a fence seems to begin.
enum Fence {
    /// No fence.
    None,
    /// Groups of a fence, up to its commit.
    Committed { end: u64 },
    /// Groups of a fence, up to the record of its cancel: all of them together are one without
    /// events.
    Cancelled(Group<'static>),
    /// Groups of a fence that has no end.
    Unfinished(UnfinishedFence),
    /// A group of a fence whose groups before it are not there.
    OutOfPlace,
}

impl GroupReader {
    /// Returns whether the next group looks like a fence's, and nobody has asked yet what became
    /// of that fence. Groups without a fence are told by one byte; a wrong guess costs a reading.
    pub(super) fn is_fenced(&mut self) -> Result<bool, LogError> {
        if self.position < self.committed || planted(Bug::IgnoreFences) {
            return Ok(false);
        }
        let tag = self.window(self.position, TAG_AT + 1)?;
        let tag = tag.and_then(|bytes| bytes.last());
        Ok(tag.is_some_and(|tag| FenceRecord::TAGS.contains(tag)))
    }

    /// Reads ahead to the end of the fence that begins here. Returns what stands for its groups
    /// when it was not committed, and nothing when they may be read.
    pub(super) fn look_for_commit(&mut self) -> Result<Option<Step<'static>>, LogError> {
        let offset = self.position;
        let names = self.name_count();
        let found = self.read_fence(offset == self.began, names);
        if let Ok(Fence::Cancelled(group)) = found {
            return Ok(Some(Step::Group(group)));
        }
        self.go_back(offset, names);
        Ok(match found? {
            Fence::Cancelled(group) => Some(Step::Group(group)),
            Fence::None => None,
            Fence::Committed { end } => {
                self.committed = end;
                None
            }
            Fence::Unfinished(fence) => Some(Step::Unfinished(fence)),
            Fence::OutOfPlace => Some(Step::NotWhole {
                offset,
                bad: offset,
                detail: "a group of a fence stands where its fence does not",
            }),
        })
    }

    /// Reads a fence's groups up to its commit. A reading that begins here may begin inside of the
    /// fence: whoever knows of this place knows that what is before it counts.
    fn read_fence(&mut self, begins_here: bool, names: u32) -> Result<Fence, LogError> {
        let Step::Group(first) = self.whole_group()? else {
            return Ok(Fence::None);
        };
        let (number, sequence) = match first.fence {
            None | Some(FenceRecord::Cancel(_)) => return Ok(Fence::None),
            Some(FenceRecord::Commit(_)) if begins_here => {
                return Ok(Fence::Committed { end: first.end });
            }
            Some(FenceRecord::Commit(_)) => return Ok(Fence::OutOfPlace),
            Some(FenceRecord::Member(number)) => (number, first.header.first_sequence),
        };
        if number != sequence && !(begins_here && number < sequence) {
            return Ok(Fence::OutOfPlace);
        }
        let mut fence = UnfinishedFence {
            number,
            offset: first.offset,
            end: first.end,
            bad: None,
            next_sequence: first.next_sequence(),
            names: 0,
        };
        let mut defined = first.names;
        loop {
            fence.names = self.name_count().saturating_sub(names);
            match self.whole_group()? {
                Step::Group(group) => {
                    let follows = group.header.first_sequence == fence.next_sequence;
                    match group.fence.filter(|_| follows) {
                        Some(FenceRecord::Commit(of)) if of == number => {
                            return Ok(Fence::Committed { end: group.end });
                        }
                        Some(FenceRecord::Member(of)) if of == number => {
                            fence.end = group.end;
                            fence.next_sequence = group.next_sequence();
                            defined.extend(group.names);
                        }
                        // One with events is no cancel: they would be dropped in silence.
                        Some(FenceRecord::Cancel(of))
                            if of == number && group.events.is_empty() =>
                        {
                            return Ok(Fence::Cancelled(Group {
                                offset: fence.offset,
                                end: group.end,
                                header: group.header,
                                fence: group.fence,
                                events: Vec::new(),
                                names: defined,
                            }));
                        }
                        Some(_) | None => {
                            fence.bad = Some(group.offset);
                            return Ok(Fence::Unfinished(fence));
                        }
                    }
                }
                Step::NotWhole { bad, .. } => {
                    fence.bad = Some(bad);
                    return Ok(Fence::Unfinished(fence));
                }
                Step::End | Step::Unfinished(_) => return Ok(Fence::Unfinished(fence)),
            }
        }
    }
}
