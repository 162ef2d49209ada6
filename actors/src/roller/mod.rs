//! Has the next file ready, syncs while the writer goes on, indexes what is durable, and writes the
//! footers of segments that the writer has left.
//!
//! Tells the indexer which index takes the place of memory; answers the writer. Never appends an
//! event.

mod compact;
mod index;
mod index_all;
mod maintenance;
mod snapshot;

use crate::error::StoreError;
use crate::indexing::IndexPolicy;
use crate::merge::merge_small_neighbours;
use crate::protocol::indexer::{self, Replacement};
use crate::protocol::roller::{Answer, Message, PreparedFile};
use crate::reader::Reader;
use crate::runtime::{Actor, Address, Closed, ExitReason, Fault, Next, Queued, Turn};
use batpak_log::fs::{File, Fs, remove_if_there, write_all_at};
use batpak_log::layout::PREPARED_NAME;
use batpak_log::log_position::LogPosition;
use batpak_log::planted::{Bug, planted};
use batpak_log::segment::{SegmentHeader, encode_footer};
use index::IndexWork;
use maintenance::Maintenance;
use std::io;
use std::sync::Arc;

/// Space is reserved for at least so much of a new segment, unless its limit is smaller.
pub const RESERVE_BYTES: u64 = 1024 * 1024;

/// Segments in which a reader still is are looked at again after this time, in microseconds.
const UNLINK_AGAIN_US: u64 = 100_000;

/// What a roller works on.
#[derive(Clone, Debug)]
pub struct RollerOptions {
    /// The store's directory.
    pub fs: Arc<dyn Fs>,
    /// Reads what is merged and indexed.
    pub reader: Arc<Reader>,
    /// The size at which segments are full, in bytes.
    pub segment_max_bytes: u64,
    /// Whether a sync covers the files' metadata too.
    pub sync_all: bool,
    /// When index runs are written and merged.
    pub index: IndexPolicy,
}

/// A roller; what it has begun to index is begun again after a restart.
#[derive(Debug)]
pub struct Roller {
    options: RollerOptions,
    indexer: Address<indexer::Message>,
    work: IndexWork,
    maintenance: Maintenance,
}

impl Roller {
    /// Starts with nothing prepared.
    pub fn new(options: RollerOptions, indexer: Address<indexer::Message>) -> Self {
        Self {
            work: IndexWork::new(Arc::clone(&options.reader), options.index),
            maintenance: Maintenance::new(Arc::clone(&options.reader), options.index),
            options,
            indexer,
        }
    }

    fn prepare(&self) -> Result<PreparedFile, StoreError> {
        let fs = &self.options.fs;
        remove_if_there(&**fs, PREPARED_NAME)?;
        let file = fs.create_new(PREPARED_NAME)?;
        let reserved = RESERVE_BYTES.min(self.options.segment_max_bytes);
        if let Err(error) = file.allocate(0, reserved) {
            remove_if_there(&**fs, PREPARED_NAME)?;
            return Err(error.into());
        }
        Ok(PreparedFile { file, reserved })
    }

    fn sync(&self, file: &dyn File) -> Result<(), StoreError> {
        Ok(sync_file(file, self.options.sync_all)?)
    }

    /// Asks the indexer to send readers elsewhere.
    fn show(&self, replacement: Box<Replacement>, turn: &mut Turn<'_, Self>) {
        let message = |reply| indexer::Message::Replace { replacement, reply };
        turn.ask(&self.indexer, message, Answer::Replaced);
    }

    /// Removes the segments that no reader looks into any more, and comes back for the others.
    fn unlink(&mut self, turn: &mut Turn<'_, Self>) {
        if self.maintenance.unlink() {
            turn.set_timer(turn.clock().monotonic_us().saturating_add(UNLINK_AGAIN_US));
        }
    }

    fn close(&mut self, closed: Option<LogPosition>) -> Result<Option<LogPosition>, StoreError> {
        remove_if_there(&*self.options.fs, PREPARED_NAME)?;
        self.work.end();
        self.maintenance.end();
        let Some(position) = closed else {
            return Ok(None);
        };
        let RollerOptions {
            fs,
            reader,
            segment_max_bytes,
            ..
        } = &self.options;
        let merged = merge_small_neighbours(fs, reader, *segment_max_bytes, position);
        let position = merged.unwrap_or_else(|error| {
            // Whatever went wrong, the sources or what replaced them are whole, and the log is
            // closed in good order: the next closing tries again.
            tracing::warn!(%error, "small segments were not merged");
            position
        });
        if let Err(error) = self.work.index_at_close(&position) {
            tracing::warn!(%error, "the end of the log was not indexed");
        }
        Ok(Some(position))
    }
}

/// Trims a segment to its groups and gives it its footer; advisory, so a failure costs nothing.
fn seal(file: &dyn File, header: &SegmentHeader, position: &LogPosition) -> io::Result<()> {
    file.truncate(position.offset)?;
    let footer = encode_footer(&header.binding(), &position.as_trailer(false));
    write_all_at(file, &footer, position.offset)?;
    file.sync_data()
}

/// Makes a file's bytes durable.
pub(crate) fn sync_file(file: &dyn File, sync_all: bool) -> io::Result<()> {
    if planted(Bug::SkipSync) {
        return Ok(());
    }
    match sync_all {
        true => file.sync_all(),
        false => file.sync_data(),
    }
}

impl Actor for Roller {
    type Message = Message;
    type Answer = Answer;
    type Kept = ();

    fn handle(
        &mut self,
        queued: &mut Queued<Message>,
        turn: &mut Turn<'_, Self>,
    ) -> Result<Next, Fault> {
        while let Some(message) = queued.pop() {
            match message {
                Message::Prepare { reply } => reply.answer(self.prepare()),
                Message::Sync { file, reply } => reply.answer(self.sync(&*file)),
                Message::Index {
                    segment,
                    upto,
                    reply,
                } => {
                    self.work.ask(&segment, upto, reply);
                    turn.continue_later();
                }
                Message::Snapshot { to, again, reply } => {
                    self.maintenance.snapshot(to, again, reply);
                    turn.continue_later();
                }
                Message::Compact {
                    segments,
                    removal,
                    reply,
                } => {
                    self.maintenance.compact(segments, removal, reply);
                    turn.continue_later();
                }
                Message::Seal {
                    file,
                    header,
                    position,
                } => {
                    if let Err(error) = seal(&*file, &header, &position) {
                        tracing::warn!(%error, segment = %header.segment, "a footer is missing");
                    }
                }
                Message::Close { closed, reply } => {
                    reply.answer(self.close(closed));
                    return Ok(Next::Stop);
                }
                Message::Panic => panic!("a test asked the roller to panic"),
            }
        }
        Ok(Next::Open)
    }

    /// Indexes, merges and copies, a short while at a time; what the writer may wait for comes
    /// first.
    fn resume(&mut self, turn: &mut Turn<'_, Self>) -> Result<Next, Fault> {
        if !self.work.has_more()
            && let Some(replacement) = self.maintenance.step()
        {
            self.show(replacement, turn);
        }
        if let Some(part) = self.work.step() {
            // An indexer that has ended shows nothing more, in memory or not.
            let _ = turn.tell(&self.indexer, indexer::Message::Adopt { part });
        }
        if self.work.has_more() || self.maintenance.has_more() {
            turn.continue_later();
        }
        Ok(Next::Open)
    }

    /// Takes what became of a replacement.
    fn answered(&mut self, answer: Answer, turn: &mut Turn<'_, Self>) -> Result<Next, Fault> {
        let Answer::Replaced(outcome) = answer;
        let outcome = match (outcome, self.indexer.exit_reason()) {
            (Ok(is_shown), _) => Ok(is_shown),
            (Err(Closed), Some(reason)) => Err(StoreError::ended("indexer", &reason)),
            (Err(Closed), None) => {
                // It is back already, and is asked again.
                if let Some(replacement) = self.maintenance.replacement() {
                    self.show(replacement, turn);
                }
                return Ok(Next::Open);
            }
        };
        self.maintenance.replaced(outcome, &mut self.work);
        self.unlink(turn);
        if self.maintenance.has_more() {
            turn.continue_later();
        }
        Ok(Next::Open)
    }

    /// Looks again whether readers have left the segments that are to go.
    fn timer(&mut self, turn: &mut Turn<'_, Self>) -> Result<Next, Fault> {
        self.unlink(turn);
        Ok(Next::Open)
    }

    fn refuse(message: Message, reason: &ExitReason) {
        let error = || StoreError::ended("roller", reason);
        match message {
            Message::Prepare { reply } => reply.answer(Err(error())),
            Message::Sync { reply, .. } => reply.answer(Err(error())),
            Message::Index { reply, .. } => reply.answer(Err(error())),
            Message::Snapshot { reply, .. } => reply.answer(Err(error())),
            Message::Compact { reply, .. } => reply.answer(Err(error())),
            Message::Close { reply, .. } => reply.answer(Err(error())),
            Message::Seal { .. } | Message::Panic => {}
        }
    }
}
