//! Visibility fences: writes that become visible all at once, or never.
//!
//! While a fence is open only its writes are accepted, so they stand behind each other, in one
//! segment, and a record behind them says for all of them whether they count. Readers are told of
//! none before it is there.

use super::Writer;
use super::contents::Contents;
use super::segment::record_group;
use crate::error::StoreError;
use crate::faults::Passed;
use crate::protocol::Acknowledgement;
use crate::protocol::writer::{FenceCommand, Message};
use crate::runtime::{Fault, Next, ReplyTo, Turn};
use crate::view::IndexEntry;
use batpak_log::log_position::LogPosition;
use batpak_log::planted::{Bug, planted};
use batpak_log::segment::FenceRecord;
use std::io;

/// A fence holds at most so many events, because they are in memory until it ends.
pub const FENCE_EVENTS_MAX: usize = 65_535;

/// A fence that holds so many bytes takes no more, because a crash leaves them to be set aside.
pub const FENCE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// A fence that is open.
#[derive(Debug)]
pub(super) struct Fence {
    /// How its opener calls it.
    token: u128,
    /// Where its writes begin; none while there are none.
    start: Option<Start>,
    /// Its events.
    entries: Vec<IndexEntry>,
    /// Who waits for its end, in order.
    waiting: Vec<Acknowledgement>,
    /// Somebody in it wants to be answered only once all is durable.
    durable: bool,
    passed: Passed,
}

/// Where the writes of a fence begin.
#[derive(Clone, Copy, Debug)]
struct Start {
    position: LogPosition,
    /// How many names the segment had defined.
    names: usize,
}

impl Fence {
    fn new(token: u128) -> Self {
        Self {
            token,
            start: None,
            entries: Vec::new(),
            waiting: Vec::new(),
            durable: false,
            passed: Passed::default(),
        }
    }

    /// Returns the log as readers may know it while the fence is open.
    pub(super) fn shown(&self) -> Option<&LogPosition> {
        self.start.as_ref().map(|start| &start.position)
    }

    /// Returns how many more events it takes; `end` is where the log ends.
    pub(super) fn room(&self, end: &LogPosition) -> usize {
        let begin = self.start.map_or(end.offset, |start| start.position.offset);
        match end.offset.saturating_sub(begin) >= FENCE_BYTES_MAX {
            true => 0,
            false => FENCE_EVENTS_MAX.saturating_sub(self.entries.len()),
        }
    }

    /// Returns the fence's number if its next group begins at `end`.
    pub(super) fn number(&self, end: &LogPosition) -> u64 {
        self.shown().unwrap_or(end).next_sequence
    }

    /// Takes up that its first group was written, where the log was before it.
    pub(super) fn begin_at(&mut self, position: LogPosition, names: usize) {
        self.start.get_or_insert(Start { position, names });
    }

    /// Keeps what a written group means until the end.
    pub(super) fn keep(&mut self, contents: &mut Contents) {
        self.durable |= contents.durable;
        self.passed.take_settled(&mut contents.passed);
        self.entries.append(&mut contents.entries);
        for waiting in contents.held.drain(..) {
            match waiting.is_success() {
                true => self.waiting.push(waiting),
                false => contents.waiting.push(waiting),
            }
        }
    }
}

impl Writer {
    /// Returns why an append is not for now: because of a fence, or for the lack of it. The group
    /// in hand has so many events.
    pub(super) fn refused_by_fence(&self, message: &Message, in_hand: usize) -> Option<StoreError> {
        match (&self.fence, message) {
            (Some(_), Message::Append { .. } | Message::AppendBatch { .. }) => {
                Some(StoreError::VisibilityFenceActive)
            }
            (Some(open), Message::Fenced { fence, .. }) if open.token == *fence => {
                let full = in_hand + message.event_count() > open.room(&self.position);
                full.then_some(StoreError::VisibilityFenceFull {
                    max_events: FENCE_EVENTS_MAX,
                    max_bytes: FENCE_BYTES_MAX,
                })
            }
            (_, Message::Fenced { .. }) => Some(StoreError::VisibilityFenceNotActive),
            _ => None,
        }
    }

    /// Returns whether the open segment cannot be left: a fence's writes stand in one segment.
    pub(super) fn is_held_by_fence(&self) -> bool {
        let fence = self.fence.as_ref();
        fence.is_some_and(|fence| fence.start.is_some())
    }

    /// Carries out what is asked of a fence.
    pub(super) fn fence_command(
        &mut self,
        (token, command): (u128, FenceCommand),
        reply: ReplyTo<Result<(), StoreError>>,
        turn: &mut Turn<'_, Self>,
    ) -> Result<Next, Fault> {
        let open = self.fence.take_if(|fence| fence.token == token);
        match (open, command) {
            (Some(fence), FenceCommand::Commit) => self.commit_fence(fence, reply, turn),
            (Some(fence), FenceCommand::Cancel) => {
                let done = Acknowledgement::Done(reply, Ok(()));
                self.cancel_fence(fence, Some(done), turn)
            }
            (None, FenceCommand::Begin) if self.fence.is_none() => {
                self.fence = Some(Fence::new(token));
                self.done(reply, Ok(()), turn)
            }
            (open, FenceCommand::Begin) => {
                self.fence = open.or(self.fence.take());
                self.done(reply, Err(StoreError::VisibilityFenceActive), turn)
            }
            (None, FenceCommand::Commit | FenceCommand::Cancel) => {
                self.done(reply, Err(StoreError::VisibilityFenceNotActive), turn)
            }
        }
    }

    fn done(
        &mut self,
        reply: ReplyTo<Result<(), StoreError>>,
        answer: Result<(), StoreError>,
        turn: &mut Turn<'_, Self>,
    ) -> Result<Next, Fault> {
        self.tell_indexer(Vec::new(), vec![Acknowledgement::Done(reply, answer)], turn);
        Ok(Next::Open)
    }

    /// Writes the commit record, and then shows all that the fence has held.
    fn commit_fence(
        &mut self,
        mut fence: Fence,
        reply: ReplyTo<Result<(), StoreError>>,
        turn: &mut Turn<'_, Self>,
    ) -> Result<Next, Fault> {
        if let Some(start) = fence.start {
            let number = fence.number(&self.position);
            if let Err(error) = self.write_record(FenceRecord::Commit(number))? {
                // Nothing says that the fence counts, so it never will.
                let failed = Acknowledgement::Done(reply, Err(error.into()));
                return self.cancel_fence(fence, Some(failed), turn);
            }
            self.known.commit_fence(self.position.next_sequence);
            self.doubt_from(start);
        }
        fence.waiting.push(Acknowledgement::Done(reply, Ok(())));
        let mut contents =
            Contents::of_fence(self.position, fence.entries, fence.waiting, fence.durable);
        contents.passed = fence.passed;
        self.settle(contents, turn)
    }

    /// Takes the fence's writes back, and tells those who wait for it.
    pub(super) fn cancel_fence(
        &mut self,
        fence: Fence,
        last: Option<Acknowledgement>,
        turn: &mut Turn<'_, Self>,
    ) -> Result<Next, Fault> {
        if let Some(start) = fence.start {
            self.take_back(start)?;
        }
        self.known.cancel_fence();
        let cancelled =
            |waiting: Acknowledgement| waiting.failed_with(StoreError::VisibilityFenceCancelled);
        let waiting = fence.waiting.into_iter().map(cancelled).chain(last);
        let waiting = waiting.collect();
        self.tell_indexer(Vec::new(), waiting, turn);
        self.set_timer(turn);
        Ok(Next::Open)
    }

    /// Ends the groups of a fence with the record that says that they do not count; where there is
    /// no room for it, cuts them off.
    fn take_back(&mut self, start: Start) -> Result<(), Fault> {
        let record = FenceRecord::Cancel(start.position.next_sequence);
        let recorded = self.write_record(record)?;
        let next_sequence = match planted(Bug::ReuseFenceSequence) {
            true => start.position.next_sequence,
            false => self.position.next_sequence,
        };
        self.position = LogPosition {
            offset: self.position.offset,
            next_sequence,
            hlc: self.position.hlc,
            ..start.position
        };
        self.doubt_from(start);
        if let Err(error) = recorded {
            tracing::warn!(%error, "a cancelled fence is cut off");
            self.cut_off(start).map_err(|error| self.poison(error))?;
            // There is room now, unless somebody else took it.
            let _ = self.write_record(record)?;
        }
        Ok(())
    }

    /// Cuts a fence's groups off. What was proven of them must not come back behind other bytes, so
    /// the cutting is made durable.
    fn cut_off(&mut self, start: Start) -> io::Result<()> {
        if let Some(segment) = &mut self.segment {
            segment.cut_to(start.position.offset, start.names)?;
        }
        self.position.offset = start.position.offset;
        self.durable.cut_back = true;
        self.sync_now()
    }

    /// Takes nothing of a fence for proven before its end is: without its end it is lost, whatever
    /// was synced of it.
    fn doubt_from(&mut self, start: Start) {
        if self.durable.proven.event_count > start.position.event_count {
            self.durable.proven = start.position;
        }
    }

    /// Writes a group of nothing but a fence's record.
    fn write_record(&mut self, record: FenceRecord) -> Result<io::Result<()>, Fault> {
        let Some(segment) = &mut self.segment else {
            return Ok(Ok(()));
        };
        let room = (self.durable.proven.offset, std::mem::take(&mut self.buffer));
        let bytes = record_group(segment.header(), record, &self.position, room);
        let limit = self.options.segment_max_bytes;
        let written = segment.write(&bytes, self.position.offset, limit);
        let written = written.map_err(|error| self.poison(error))?;
        if written.is_ok() {
            self.position.offset += bytes.len() as u64;
        }
        self.buffer = bytes;
        Ok(written)
    }

    /// Takes back the fence that is open, before the store closes.
    pub(super) fn end_fence(&mut self, turn: &mut Turn<'_, Self>) -> Result<(), Fault> {
        if let Some(fence) = self.fence.take() {
            self.cancel_fence(fence, None, turn)?;
        }
        Ok(())
    }
}
