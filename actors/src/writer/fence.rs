//! Visibility fences: writes that become visible all at once, or never.
//!
//! While a fence is open only its writes are accepted, so they stand behind each other at the end
//! of the log, in one segment, and taking them back is cutting the log where they begin. Readers
//! are told of none of them before the commit record stands behind them.

use super::Writer;
use super::contents::Contents;
use crate::error::StoreError;
use crate::protocol::Acknowledgement;
use crate::protocol::writer::{FenceCommand, Message};
use crate::runtime::{Fault, Next, ReplyTo, Turn};
use crate::view::IndexEntry;
use batpak_log::log_position::LogPosition;
use batpak_log::planted::{Bug, planted};
use batpak_log::segment::{FenceRecord, GroupBuilder};

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
        if fence.start.is_some() {
            let number = fence.number(&self.position);
            if let Err(error) = self.write_record(FenceRecord::Commit(number))? {
                // Nothing says that the fence counts, so it never will.
                let failed = Acknowledgement::Done(reply, Err(error.into()));
                return self.cancel_fence(fence, Some(failed), turn);
            }
            self.known.commit_fence(self.position.next_sequence);
        }
        fence.waiting.push(Acknowledgement::Done(reply, Ok(())));
        let contents =
            Contents::of_fence(self.position, fence.entries, fence.waiting, fence.durable);
        self.settle(contents, turn)
    }

    /// Cuts the log where the fence begins, and tells those who wait for it.
    pub(super) fn cancel_fence(
        &mut self,
        fence: Fence,
        last: Option<Acknowledgement>,
        turn: &mut Turn<'_, Self>,
    ) -> Result<Next, Fault> {
        if let (Some(start), Some(segment)) = (fence.start, &mut self.segment) {
            if let Err(error) = segment.cut_to(start.position.offset, start.names) {
                // Without its commit record the next opening cuts it.
                return Err(self.poison(error));
            }
            let (next_sequence, hlc) = (self.position.next_sequence, self.position.hlc);
            self.position = LogPosition {
                next_sequence,
                hlc,
                ..start.position
            };
            if self.durable.proven.event_count > start.position.event_count {
                self.durable.proven = self.position;
            }
            if planted(Bug::ReuseFenceSequence) {
                self.position.next_sequence = start.position.next_sequence;
            } else if let Err(error) =
                self.write_record(FenceRecord::Cancel(start.position.next_sequence))?
            {
                // Only a kill before the next event would give the sequences out again.
                tracing::warn!(%error, "the end of a cancelled fence was not recorded");
            }
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

    /// Writes a group of nothing but a fence's record.
    fn write_record(&mut self, record: FenceRecord) -> Result<std::io::Result<()>, Fault> {
        let Some(segment) = &mut self.segment else {
            return Ok(Ok(()));
        };
        let buffer = std::mem::take(&mut self.buffer);
        let wall_us = segment.header().hlc.wall_us;
        let binding = segment.binding().clone();
        let mut group = GroupBuilder::start(binding, wall_us, self.position.offset, buffer);
        group.push_fence(record);
        let bytes = group.finish(self.position.next_sequence, self.durable.proven.offset);
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
