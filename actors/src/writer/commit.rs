//! Gathers what is queued into a group, writes it, and passes it on.

use super::Writer;
use super::contents::Contents;
use super::fence::Fence;
use super::group::{Admission, GroupInHand, answer};
use super::rotate::Prepared;
use crate::error::{BatchStage, StoreError};
use crate::indexer::Indexer;
use crate::protocol::Acknowledgement;
use crate::protocol::indexer::{self, WrittenGroup};
use crate::protocol::writer::{Message, batch_failed, batch_failed_at};
use crate::runtime::{Actor, Fault, Next, NotDelivered, Queued, Turn};
use crate::view::IndexEntry;
use batpak_log::planted::{Bug, planted};
use std::sync::Arc;

/// A group that turns out to have more commands makes room as it grows.
const COMMANDS_EXPECTED_MAX: usize = 1024;

impl Writer {
    /// Takes as many appends as belong into one group, and writes it.
    pub(super) fn gather(
        &mut self,
        queued: &mut Queued<Message>,
        turn: &mut Turn<'_, Self>,
    ) -> Result<Next, Fault> {
        let Some(segment) = &self.segment else {
            return Ok(Next::Open);
        };
        let room = (std::mem::take(&mut self.buffer), self.known.lend());
        let commands = queued.len().min(COMMANDS_EXPECTED_MAX);
        let mut group = GroupInHand::start(segment, self.position, room, commands);
        if let Some(fence) = &self.fence {
            group.belong_to_fence(fence.number(&self.position));
        }
        let by = Admission {
            known: &self.known,
            segment,
            points: &self.points,
        };
        while self.gathers(queued, &group) {
            match queued.pop() {
                Some(Message::Append { append, reply }) => {
                    let (append, mut envelope) = append.open();
                    let admitted = group.admit_one(append, &mut envelope, by);
                    self.options.envelopes.give_back(envelope);
                    let (answer, rests) = answer(admitted, |(_, _, error)| error);
                    group.wait(Acknowledgement::One(reply, answer), rests);
                }
                Some(Message::AppendBatch { items, reply }) => {
                    let admitted = group.admit_batch(items, by);
                    let (answer, rests) = answer(admitted, batch_failed_at);
                    group.wait(Acknowledgement::Batch(reply, answer), rests);
                }
                Some(Message::Fenced { write, .. }) => {
                    group.admit_fenced(*write, by);
                }
                Some(
                    Message::Fence { .. }
                    | Message::Sync { .. }
                    | Message::Close { .. }
                    | Message::Panic,
                )
                | None => {}
            }
        }
        self.write(group, turn)
    }

    /// Returns whether the next command belongs into the group in hand.
    fn gathers(&self, queued: &Queued<Message>, group: &GroupInHand) -> bool {
        let Some(message) = queued.peek().filter(|message| message.writes()) else {
            return false;
        };
        let events = message.event_count();
        group.has_room_for(message.weight(), events)
            && self
                .refused_by_fence(message, group.event_count())
                .is_none()
    }

    /// Puts a group on disk, or cuts back and tells those who wait that it came to nothing.
    fn write(&mut self, group: GroupInHand, turn: &mut Turn<'_, Self>) -> Result<Next, Fault> {
        let (bytes, mut contents) = group.finish(self.durable.proven.offset);
        if let (false, Some(segment)) = (bytes.is_empty(), &mut self.segment) {
            let (offset, limit) = (self.position.offset, self.options.segment_max_bytes);
            contents.passed.begin_at(offset);
            let written = segment.write(&bytes, offset, limit);
            let mut written = written.map(|written| written.map_err(StoreError::from));
            if let Ok(Ok(())) = written
                && let Some(fault) = self.points.after_write(&contents.passed)
            {
                let cut = segment.cut_to(offset, segment.name_count());
                written = cut.map(|()| Err(fault));
            }
            match written {
                Ok(Ok(())) => {}
                Ok(Err(error)) if planted(Bug::PoisonOnFullDisk) => {
                    contents.left_open(BatchStage::Writing, &error.to_string());
                    return Err(self.poison(error));
                }
                Ok(Err(error)) => {
                    // A power cut could keep what was cut off and forget the cutting: only once
                    // that is durable the group is certainly not written.
                    self.durable.cut_back = true;
                    let contents = contents.cut_back(self.position, &error);
                    return self.settle(contents, turn);
                }
                Err(error) => {
                    contents.left_open(BatchStage::Writing, &error.to_string());
                    return Err(self.poison(error));
                }
            }
            if let (true, Some(fence)) = (contents.fenced, &mut self.fence) {
                fence.begin_at(self.position, segment.name_count());
            }
            segment.define(&mut contents.names);
        }
        self.buffer = bytes;
        self.position = contents.position;
        let staged = std::mem::take(&mut contents.staged);
        match contents.fenced {
            true => self.known.accept_fenced(staged),
            false => self.known.accept(staged, self.position.next_sequence),
        }
        if self.position.offset >= self.options.segment_max_bytes / 2
            && matches!(self.prepared, Prepared::None)
        {
            self.ask_for_file(turn);
        }
        self.settle(contents, turn)
    }

    /// Passes a written group on to the indexer.
    pub(super) fn publish(&mut self, mut contents: Contents, turn: &mut Turn<'_, Self>) {
        match self.fence.as_mut().filter(|_| contents.fenced) {
            // Its events are shown when it is committed.
            Some(fence) => fence.keep(&mut contents),
            None => self.index.count(&contents.entries),
        }
        self.tell_indexer(contents.entries, contents.waiting, turn);
    }

    pub(super) fn tell_indexer(
        &mut self,
        entries: Vec<IndexEntry>,
        acknowledgements: Vec<Acknowledgement>,
        turn: &mut Turn<'_, Self>,
    ) {
        let opened = match (&self.segment, std::mem::take(&mut self.segment_is_new)) {
            (Some(segment), true) => Some(Arc::clone(segment.header())),
            _ => None,
        };
        let shown = self.fence.as_ref().and_then(Fence::shown);
        let position = shown.copied().unwrap_or(self.position);
        let proven = self.durable.proven;
        let group = WrittenGroup {
            events_before: position.event_count - entries.len() as u64,
            opened,
            entries,
            position,
            proven: match proven.event_count > position.event_count {
                true => position,
                false => proven,
            },
            acknowledgements,
        };
        let message = indexer::Message::Publish(Box::new(group));
        if let Err(NotDelivered::Ended(message, reason)) = turn.tell(&self.indexer, message) {
            Indexer::refuse(message, &reason);
        }
    }

    /// Refuses the next append or sync; the refusal travels behind the answers before it.
    pub(super) fn refuse_next(
        &mut self,
        queued: &mut Queued<Message>,
        error: &StoreError,
        turn: &mut Turn<'_, Self>,
    ) {
        let acknowledgement = match queued.pop() {
            Some(Message::Append { reply, .. }) => Acknowledgement::One(reply, Err(error.copied())),
            Some(Message::AppendBatch { reply, .. }) => {
                Acknowledgement::Batch(reply, Err(batch_failed(error.copied())))
            }
            Some(Message::Sync { reply } | Message::Fence { reply, .. }) => {
                Acknowledgement::Done(reply, Err(error.copied()))
            }
            Some(Message::Fenced { write, .. }) => {
                let both = write.refused(error).into();
                return self.tell_indexer(Vec::new(), both, turn);
            }
            Some(Message::Close { .. } | Message::Panic) | None => return,
        };
        self.tell_indexer(Vec::new(), vec![acknowledgement], turn);
    }
}
