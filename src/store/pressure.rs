//! Writing without ever waiting: what a program does that has something better to do than to queue.

use super::{AppendOptions, AppendTicket, BatchAppendItem, BatchAppendTicket, Open};
use super::{Store, StoreError, WriterPressure};
use crate::coordinate::Coordinate;
use crate::event::EventKind;
use crate::outcome::Outcome;
use serde::Serialize;

/// How long a caller that is turned away is asked to wait, in milliseconds: by then the writer has
/// committed many groups.
const RETRY_AFTER_MS: u64 = 10;

impl Store<Open> {
    /// Returns how full the writer's mailbox is.
    pub fn writer_pressure(&self) -> WriterPressure {
        self.pressure()
    }

    /// Submits an event, unless that would mean to wait.
    ///
    /// `Retry` when at least
    /// [`writer.pressure_retry_threshold_pct`](super::WriterConfig::pressure_retry_threshold_pct)
    /// of the writer's mailbox is in use, or its byte budget is spent; `Cancelled` while a
    /// visibility fence is open. Then nothing was submitted. `Ok` with a ticket otherwise.
    ///
    /// # Errors
    /// As [`submit`](Self::submit).
    pub fn try_submit(
        &self,
        coord: &Coordinate,
        kind: EventKind,
        payload: &impl Serialize,
    ) -> Result<Outcome<AppendTicket>, StoreError> {
        self.try_submit_with_options(coord, kind, payload, AppendOptions::default())
    }

    /// As [`try_submit`](Self::try_submit), with options.
    ///
    /// # Errors
    /// As [`submit`](Self::submit).
    pub fn try_submit_with_options(
        &self,
        coord: &Coordinate,
        kind: EventKind,
        payload: &impl Serialize,
        options: AppendOptions,
    ) -> Result<Outcome<AppendTicket>, StoreError> {
        if let Some(turned_away) = self.turn_away() {
            return Ok(turned_away);
        }
        let append = self.prepare(coord, kind, payload, options)?;
        let limit = self.shared.config.writer.reply_timeout;
        self.told(self.shared.engine.try_append(append), |reply| {
            AppendTicket::new(reply, limit)
        })
    }

    /// As [`try_submit`](Self::try_submit), for an event that another one caused, in that one's
    /// correlation.
    ///
    /// # Errors
    /// As [`submit`](Self::submit).
    pub fn try_submit_reaction(
        &self,
        coord: &Coordinate,
        kind: EventKind,
        payload: &impl Serialize,
        correlation_id: u128,
        causation_id: u128,
    ) -> Result<Outcome<AppendTicket>, StoreError> {
        let options = AppendOptions::new()
            .with_correlation(correlation_id)
            .with_causation(causation_id);
        self.try_submit_with_options(coord, kind, payload, options)
    }

    /// As [`try_submit`](Self::try_submit), for a batch. An empty one is always `Ok`.
    ///
    /// # Errors
    /// As [`submit_batch`](Self::submit_batch).
    pub fn try_submit_batch(
        &self,
        items: Vec<BatchAppendItem>,
    ) -> Result<Outcome<BatchAppendTicket>, StoreError> {
        if items.is_empty() {
            return self.submit_batch(items).map(Outcome::ok);
        }
        if let Some(turned_away) = self.turn_away() {
            return Ok(turned_away);
        }
        let appends = self.prepare_batch(items)?;
        let limit = self.shared.config.writer.reply_timeout;
        self.told(self.shared.engine.try_append_batch(appends), |reply| {
            BatchAppendTicket::new(reply, limit)
        })
    }

    /// Says why nothing can be submitted now, if so.
    fn turn_away<T>(&self) -> Option<Outcome<T>> {
        if self.shared.fence_is_open() {
            return Some(fence_is_open());
        }
        let WriterPressure {
            queue_len,
            capacity,
        } = self.pressure();
        let threshold_pct = usize::from(self.shared.config.writer.pressure_retry_threshold_pct);
        let threshold = capacity.saturating_mul(threshold_pct).div_ceil(100).max(1);
        (queue_len >= threshold).then(|| self.retry())
    }

    /// Tells what handing over came to; a fence may have been opened since the look at it.
    fn told<R, T>(
        &self,
        handed_over: Result<Option<R>, StoreError>,
        ticket: impl FnOnce(R) -> T,
    ) -> Result<Outcome<T>, StoreError> {
        match handed_over {
            Ok(Some(reply)) => Ok(Outcome::ok(ticket(reply))),
            Ok(None) => Ok(self.retry()),
            Err(StoreError::VisibilityFenceActive) => Ok(fence_is_open()),
            Err(error) => Err(error),
        }
    }

    fn retry<T>(&self) -> Outcome<T> {
        let WriterPressure {
            queue_len,
            capacity,
        } = self.pressure();
        let reason = format!("{queue_len} of {capacity} commands wait for the writer");
        Outcome::retry(RETRY_AFTER_MS, 1, 1, reason)
    }
}

fn fence_is_open<T>() -> Outcome<T> {
    Outcome::cancelled("a visibility fence is open: write through it, or wait until it ends")
}
