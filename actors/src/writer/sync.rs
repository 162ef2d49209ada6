//! When the writer acknowledges: at once, after a sync, or after one that is under way.

use super::Writer;
use super::contents::Contents;
use crate::error::{BatchStage, StoreError};
use crate::protocol::writer::Answer;
use crate::protocol::{Acknowledgement, roller};
use crate::recovery::rewrite;
use crate::roller::sync_file;
use crate::runtime::{Closed, Fault, Next, ReplyTo, Turn};
use batpak_log::fs::{File, write_all_at};
use batpak_log::log_position::LogPosition;
use batpak_log::planted::{Bug, planted};
use batpak_log::segment::encode_footer;
use std::io;
use std::sync::Arc;

impl Writer {
    /// Publishes a written group as soon as its durability is what was promised.
    pub(super) fn settle(
        &mut self,
        contents: Contents,
        turn: &mut Turn<'_, Self>,
    ) -> Result<Next, Fault> {
        let must_be_durable = (contents.durable || self.durable.always() || self.durable.cut_back)
            && !planted(Bug::AcknowledgeBeforeSync)
            && !(planted(Bug::ReplayBeforeSync) && contents.entries.is_empty());
        let sync = must_be_durable && self.durable.any_unproven(&self.position)
            || self.durable.over_bound(&self.position);
        if sync && self.durable.under_way.is_some() {
            // A file's failed sync is reported once: whoever syncs beside the roller might be told
            // that all is well while the roller is told that it is not.
            self.unacknowledged = Some(contents);
            return Ok(Next::AwaitAnswer);
        }
        if let Some((begin, fault)) = self.points.at_sync(&contents.passed) {
            return Err(self.lose(contents, begin, &fault));
        }
        if let (true, Some(segment)) = (sync, &mut self.segment) {
            segment.fill_ahead(self.position.offset);
        }
        if sync && let Err(error) = self.sync_now() {
            contents.left_open(BatchStage::Syncing, &error.to_string());
            return Err(self.poison(error));
        }
        if !contents.fenced
            && let Some(fault) = self.points.before_publication(&contents.passed)
        {
            contents.left_open(BatchStage::Indexing, &fault.to_string());
            return Err(Fault::Poison(fault.to_string()));
        }
        let answered = contents.waiting.len();
        self.publish(contents, turn);
        self.plan_index(turn);
        if sync {
            // Who was just answered may come back at once, and then belongs into the next sync.
            turn.expect_again(answered);
        }
        if self.durable.half_way(&self.position) {
            self.sync_in_background(turn);
        }
        self.set_timer(turn);
        Ok(Next::Open)
    }

    /// Fails a sync because a test asked for it, and loses what a power cut behind it could take:
    /// the group that begins at `begin`.
    fn lose(&mut self, contents: Contents, begin: u64, fault: &StoreError) -> Fault {
        if let Some(segment) = &mut self.segment
            && let Err(error) = segment.cut_to(begin, segment.name_count())
        {
            tracing::warn!(%error, "a group that was to be lost is still there");
        }
        contents.left_open(BatchStage::Syncing, &fault.to_string());
        self.poison(fault)
    }

    /// Proves everything written so far durable, on this thread.
    pub(super) fn sync_now(&mut self) -> io::Result<()> {
        if let (true, Some(segment)) = (self.durable.any_unproven(&self.position), &self.segment) {
            let sync = || sync_file(&**segment.file(), self.durable.policy().sync_all);
            match sync() {
                Err(_) if planted(Bug::IgnoreFailedSync) => {}
                Err(_) if planted(Bug::RetryFailedSync) => sync()?,
                synced => synced?,
            }
        }
        self.durable.proven = self.position;
        self.durable.cut_back = false;
        Ok(())
    }

    /// As [`sync_now`](Self::sync_now), after a sync of which nobody knows whether it failed: the
    /// operating system tells a failure once, and then takes the lost bytes for written.
    fn rewrite_and_sync(&mut self) -> io::Result<()> {
        if let Some(segment) = &self.segment {
            let from = self
                .durable
                .proven
                .offset
                .max(segment.header().encoded_len());
            rewrite(&**segment.file(), from, self.position.offset)?;
        }
        self.sync_now()
    }

    pub(super) fn sync_in_background(&mut self, turn: &mut Turn<'_, Self>) {
        let Some(segment) = &self.segment else { return };
        if self.durable.under_way.is_some() || !self.durable.any_unproven(&self.position) {
            return;
        }
        let file = Arc::clone(segment.file());
        let message = |reply| roller::Message::Sync { file, reply };
        turn.ask(&self.roller, message, Answer::Synced);
        self.durable.under_way = Some(self.position);
    }

    /// Takes the outcome of the sync that was under way.
    pub(super) fn synced(
        &mut self,
        outcome: Result<Result<(), StoreError>, Closed>,
        turn: &mut Turn<'_, Self>,
    ) -> Result<Next, Fault> {
        let covered = self.durable.under_way.take();
        match (outcome, covered) {
            (Ok(Ok(())), Some(covered)) => self.durable.proven = covered,
            (Ok(Ok(())), None) => {}
            // The roller did not get to it, or it failed with the roller: this thread syncs now.
            (Err(Closed) | Ok(Err(StoreError::ActorEnded { .. })), _) => {
                if let Err(error) = self.rewrite_and_sync() {
                    return Err(self.fail_unacknowledged(error));
                }
            }
            (Ok(Err(error)), _) => return Err(self.fail_unacknowledged(error)),
        }
        if std::mem::take(&mut self.sync_is_overdue) {
            // What came in the meantime has waited as long already.
            self.sync_in_background(turn);
        }
        match self.unacknowledged.take() {
            Some(contents) => self.settle(contents, turn),
            None => {
                self.set_timer(turn);
                Ok(Next::Open)
            }
        }
    }

    fn fail_unacknowledged(&mut self, error: impl std::fmt::Display) -> Fault {
        if let Some(contents) = self.unacknowledged.take() {
            contents.left_open(BatchStage::Syncing, &error.to_string());
        }
        self.poison(error)
    }

    /// Arms the timer while something is unproven, with time left for the sync itself.
    pub(super) fn set_timer(&mut self, turn: &mut Turn<'_, Self>) {
        if planted(Bug::IgnoreDelayBound) {
            return;
        }
        if !self.durable.any_unproven(&self.position) {
            self.timer_is_set = false;
            turn.clear_timer();
        } else if !self.timer_is_set {
            self.timer_is_set = true;
            let delay = self.durable.policy().max_delay_us / 2;
            turn.set_timer(turn.clock().monotonic_us().saturating_add(delay));
        }
    }

    /// Is called half the promised delay after the first unproven group.
    pub(super) fn sync_is_due(&mut self, turn: &mut Turn<'_, Self>) -> Result<Next, Fault> {
        self.timer_is_set = false;
        match self.durable.under_way {
            // The sync that is under way takes longer than half the delay: nothing more is
            // acknowledged until it is through.
            Some(_) => {
                self.sync_is_overdue = true;
                Ok(Next::AwaitAnswer)
            }
            None => {
                self.sync_in_background(turn);
                self.set_timer(turn);
                Ok(Next::Open)
            }
        }
    }

    /// Makes everything durable; the answer travels behind everything before it.
    pub(super) fn sync_command(
        &mut self,
        reply: ReplyTo<Result<(), StoreError>>,
        turn: &mut Turn<'_, Self>,
    ) -> Result<Next, Fault> {
        let synced = match planted(Bug::AnswerSyncEarly) {
            true => Ok(()),
            false => self.sync_now(),
        };
        if let Err(error) = synced {
            reply.answer(Err(StoreError::FateUnknown {
                detail: error.to_string(),
            }));
            return Err(self.poison(error));
        }
        self.set_timer(turn);
        self.tell_indexer(Vec::new(), vec![Acknowledgement::Done(reply, Ok(()))], turn);
        Ok(Next::Open)
    }

    /// Trims the open segment and leaves the clean mark.
    pub(super) fn close(
        &mut self,
        reply: ReplyTo<Result<Option<LogPosition>, StoreError>>,
    ) -> Result<Next, Fault> {
        let Some(segment) = &self.segment else {
            reply.answer(Ok(None));
            return Ok(Next::Stop);
        };
        let position = self.position;
        let file = &**segment.file();
        let synced = file
            .truncate(position.offset)
            .and_then(|()| sync_at_close(file));
        if let Err(error) = synced {
            reply.answer(Err(StoreError::FateUnknown {
                detail: error.to_string(),
            }));
            return Err(self.poison(error));
        }
        let footer = encode_footer(segment.binding(), &position.as_trailer(true));
        let marked =
            write_all_at(file, &footer, position.offset).and_then(|()| sync_at_close(file));
        if let Err(error) = marked {
            // Every event is durable; the next opening reads the log as after a crash.
            tracing::warn!(%error, "a store was closed without its clean mark");
            reply.answer(Ok(None));
            return Ok(Next::Stop);
        }
        reply.answer(Ok(Some(position)));
        Ok(Next::Stop)
    }
}

fn sync_at_close(file: &dyn File) -> io::Result<()> {
    if planted(Bug::CloseWithoutSync) {
        return Ok(());
    }
    file.sync_all()
}
