//! Visibility fences: writes that readers see all at once, or never.

use super::payload::encode;
use super::{
    AppendOptions, AppendTicket, BatchAppendItem, BatchAppendTicket, Open, Outbox, Shared, Store,
    StoreError,
};
use crate::coordinate::Coordinate;
use crate::event::EventKind;
use batpak_actors::protocol::writer::FenceCommand;
use serde::Serialize;

impl Store<Open> {
    /// Opens a visibility fence: until it ends, only writes through it are accepted, and nobody
    /// sees them. [`commit`](VisibilityFence::commit) shows all of them at once;
    /// [`cancel`](VisibilityFence::cancel), or dropping the fence, takes them back for ever, and so
    /// does a crash before the commit.
    ///
    /// A fence takes up to 65,535 events, and none behind 64 MiB.
    ///
    /// # Errors
    /// `VisibilityFenceActive` while another fence is open; what says that the store has ended.
    pub fn begin_visibility_fence(&self) -> Result<VisibilityFence<'_>, StoreError> {
        let token = self.shared.ids.make(self.shared.clock.wall_us());
        if let Err(error) = self.shared.fence_command(token, FenceCommand::Begin) {
            // Where only the answer was lost, nobody else could end it.
            let _ = self.shared.engine.fence(token, FenceCommand::Cancel);
            return Err(error);
        }
        let fences = self.shared.fences.get();
        let number = fences + 1 + fences % 2;
        self.shared.fences.raise(number);
        Ok(VisibilityFence {
            store: self,
            token,
            number,
        })
    }
}

impl Shared {
    /// Refuses what would be refused by the writer, before anything is encoded.
    pub(super) fn check_no_fence(&self) -> Result<(), StoreError> {
        match self.fence_is_open() {
            true => Err(StoreError::VisibilityFenceActive),
            false => Ok(()),
        }
    }

    /// Returns whether a fence of this handle is open.
    pub(super) fn fence_is_open(&self) -> bool {
        !self.fences.get().is_multiple_of(2)
    }

    pub(super) fn fence_command(
        &self,
        token: u128,
        command: FenceCommand,
    ) -> Result<(), StoreError> {
        let reply = self.engine.fence(token, command)?;
        super::ticket::wait(reply, self.config.writer.reply_timeout)
    }
}

/// An open visibility fence. Dropping it cancels it.
///
/// Clocks, keys and hash chains go on inside of a fence; a cancel leaves every entity and key as it
/// was before. The sequences that a cancelled fence has used are not given out again.
#[derive(Debug)]
#[must_use = "a fence that is dropped is cancelled"]
pub struct VisibilityFence<'a> {
    store: &'a Store<Open>,
    /// How the writer knows it.
    token: u128,
    /// Odd; the handle counts openings and ends of fences.
    number: u64,
}

impl VisibilityFence<'_> {
    /// Hands an event to the writer. The ticket's `wait` answers when the fence ends, its
    /// `wait_durable` once the event is written.
    ///
    /// # Errors
    /// What is known before the writer has seen it; the ticket tells the rest.
    pub fn submit(
        &self,
        coord: &Coordinate,
        kind: EventKind,
        payload: &impl Serialize,
    ) -> Result<AppendTicket, StoreError> {
        self.submit_with_options(coord, kind, payload, AppendOptions::default())
    }

    /// As [`submit`](Self::submit), with options.
    ///
    /// # Errors
    /// As [`submit`](Self::submit).
    pub fn submit_with_options(
        &self,
        coord: &Coordinate,
        kind: EventKind,
        payload: &impl Serialize,
        options: AppendOptions,
    ) -> Result<AppendTicket, StoreError> {
        let append = self
            .store
            .prepare_encoded(coord, kind, encode(payload)?, options)?;
        let shared = &self.store.shared;
        let replies = shared.engine.append_fenced(self.token, append)?;
        Ok(AppendTicket::fenced(
            replies,
            shared.config.writer.reply_timeout,
        ))
    }

    /// As [`submit`](Self::submit), for an event that another one caused, in that one's
    /// correlation.
    ///
    /// # Errors
    /// As [`submit`](Self::submit).
    pub fn submit_reaction(
        &self,
        coord: &Coordinate,
        kind: EventKind,
        payload: &impl Serialize,
        correlation_id: u128,
        causation_id: u128,
    ) -> Result<AppendTicket, StoreError> {
        let options = AppendOptions::new()
            .with_correlation(correlation_id)
            .with_causation(causation_id);
        self.submit_with_options(coord, kind, payload, options)
    }

    /// Hands a batch to the writer, which takes all of it into the fence or nothing.
    ///
    /// # Errors
    /// `BatchFailed` for what is known before the writer has seen it.
    pub fn submit_batch(
        &self,
        items: Vec<BatchAppendItem>,
    ) -> Result<BatchAppendTicket, StoreError> {
        if items.is_empty() {
            return Ok(BatchAppendTicket::empty());
        }
        let shared = &self.store.shared;
        let appends = self.store.prepare_batch(items)?;
        let replies = shared.engine.append_batch_fenced(self.token, appends)?;
        Ok(BatchAppendTicket::fenced(
            replies,
            shared.config.writer.reply_timeout,
        ))
    }

    /// Returns an empty outbox, which flushes into the fence.
    pub fn outbox(&self) -> Outbox<'_> {
        Outbox::new(self.store, Some(self))
    }

    /// Makes everything in the fence visible, all at once, and waits for it.
    ///
    /// # Errors
    /// Where the error says that nothing was written, the fence is cancelled. `FateUnknown`,
    /// `WriterCrashed` and `TimedOut` leave open whether it was committed: look for one of its
    /// events. `VisibilityFenceNotActive` when a crash of the writer has cancelled it.
    pub fn commit(self) -> Result<(), StoreError> {
        self.end(FenceCommand::Commit)
    }

    /// Takes everything in the fence back, for ever, and waits for it.
    ///
    /// # Errors
    /// `VisibilityFenceNotActive` when a crash of the writer has cancelled it before; what says
    /// that the store has ended, and with it the fence.
    pub fn cancel(self) -> Result<(), StoreError> {
        self.end(FenceCommand::Cancel)
    }

    fn end(self, command: FenceCommand) -> Result<(), StoreError> {
        let ended = self.store.shared.fence_command(self.token, command);
        self.has_ended();
        ended
    }

    /// Lets others write again, and wakes those who waited for it.
    fn has_ended(&self) {
        let shared = &self.store.shared;
        shared.fences.raise(self.number + 1);
        shared.engine.wake_all();
    }
}

/// Ending a fence twice is refused and changes nothing.
impl Drop for VisibilityFence<'_> {
    fn drop(&mut self) {
        let shared = &self.store.shared;
        if shared.fences.get() == self.number {
            // A writer that has ended has no fence.
            let _ = shared.fence_command(self.token, FenceCommand::Cancel);
            self.has_ended();
        }
    }
}
