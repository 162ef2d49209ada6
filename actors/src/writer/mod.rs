//! Gives every event its place: order, keys, compare-and-swap, clock, hash chain, and the bytes.
//!
//! Owns the open segment and the end of the log. Tells the roller what to prepare, sync and seal,
//! and the indexer what was written. Never reads a clock for an event, never makes an id, never
//! answers an append that was written: the broker does, once it is visible.

mod durable;
mod group;
mod known;
mod segment;
mod sync;

pub use durable::SyncPolicy;

use crate::error::{BatchStage, StoreError};
use crate::protocol::indexer::{self, WrittenGroup};
use crate::protocol::roller::{self, PreparedFile};
use crate::protocol::writer::{Answer, Message};
use crate::protocol::{Acknowledgement, Append};
use crate::reader::Reader;
use crate::runtime::{Actor, Address, Closed, ExitReason, Fault, Next, NotDelivered, Queued, Turn};
use batpak_log::fs::Fs;
use batpak_log::log_position::LogPosition;
use batpak_log::poison_mark::PoisonMark;
use durable::Durable;
use group::{Contents, GroupInHand};
use known::Known;
use segment::{OpenSegment, Reopened, SwitchFailed, reopen};
use std::sync::Arc;

/// What a writer works on.
#[derive(Clone, Debug)]
pub struct WriterOptions {
    /// The store's directory.
    pub fs: Arc<dyn Fs>,
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
    /// A written group whose acknowledgement waits for the sync that is under way.
    unacknowledged: Option<Contents>,
    timer_is_set: bool,
    /// The sync that is under way has taken longer than promised: nothing is acknowledged until it
    /// is through.
    sync_is_overdue: bool,
    buffer: Vec<u8>,
}

/// The file for the next segment.
enum Prepared {
    /// Nobody was asked for one.
    None,
    /// The roller was asked.
    Asked,
    /// It is there.
    Ready(PreparedFile),
    /// The roller could not; the next command is told.
    Failed(StoreError),
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
        let found = match crashed {
            false => Reopened::untouched(&options.start),
            true => {
                let visible = options.reader.view().visible();
                reopen(&options.fs, &options.start, visible).map_err(|error| {
                    if matches!(error, StoreError::Io(_) | StoreError::StorageFull { .. }) {
                        return Fault::Crash(error.to_string());
                    }
                    // What was written is not there any more: no restart mends that, and nothing
                    // was touched, so that the next opening finds the evidence.
                    Fault::Poison(error.to_string())
                })?
            }
        };
        Ok(Self {
            known: Known::new(Arc::clone(&options.reader), found.recent),
            durable: Durable::new(options.sync, found.position),
            segment_is_new: found.segment.is_some(),
            segment: found.segment,
            position: found.position,
            options,
            roller,
            indexer,
            prepared: Prepared::None,
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
        let writes = matches!(
            queued.peek(),
            Some(Message::Append { .. } | Message::AppendBatch { .. })
        );
        if let (true, Some(reason)) = (writes, self.indexer.exit_reason()) {
            // Nothing written could become visible, so nothing more is written.
            self.refuse_next(queued, &StoreError::ended("indexer", &reason), turn);
            return Ok(Next::Open);
        }
        if !closing && self.is_full() || writes && self.segment.is_none() {
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
            Some(Message::Append { .. } | Message::AppendBatch { .. }) => self.gather(queued, turn),
            Some(Message::Sync { .. } | Message::Close { .. } | Message::Panic) => {
                if self.durable.under_way.is_some() {
                    return Ok(Next::AwaitAnswer);
                }
                match queued.pop() {
                    Some(Message::Sync { reply }) => self.sync_command(reply, turn),
                    Some(Message::Close { reply }) => self.close(reply),
                    _ => panic!("a test asked the writer to panic"),
                }
            }
        }
    }

    /// Refuses the next append; the refusal travels behind the answers before it.
    fn refuse_next(
        &mut self,
        queued: &mut Queued<Message>,
        error: &StoreError,
        turn: &mut Turn<'_, Self>,
    ) {
        let acknowledgement = match queued.pop() {
            Some(Message::Append { reply, .. }) => Acknowledgement::One(reply, Err(error.copied())),
            Some(Message::AppendBatch { reply, .. }) => {
                Acknowledgement::Batch(reply, Err(batch_failed((0, error.copied()))))
            }
            Some(Message::Sync { .. } | Message::Close { .. } | Message::Panic) | None => return,
        };
        self.tell_indexer(Vec::new(), vec![acknowledgement], turn);
    }

    fn is_full(&self) -> bool {
        self.segment.is_some() && self.position.offset >= self.options.segment_max_bytes
    }

    /// Makes a new segment the open one.
    fn switch(&mut self, turn: &mut Turn<'_, Self>) -> Result<Switched, Fault> {
        let prepared = match std::mem::replace(&mut self.prepared, Prepared::None) {
            Prepared::Ready(prepared) => prepared,
            Prepared::Failed(error) => return Ok(Switched::Refused(error)),
            // Asking twice would prepare the same name twice.
            Prepared::Asked => {
                self.prepared = Prepared::Asked;
                return Ok(Switched::Waiting);
            }
            Prepared::None => {
                self.ask_for_file(turn);
                return Ok(Switched::Waiting);
            }
        };
        if self.durable.under_way.is_some() {
            self.prepared = Prepared::Ready(prepared);
            return Ok(Switched::Waiting);
        }
        self.sync_now().map_err(|error| self.poison(error))?;
        let fs = &*self.options.fs;
        let opened = OpenSegment::switch(fs, &prepared, self.options.store_id, &self.position);
        let opened = match opened {
            Ok(opened) => opened,
            Err(SwitchFailed::NotBegun(error)) => return Ok(Switched::Refused(error)),
            Err(SwitchFailed::InDoubt(error)) => return Err(self.poison(error)),
        };
        let before = std::mem::replace(
            &mut self.position,
            LogPosition::at_start_of(opened.header()),
        );
        if let Some(full) = self.segment.replace(opened) {
            let seal = roller::Message::Seal {
                file: Arc::clone(full.file()),
                header: Arc::clone(full.header()),
                position: before,
            };
            // A footer is advisory: without the roller the segment just has none.
            let _ = turn.tell(&self.roller, seal);
        }
        self.segment_is_new = true;
        self.durable.proven = self.position;
        Ok(Switched::Done)
    }

    /// Asks the roller for the next file, once.
    fn ask_for_file(&mut self, turn: &mut Turn<'_, Self>) {
        let message = |reply| roller::Message::Prepare { reply };
        turn.ask(&self.roller, message, Answer::Prepared);
        self.prepared = Prepared::Asked;
    }

    /// Takes as many appends as belong into one group, and writes it.
    fn gather(
        &mut self,
        queued: &mut Queued<Message>,
        turn: &mut Turn<'_, Self>,
    ) -> Result<Next, Fault> {
        let Some(segment) = &self.segment else {
            return Ok(Next::Open);
        };
        let buffer = std::mem::take(&mut self.buffer);
        let mut group = GroupInHand::start(segment, self.position, buffer);
        while let Some(message @ (Message::Append { .. } | Message::AppendBatch { .. })) =
            queued.peek()
        {
            if !group.has_room_for(message.weight(), message.event_count()) {
                break;
            }
            match queued.pop() {
                Some(Message::Append { append, reply }) => {
                    let items = std::slice::from_ref(&*append);
                    let (answer, rests) = admitted(group.admit(items, &self.known, segment));
                    let answer = answer.map_err(|(_, error)| error).and_then(only_receipt);
                    group.wait(Acknowledgement::One(reply, answer), rests);
                }
                Some(Message::AppendBatch { items, reply }) => {
                    let (answer, rests) = admitted(group.admit(&items, &self.known, segment));
                    let answer = answer.map_err(batch_failed);
                    group.wait(Acknowledgement::Batch(reply, answer), rests);
                }
                Some(Message::Sync { .. } | Message::Close { .. } | Message::Panic) | None => {}
            }
        }
        self.write(group, turn)
    }

    /// Puts a group on disk, or cuts back and tells those who wait that it came to nothing.
    fn write(&mut self, group: GroupInHand, turn: &mut Turn<'_, Self>) -> Result<Next, Fault> {
        let (bytes, mut contents) = group.finish(self.durable.proven.offset);
        if let (false, Some(segment)) = (bytes.is_empty(), &mut self.segment) {
            let limit = self.options.segment_max_bytes;
            match segment.write(&bytes, self.position.offset, limit) {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    let contents = contents.cut_back(self.position, &error.into());
                    return self.settle(contents, turn);
                }
                Err(error) => {
                    contents.left_open(BatchStage::Writing, &error.to_string());
                    return Err(self.poison(error));
                }
            }
            segment.define(&mut contents.names);
        }
        self.buffer = bytes;
        self.position = contents.position;
        self.known.accept(std::mem::take(&mut contents.staged));
        if self.position.offset >= self.options.segment_max_bytes / 2
            && matches!(self.prepared, Prepared::None)
        {
            self.ask_for_file(turn);
        }
        self.settle(contents, turn)
    }

    /// Passes a written group on to the indexer.
    fn publish(&mut self, contents: Contents, turn: &mut Turn<'_, Self>) {
        let acknowledgements = contents
            .waiting
            .into_iter()
            .map(|waiting| waiting.acknowledgement)
            .collect();
        self.tell_indexer(contents.entries, acknowledgements, turn);
    }

    fn tell_indexer(
        &mut self,
        entries: Vec<crate::view::IndexEntry>,
        acknowledgements: Vec<Acknowledgement>,
        turn: &mut Turn<'_, Self>,
    ) {
        let opened = match (&self.segment, std::mem::take(&mut self.segment_is_new)) {
            (Some(segment), true) => Some(Arc::clone(segment.header())),
            _ => None,
        };
        let group = WrittenGroup {
            events_before: self.position.event_count - entries.len() as u64,
            opened,
            entries,
            position: self.position,
            proven: self.durable.proven,
            acknowledgements,
        };
        let message = indexer::Message::Publish(Box::new(group));
        if let Err(NotDelivered::Ended(message, reason)) = turn.tell(&self.indexer, message) {
            crate::indexer::Indexer::refuse(message, &reason);
        }
    }

    /// Leaves the mark that says that the segment's bytes cannot be trusted.
    fn poison(&self, error: impl std::fmt::Display) -> Fault {
        if let Some(segment) = &self.segment {
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

/// What became of a switch.
enum Switched {
    Done,
    Waiting,
    Refused(StoreError),
}

type Admitted = (
    Result<Vec<crate::protocol::AppendReceipt>, (usize, StoreError)>,
    bool,
);

fn admitted(
    outcome: Result<(Vec<crate::protocol::AppendReceipt>, bool), group::Refused>,
) -> Admitted {
    match outcome {
        Ok((receipts, rests_on_group)) => (Ok(receipts), rests_on_group),
        Err(refused) => (
            Err((refused.item_index, refused.error)),
            refused.rests_on_group,
        ),
    }
}

fn only_receipt(
    receipts: Vec<crate::protocol::AppendReceipt>,
) -> Result<crate::protocol::AppendReceipt, StoreError> {
    receipts.into_iter().next().ok_or(StoreError::WriterCrashed)
}

fn batch_failed((item_index, source): (usize, StoreError)) -> StoreError {
    let source = Box::new(source);
    StoreError::BatchFailed {
        item_index,
        stage: BatchStage::Validation,
        source,
    }
}

/// Answers a message that was not and will not be carried out.
fn answer_with(message: Message, error: impl Fn() -> StoreError) {
    match message {
        Message::Append { reply, .. } => reply.answer(Err(error())),
        Message::AppendBatch { reply, .. } => reply.answer(Err(batch_failed((0, error())))),
        Message::Sync { reply } => reply.answer(Err(error())),
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
            Answer::Prepared(Ok(Ok(prepared))) => self.prepared = Prepared::Ready(prepared),
            Answer::Prepared(Ok(Err(error))) => self.prepared = Prepared::Failed(error),
            Answer::Prepared(Err(Closed)) => {
                self.prepared = match self.roller.exit_reason() {
                    Some(reason) => Prepared::Failed(StoreError::ended("roller", &reason)),
                    // It is back already, and is asked again.
                    None => Prepared::None,
                };
            }
            Answer::Synced(outcome) => return self.synced(outcome, turn),
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

impl Message {
    /// Returns how many events the message asks to append.
    fn event_count(&self) -> usize {
        match self {
            Self::Append { .. } => 1,
            Self::AppendBatch { items, .. } => <[Append]>::len(items),
            Self::Sync { .. } | Self::Close { .. } | Self::Panic => 0,
        }
    }
}
