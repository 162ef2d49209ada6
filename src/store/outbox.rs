//! Staging events, to be appended together later.

use super::{
    AppendOptions, AppendReceipt, BatchAppendItem, BatchAppendTicket, CausationRef, Open, Store,
    StoreError, VisibilityFence,
};
use crate::coordinate::Coordinate;
use crate::event::EventKind;
use serde::Serialize;

/// Events that are to be appended as one batch.
///
/// 1. Events are staged: encoded, and nothing is written.
/// 2. [`flush`](Self::flush) appends them all or none, in order, and empties the outbox.
/// 3. A flush that fails keeps them, and the next one tries again: each staged event has an
///    idempotency key, its own or one that the outbox gave it, so that an event whose fate was
///    open is stored once, however often it is flushed.
///
/// What is left when the outbox is dropped is not appended.
///
/// The outbox of a [visibility fence](VisibilityFence::outbox) flushes into the fence.
pub struct Outbox<'a> {
    store: &'a Store<Open>,
    fence: Option<&'a VisibilityFence<'a>>,
    items: Vec<BatchAppendItem>,
    /// So many of the first items were flushed together, and it is not known to what end: they
    /// stay a batch of their own, or a repetition could be part old and part new.
    unsettled: usize,
    /// Receipts of items that a flush has settled before it failed over others.
    settled: Vec<AppendReceipt>,
}

impl<'a> Outbox<'a> {
    pub(super) fn new(store: &'a Store<Open>, fence: Option<&'a VisibilityFence<'a>>) -> Self {
        Self {
            store,
            fence,
            items: Vec::new(),
            unsettled: 0,
            settled: Vec::new(),
        }
    }

    /// Stages an event.
    ///
    /// # Errors
    /// `Serialization` when the payload cannot be encoded; nothing is staged.
    pub fn stage(
        &mut self,
        coord: Coordinate,
        kind: EventKind,
        payload: &impl Serialize,
    ) -> Result<&mut Self, StoreError> {
        self.stage_with_options(coord, kind, payload, AppendOptions::default())
    }

    /// Stages an event with options.
    ///
    /// # Errors
    /// As [`stage`](Self::stage).
    pub fn stage_with_options(
        &mut self,
        coord: Coordinate,
        kind: EventKind,
        payload: &impl Serialize,
        options: AppendOptions,
    ) -> Result<&mut Self, StoreError> {
        let item = BatchAppendItem::new(coord, kind, payload, options, CausationRef::None)?;
        Ok(self.push_item(item))
    }

    /// Stages an item. A [`CausationRef::PriorItem`] counts the items that are staged now, from 0.
    pub fn push_item(&mut self, mut item: BatchAppendItem) -> &mut Self {
        if let CausationRef::PriorItem(prior) = item.causation
            && let Some(cause) = self.items.get(prior)
            && let Some(event_id) = cause.options.idempotency_key
        {
            // By its id it is found also when it is flushed before.
            item.causation = CausationRef::Absolute(event_id);
        }
        let key = item.options.idempotency_key;
        item.options.idempotency_key = Some(key.unwrap_or_else(|| self.store.shared.make_id()));
        self.items.push(item);
        self
    }

    /// Appends what is staged, all or none, and waits; returns a receipt for each event, in order.
    /// Into a fence it waits until they are written, as
    /// [`wait_durable`](BatchAppendTicket::wait_durable) does, not for the fence's end.
    ///
    /// # Errors
    /// As [`Store::append_batch`]. The events stay staged. If their fate is open and more are
    /// staged before the next flush, that flush is two batches: first the ones whose fate is open,
    /// then the others.
    pub fn flush(&mut self) -> Result<Vec<AppendReceipt>, StoreError> {
        self.settle()?;
        if !self.items.is_empty() {
            self.append_first(self.items.len())?;
        }
        Ok(std::mem::take(&mut self.settled))
    }

    /// Hands what is staged to the writer without waiting for the outcome.
    ///
    /// From then on the ticket has the events: when it tells a failure, they are not staged any
    /// more. What an earlier flush has left open is settled first, which waits.
    ///
    /// # Errors
    /// As [`Store::submit_batch`], or [`Store::append_batch`] for what an earlier flush has left
    /// open. The events stay staged.
    pub fn submit_flush(&mut self) -> Result<BatchAppendTicket, StoreError> {
        self.settle()?;
        let items = self.items.clone();
        let ticket = match self.fence {
            Some(fence) => fence.submit_batch(items)?,
            None => self.store.submit_batch(items)?,
        };
        self.items.clear();
        Ok(ticket)
    }

    /// Returns how many events are staged.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Returns whether nothing is staged.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Repeats what an earlier flush has left open.
    fn settle(&mut self) -> Result<(), StoreError> {
        match self.unsettled {
            0 => Ok(()),
            unsettled => self.append_first(unsettled),
        }
    }

    fn append_first(&mut self, count: usize) -> Result<(), StoreError> {
        let batch = self.items.iter().take(count).cloned().collect();
        let appended = match self.fence {
            Some(fence) => fence
                .submit_batch(batch)
                .and_then(|ticket| ticket.wait_durable()),
            None => self.store.append_batch(batch),
        };
        match appended {
            Ok(receipts) => {
                self.items.drain(..count);
                self.unsettled = 0;
                self.settled.extend(receipts);
                Ok(())
            }
            Err(error) => {
                if !error.certainly_not_written() {
                    self.unsettled = count;
                }
                Err(error)
            }
        }
    }
}

impl std::fmt::Debug for Outbox<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outbox")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

impl Store<Open> {
    /// Returns an empty outbox.
    pub fn outbox(&self) -> Outbox<'_> {
        Outbox::new(self, None)
    }
}
