//! Gives every event its place: order, keys, compare-and-swap, clock, hash chain, and the bytes.
//!
//! Owns the open segment and the end of the log. Tells the roller what to prepare, sync and seal,
//! and the indexer what was written. Never reads a clock for an event, never makes an id, never
//! answers an append that was written: the broker does, once it is visible.

mod check;
mod commit;
mod contents;
mod durable;
mod fence;
mod group;
mod index;
mod known;
mod names;
mod rotate;
mod segment;
mod sync;

pub use durable::SyncPolicy;
pub use fence::{FENCE_BYTES_MAX, FENCE_EVENTS_MAX};

use crate::error::StoreError;
use crate::faults::{Faults, Points};
use crate::indexing::IndexPolicy;
use crate::protocol::writer::{Answer, Message, batch_failed};
use crate::protocol::{Envelopes, indexer, roller};
use crate::reader::Reader;
use crate::runtime::{Actor, Address, ExitReason, Fault, Next, Queued, Turn};
use batpak_log::fs::Fs;
use batpak_log::log_position::LogPosition;
use batpak_log::planted::{Bug, planted};
use batpak_log::poison_mark::PoisonMark;
use batpak_log::segment::SegmentHeader;
use contents::Contents;
use durable::Durable;
use fence::Fence;
use index::IndexPlan;
use known::Known;
use rotate::{Prepared, Switched};
use segment::{OpenSegment, Reopened, reopen};
use std::sync::Arc;

/// What a writer works on.
#[derive(Clone, Debug)]
pub struct WriterOptions {
    /// The store's directory.
    pub fs: Arc<dyn Fs>,
    /// Where callers take the envelopes of their appends.
    pub envelopes: Envelopes,
    /// Reads what the writer does not remember.
    pub reader: Arc<Reader>,
    /// The store's id; a new store gets this one with its first segment.
    pub store_id: [u8; 16],
    /// A segment of at least this size is full, in bytes.
    pub segment_max_bytes: u64,
    /// When to sync.
    pub sync: SyncPolicy,
    /// Where the log ended when the store was opened.
    pub start: LogPosition,
    /// When index runs are written.
    pub index: IndexPolicy,
    /// The newest segment when the store was opened, if its end is not indexed.
    pub not_indexed: Option<Arc<SegmentHeader>>,
    /// Whom to ask for faults.
    pub faults: Faults,
}

impl WriterOptions {
    /// Returns how many events the log had where its index ends, or where the store was opened.
    fn indexed_events(&self) -> u64 {
        let view = self.reader.view();
        let last = view.segments().last().map(|header| header.segment);
        let parts = last.map(|segment| view.indexed_parts(segment));
        let end = parts.and_then(|parts| Some(parts.last()?.run.end().event_count));
        let start = match &self.not_indexed {
            Some(newest) => newest.events_before,
            None => self.start.event_count,
        };
        end.unwrap_or(0).max(start)
    }
}

/// A writer.
///
/// 1. [`resume`](Self::resume) finds the end of the log, after a start or a crash;
/// 2. commands are gathered into a group, checked one by one, and written with one call;
/// 3. where the promise of durability demands it, the group is synced, or waits for a sync that is
///    under way;
/// 4. the group goes to the indexer, with those who wait for it;
/// 5. a write that cannot be undone or a failed sync poisons it for good.
pub struct Writer {
    options: WriterOptions,
    roller: Address<roller::Message>,
    indexer: Address<indexer::Message>,
    position: LogPosition,
    segment: Option<OpenSegment>,
    /// The open segment's first group has not been told to the indexer.
    segment_is_new: bool,
    known: Known,
    durable: Durable,
    prepared: Prepared,
    /// The visibility fence that is open.
    fence: Option<Fence>,
    /// A written group whose acknowledgement waits for the sync that is under way.
    unacknowledged: Option<Contents>,
    timer_is_set: bool,
    /// The sync that is under way has taken longer than promised: nothing is acknowledged until it
    /// is through.
    sync_is_overdue: bool,
    index: IndexPlan,
    points: Points,
    buffer: Vec<u8>,
}

impl Writer {
    /// Takes up the log where it ends. `crashed` says that this is a restart, so that the log may
    /// hold groups that nobody was told of.
    ///
    /// # Errors
    /// A crash when the log cannot be read, poison when it lost what readers have seen.
    pub fn resume(
        options: WriterOptions,
        roller: Address<roller::Message>,
        indexer: Address<indexer::Message>,
        crashed: bool,
    ) -> Result<Self, Fault> {
        let found = match crashed && !planted(Bug::RestartBlind) {
            false => Reopened::untouched(&options.start),
            true => {
                let visible = options.reader.view().visible();
                reopen(&options.reader, &options.start, visible).map_err(|error| {
                    if matches!(error, StoreError::Io(_) | StoreError::StorageFull { .. }) {
                        return Fault::Crash(error.to_string());
                    }
                    // What was written is not there any more: no restart mends that, and nothing
                    // was touched, so that the next opening finds the evidence.
                    Fault::Poison(error.to_string())
                })?
            }
        };
        let mut index = IndexPlan::new(options.index, options.indexed_events());
        if let Some(header) = &options.not_indexed {
            index.leave(Arc::clone(header), options.start);
        }
        Ok(Self {
            index,
            points: Points::new(options.faults.clone()),
            known: Known::new(Arc::clone(&options.reader), found.recent),
            durable: Durable::new(options.sync, found.position),
            segment_is_new: found.segment.is_some(),
            segment: found.segment,
            position: found.position,
            options,
            roller,
            indexer,
            prepared: Prepared::None,
            fence: None,
            unacknowledged: None,
            timer_is_set: false,
            sync_is_overdue: false,
            buffer: Vec::new(),
        })
    }

    /// Answers what is next in the queue, or gathers a group of appends.
    fn serve(
        &mut self,
        queued: &mut Queued<Message>,
        turn: &mut Turn<'_, Self>,
    ) -> Result<Next, Fault> {
        let closing = matches!(queued.peek(), Some(Message::Close { .. }));
        let writes = queued.peek().is_some_and(Message::writes);
        if let Some(error) = queued.peek().and_then(|message| self.refused(message)) {
            self.refuse_next(queued, &error, turn);
            return Ok(Next::Open);
        }
        let is_due = !closing && self.is_full() && !self.is_held_by_fence();
        if is_due || writes && self.segment.is_none() {
            match self.switch(turn)? {
                Switched::Done => {}
                Switched::Waiting => return Ok(Next::AwaitAnswer),
                Switched::Refused(error) if writes => {
                    self.refuse_next(queued, &error, turn);
                    return Ok(Next::Open);
                }
                // A sync does not need the new segment; the next command tries again.
                Switched::Refused(_) => {}
            }
        }
        match queued.peek() {
            None => Ok(Next::Open),
            Some(Message::Append { .. } | Message::AppendBatch { .. } | Message::Fenced { .. }) => {
                match self.memory_is_full(turn) {
                    None => self.gather(queued, turn),
                    Some(Ok(next)) => Ok(next),
                    Some(Err(error)) => {
                        self.refuse_next(queued, &error, turn);
                        Ok(Next::Open)
                    }
                }
            }
            Some(
                Message::Fence { .. }
                | Message::Sync { .. }
                | Message::Close { .. }
                | Message::Panic,
            ) => {
                if self.durable.under_way.is_some() {
                    return Ok(Next::AwaitAnswer);
                }
                self.carry_out(queued.pop(), turn)
            }
        }
    }

    /// Carries out a command that appends nothing.
    fn carry_out(
        &mut self,
        message: Option<Message>,
        turn: &mut Turn<'_, Self>,
    ) -> Result<Next, Fault> {
        match message {
            Some(Message::Fence {
                fence,
                command,
                reply,
            }) => self.fence_command((fence, command), reply, turn),
            Some(Message::Sync { reply }) => self.sync_command(reply, turn),
            Some(Message::Close { reply }) => {
                self.end_fence(turn)?;
                self.close(reply)
            }
            _ => panic!("a test asked the writer to panic"),
        }
    }

    /// Returns why a command is not carried out, whatever the log holds.
    fn refused(&self, message: &Message) -> Option<StoreError> {
        let asks =
            message.writes() || matches!(message, Message::Sync { .. } | Message::Fence { .. });
        match self.indexer.exit_reason().filter(|_| asks) {
            // Nothing written could become visible, so nothing more is written.
            Some(reason) => Some(StoreError::ended("indexer", &reason)),
            None => self.refused_by_fence(message, 0),
        }
    }

    /// Leaves the mark that says that the segment's bytes cannot be trusted.
    fn poison(&self, error: impl std::fmt::Display) -> Fault {
        let segment = self.segment.as_ref();
        if let Some(segment) = segment.filter(|_| !planted(Bug::ForgetPoisonMark)) {
            let header = segment.header();
            let mark = PoisonMark {
                store_id: header.store_id,
                segment_id: header.segment.id,
            };
            if let Err(error) = mark.write(&*self.options.fs) {
                tracing::error!(%error, "the poison mark could not be left");
            }
        }
        Fault::Poison(error.to_string())
    }
}

/// Answers a message that was not and will not be carried out.
fn answer_with(message: Message, error: impl Fn() -> StoreError) {
    match message {
        Message::Append { reply, .. } => reply.answer(Err(error())),
        Message::AppendBatch { reply, .. } => reply.answer(Err(batch_failed(error()))),
        Message::Fenced { write, .. } => {
            for acknowledgement in write.refused(&error()) {
                acknowledgement.deliver();
            }
        }
        Message::Sync { reply } | Message::Fence { reply, .. } => reply.answer(Err(error())),
        Message::Close { reply } => reply.answer(Err(error())),
        Message::Panic => {}
    }
}

impl Actor for Writer {
    type Message = Message;
    type Answer = Answer;
    type Kept = ();

    fn started(&mut self, turn: &mut Turn<'_, Self>) -> Result<Next, Fault> {
        if turn.restarts() > 0 {
            // The indexer reads from the log what an earlier incarnation could not tell it.
            let _ = turn.tell(&self.indexer, indexer::Message::ReadOn);
        }
        Ok(Next::Open)
    }

    fn handle(
        &mut self,
        queued: &mut Queued<Message>,
        turn: &mut Turn<'_, Self>,
    ) -> Result<Next, Fault> {
        self.serve(queued, turn)
    }

    fn answered(&mut self, answer: Answer, turn: &mut Turn<'_, Self>) -> Result<Next, Fault> {
        match answer {
            Answer::Prepared(answer) => self.file_is_prepared(answer),
            Answer::Synced(outcome) => return self.synced(outcome, turn),
            Answer::Indexed(outcome) => self.indexed(outcome, turn),
        }
        // A group that waits for a sync keeps the inbox shut whatever else is answered.
        Ok(if self.unacknowledged.is_some() || self.sync_is_overdue {
            Next::AwaitAnswer
        } else {
            Next::Open
        })
    }

    fn timer(&mut self, turn: &mut Turn<'_, Self>) -> Result<Next, Fault> {
        self.sync_is_due(turn)
    }

    fn refuse(message: Message, reason: &ExitReason) {
        answer_with(message, || StoreError::ended("writer", reason));
    }
}
