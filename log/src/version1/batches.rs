//! Puts batches together and gives events their sequences.

use super::Version1Event;
use super::event::Content;
use super::ranges::HiddenRanges;
use crate::error::LogError;
use crate::layout::GROUP_BODY_MAX;

/// What was counted on the way.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) next_sequence: u64,
    pub(super) hidden_events: u64,
    pub(super) dropped_batches: u64,
    pub(super) dropped_events: u64,
}

/// Knows the batch that is open where the reading stands.
///
/// 1. A begin mark says how many events follow, and the sequence of the first;
/// 2. they are held back, over the end of a segment if need be;
/// 3. a commit mark behind exactly so many lets them go; whatever else comes breaks the batch off.
#[derive(Debug)]
pub(super) struct Batches {
    hidden: HiddenRanges,
    counts: Counts,
    open: Option<Open>,
}

#[derive(Debug, Default)]
struct Open {
    count: u32,
    first_sequence: Option<u64>,
    events: Vec<Version1Event>,
    bytes: usize,
}

impl Open {
    fn is_full(&self) -> bool {
        self.events.len() >= self.count as usize
    }
}

impl Batches {
    pub(super) fn new(hidden: HiddenRanges) -> Self {
        Self {
            hidden,
            counts: Counts::default(),
            open: None,
        }
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    /// Takes the next frame; what is certain now goes to `events`.
    pub(super) fn take(
        &mut self,
        segment_id: u64,
        content: Content,
        events: &mut Vec<(Version1Event, u64)>,
    ) -> Result<(), LogError> {
        match content {
            Content::BatchBegin {
                count,
                first_sequence,
            } => {
                self.break_off(events);
                self.open = Some(Open {
                    count,
                    first_sequence,
                    ..Open::default()
                });
            }
            Content::BatchCommit => match self.open.take() {
                Some(open) if open.is_full() => self.commit(open, events),
                open => {
                    self.open = open;
                    self.break_off(events);
                }
            },
            Content::Event(event) => {
                if self.open.as_ref().is_some_and(Open::is_full) {
                    self.break_off(events);
                }
                match &mut self.open {
                    None => self.give(*event, events),
                    Some(open) => {
                        open.bytes += event.payload.len();
                        open.events.push(*event);
                        if open.bytes > GROUP_BODY_MAX {
                            let detail = "a batch of version 1 is longer than any can be";
                            return Err(LogError::corrupt(segment_id, detail));
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Ends a batch that has no commit mark: its events are not there.
    ///
    /// When a write failed, the released batpak went on without its batch, so events behind the
    /// begin mark may be no part of it. Those of one batch have one time.
    pub(super) fn break_off(&mut self, events: &mut Vec<(Version1Event, u64)>) {
        let Some(open) = self.open.take() else {
            return;
        };
        let time = open.events.first().map(|event| event.timestamp_us);
        let mut rest = open.events.into_iter().peekable();
        while rest
            .next_if(|event| Some(event.timestamp_us) == time)
            .is_some()
        {
            self.counts.dropped_events += 1;
        }
        self.counts.dropped_batches += 1;
        for event in rest {
            self.give(event, events);
        }
    }

    fn commit(&mut self, open: Open, events: &mut Vec<(Version1Event, u64)>) {
        // A batch that failed used sequences up; the next one tells where they stand.
        let next = self.counts.next_sequence;
        self.counts.next_sequence = next.max(open.first_sequence.unwrap_or(next));
        for event in open.events {
            self.give(event, events);
        }
    }

    fn give(&mut self, event: Version1Event, events: &mut Vec<(Version1Event, u64)>) {
        let sequence = self.counts.next_sequence;
        self.counts.next_sequence = sequence.saturating_add(1);
        if self.hidden.hides(sequence) {
            self.counts.hidden_events += 1;
        } else {
            events.push((event, sequence));
        }
    }
}
