//! When to have an index run written, so that what is in memory stays bounded.

use super::Writer;
use crate::error::StoreError;
use crate::indexing::IndexPolicy;
use crate::protocol::roller;
use crate::protocol::writer::Answer;
use crate::runtime::{Closed, Next, Turn};
use crate::view::IndexEntry;
use batpak_log::log_position::LogPosition;
use batpak_log::segment::SegmentHeader;
use std::collections::VecDeque;
use std::mem::size_of;
use std::sync::Arc;

/// What an entry in memory takes beside its fields and names, about, in bytes.
const ENTRY_OVERHEAD: usize = 64;

/// What is in memory because no index covers it.
#[derive(Debug)]
pub(super) struct IndexPlan {
    policy: IndexPolicy,
    /// How many events the log had where the index ends.
    indexed: u64,
    /// How much memory what is behind takes, about.
    bytes: u64,
    /// Segments that were left, with their ends, that are not indexed to their ends.
    left: VecDeque<(Arc<SegmentHeader>, LogPosition)>,
    asked: bool,
    /// The last try failed: the next is made when the log has so many events, or when a write waits
    /// for it.
    next_try: u64,
    /// A write waits for the try that is under way.
    awaited: bool,
    /// What the last try failed with, for the write that has waited for it.
    failed: Option<StoreError>,
}

impl IndexPlan {
    pub(super) fn new(policy: IndexPolicy, indexed: u64) -> Self {
        Self {
            policy,
            indexed,
            bytes: 0,
            left: VecDeque::new(),
            asked: false,
            next_try: 0,
            awaited: false,
            failed: None,
        }
    }

    /// Counts what was written.
    pub(super) fn count(&mut self, entries: &[IndexEntry]) {
        let weight = |entry: &IndexEntry| {
            let names = entry.coord.entity().len() + entry.coord.scope().len();
            size_of::<IndexEntry>() + names + ENTRY_OVERHEAD
        };
        self.bytes += entries.iter().map(weight).sum::<usize>() as u64;
    }

    /// Remembers a segment that no event comes to any more.
    pub(super) fn leave(&mut self, header: Arc<SegmentHeader>, end: LogPosition) {
        if end.event_count > self.indexed {
            self.left.push_back((header, end));
        }
    }

    /// Returns whether so many times the bound is in memory.
    fn is_over(&self, end: &LogPosition, times: u64) -> bool {
        let events = end.event_count.saturating_sub(self.indexed);
        events >= self.policy.every_events.saturating_mul(times)
            || self.bytes >= self.policy.every_bytes.saturating_mul(times)
    }

    fn cover(&mut self, covered: &LogPosition, end: &LogPosition) {
        let before = end.event_count.saturating_sub(self.indexed).max(1);
        self.indexed = self.indexed.max(covered.event_count);
        let after = end.event_count.saturating_sub(self.indexed);
        self.bytes = u64::try_from(u128::from(self.bytes) * u128::from(after) / u128::from(before))
            .unwrap_or(0);
        let indexed = self.indexed;
        self.left.retain(|(_, end)| end.event_count > indexed);
    }
}

impl Writer {
    /// Has a run written when it is time.
    pub(super) fn plan_index(&mut self, turn: &mut Turn<'_, Self>) {
        let plan = &self.index;
        if plan.asked || self.position.event_count < plan.next_try {
            return;
        }
        let over = plan.is_over(&self.position, 1);
        let (segment, upto) = match (plan.left.front(), &self.segment) {
            (Some((header, end)), _) => {
                let missing = end.event_count.saturating_sub(plan.indexed);
                if !over && missing < plan.policy.at_close_events {
                    return;
                }
                (Arc::clone(header), *end)
            }
            (None, Some(segment)) if over => (Arc::clone(segment.header()), self.durable.proven),
            (None, _) => return,
        };
        let news = upto.event_count > plan.indexed && upto.segment == segment.segment;
        if !news {
            // Nothing new is durable: it is made so, and then it is time.
            self.sync_in_background(turn);
            return;
        }
        if self.options.reader.view().visible() < upto.next_sequence {
            return;
        }
        let message = |reply| roller::Message::Index {
            segment,
            upto,
            reply,
        };
        turn.ask(&self.roller, message, Answer::Indexed);
        self.index.asked = true;
    }

    /// Takes what became of a run.
    pub(super) fn indexed(
        &mut self,
        outcome: Result<Result<LogPosition, StoreError>, Closed>,
        turn: &mut Turn<'_, Self>,
    ) {
        self.index.asked = false;
        let awaited = std::mem::take(&mut self.index.awaited);
        match outcome {
            Ok(Ok(covered)) => {
                (self.index.failed, self.index.next_try) = (None, 0);
                self.index.cover(&covered, &self.position);
            }
            Err(Closed) => match self.roller.exit_reason() {
                // It ended with the roller, which begins anew.
                None => {}
                // Nobody indexes any more.
                Some(reason) => {
                    self.index.failed = Some(StoreError::ended("roller", &reason));
                    self.index.next_try = u64::MAX;
                }
            },
            Ok(Err(error)) => {
                tracing::warn!(%error, "an index run was not written");
                let wait = (self.index.policy.every_events / 4).max(1);
                self.index.next_try = self.position.event_count.saturating_add(wait);
                self.index.failed = Some(error).filter(|_| awaited);
            }
        }
        self.plan_index(turn);
    }

    /// Returns what a write has to wait for, or is refused with, because too much is in memory.
    pub(super) fn memory_is_full(
        &mut self,
        turn: &mut Turn<'_, Self>,
    ) -> Option<Result<Next, StoreError>> {
        if !self.index.is_over(&self.position, 2) {
            return None;
        }
        if !self.index.asked {
            match self.index.failed.take() {
                // Nobody indexes any more: writing ends with the segment.
                Some(error) if self.index.next_try == u64::MAX => {
                    self.index.failed = Some(error);
                    return None;
                }
                // The next write has it tried again.
                Some(error) => return Some(Err(error)),
                None => {
                    self.index.next_try = 0;
                    self.plan_index(turn);
                }
            }
        }
        self.index.awaited = self.index.asked;
        (self.index.asked || self.durable.under_way.is_some()).then_some(Ok(Next::AwaitAnswer))
    }
}
