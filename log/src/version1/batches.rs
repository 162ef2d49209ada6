//! Puts batches together and gives events their sequences.

use super::event::Content;
use super::ranges::HiddenRanges;
use super::{Numbered, Version1Event};
use crate::error::LogError;
use crate::layout::GROUP_BODY_MAX;

/// What was counted on the way.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) next_sequence: u64,
    pub(super) hidden_events: u64,
    pub(super) dropped_batches: u64,
    pub(super) dropped_events: u64,
    pub(super) cut_events: u64,
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
    /// Something is missing before: the last events since then, all of one time. They are the end
    /// of a batch if the mark behind them says so.
    held: Option<Vec<Version1Event>>,
    /// How long their payloads are together.
    held_bytes: usize,
    /// Something is missing before, so the counted sequence is too low.
    is_low: bool,
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
            held: None,
            held_bytes: 0,
            is_low: false,
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
        events: &mut Vec<Numbered>,
    ) -> Result<(), LogError> {
        match content {
            Content::BatchBegin {
                count,
                first_sequence,
            } => {
                self.release(events);
                self.held = None;
                self.break_off(events);
                self.open = Some(Open {
                    count,
                    first_sequence,
                    ..Open::default()
                });
            }
            Content::BatchCommit if self.held.is_some() => {
                let cut = self.held.take().unwrap_or_default();
                self.held_bytes = 0;
                self.pass_cut(cut.len() as u64);
            }
            Content::BatchCommit => match self.open.take() {
                Some(open) if open.is_full() => self.commit(open, events),
                open => {
                    self.open = open;
                    self.break_off(events);
                }
            },
            Content::Event(event) if self.held.is_some() => self.hold(*event, events),
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
    pub(super) fn break_off(&mut self, events: &mut Vec<Numbered>) {
        let Some(open) = self.open.take() else {
            return;
        };
        self.counts.dropped_batches += 1;
        self.counts.dropped_events += self.give_others(open, events);
    }

    /// Gives the events behind a begin mark that are no part of its batch; returns how many are.
    fn give_others(&mut self, open: Open, events: &mut Vec<Numbered>) -> u64 {
        let time = open.events.first().map(|event| event.timestamp_us);
        let mut rest = open.events.into_iter().peekable();
        let mut of_batch = 0;
        while rest
            .next_if(|event| Some(event.timestamp_us) == time)
            .is_some()
        {
            of_batch += 1;
        }
        for event in rest {
            self.give(event, events);
        }
        of_batch
    }

    /// Passes a place where frames are missing: a batch that is open there is cut.
    pub(super) fn pass_lost(&mut self, events: &mut Vec<Numbered>) {
        self.release(events);
        if let Some(open) = self.open.take() {
            let cut = self.give_others(open, events);
            self.pass_cut(cut);
        }
        (self.held, self.held_bytes) = (Some(Vec::new()), 0);
        self.is_low = true;
    }

    /// Passes events of a batch of which others are missing: none of it is there.
    fn pass_cut(&mut self, count: u64) {
        self.counts.cut_events = self.counts.cut_events.saturating_add(count);
        self.counts.next_sequence = self.counts.next_sequence.saturating_add(count);
    }

    /// Holds an event back until it is certain that it is not the end of a batch that was cut:
    /// those of one batch have one time.
    fn hold(&mut self, event: Version1Event, events: &mut Vec<Numbered>) {
        let latest = self.held.as_ref().and_then(|held| held.last());
        let is_other = latest.is_some_and(|held| held.timestamp_us != event.timestamp_us);
        if is_other || self.held_bytes > GROUP_BODY_MAX {
            self.release(events);
        }
        self.held_bytes += event.payload.len();
        self.held.get_or_insert_default().push(event);
    }

    /// Gives what was held back.
    pub(super) fn release(&mut self, events: &mut Vec<Numbered>) {
        self.held_bytes = 0;
        let held = self.held.as_mut().map(std::mem::take);
        for event in held.into_iter().flatten() {
            self.give(event, events);
        }
    }

    fn commit(&mut self, open: Open, events: &mut Vec<Numbered>) {
        // A batch that failed used sequences up; the next one tells where they stand.
        let next = self.counts.next_sequence;
        if let Some(first) = open.first_sequence.filter(|first| *first >= next) {
            self.counts.next_sequence = first;
            self.is_low = false;
        }
        for event in open.events {
            self.give(event, events);
        }
    }

    fn give(&mut self, event: Version1Event, events: &mut Vec<Numbered>) {
        let sequence = self.counts.next_sequence;
        self.counts.next_sequence = sequence.saturating_add(1);
        let is_undecided = self.is_low && self.hidden.may_hide_from(sequence);
        if self.hidden.hides(sequence) && !is_undecided {
            self.counts.hidden_events += 1;
        } else {
            events.push(Numbered {
                event,
                sequence,
                is_undecided,
            });
        }
    }
}
