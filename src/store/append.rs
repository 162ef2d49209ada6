//! Writing.

use super::payload::encode_into;
use super::{
    AppendOptions, AppendReceipt, AppendTicket, BatchAppendItem, BatchAppendTicket, BatchStage,
    CausationRef, Open, Shared, Store, StoreError,
};
use crate::coordinate::Coordinate;
use crate::event::EventKind;
use crate::event::hash::payload_hash;
use batpak_actors::protocol::{Append, SealedAppend};
use serde::Serialize;

impl Store<Open> {
    /// Appends an event and waits until it is committed, visible and announced.
    ///
    /// # Errors
    /// As [`append_with_options`](Self::append_with_options), without what options bring.
    pub fn append(
        &self,
        coord: &Coordinate,
        kind: EventKind,
        payload: &impl Serialize,
    ) -> Result<AppendReceipt, StoreError> {
        self.append_with_options(coord, kind, payload, AppendOptions::default())
    }

    /// Appends an event with options and waits.
    ///
    /// # Errors
    /// Certainly not written: `ReservedKind`, `Serialization`, `Configuration` (too large),
    /// `IdempotencyRequired`, `SequenceMismatch`, `EntityNotEmpty`, `IdempotencyConflict`,
    /// `ClockExhausted`, `StorageFull`, `Io`, `Poisoned`, `Closed`, `ActorEnded`. Fate unknown:
    /// `WriterCrashed`, `FateUnknown`, `TimedOut`; a retry with the same idempotency key settles
    /// it.
    pub fn append_with_options(
        &self,
        coord: &Coordinate,
        kind: EventKind,
        payload: &impl Serialize,
        options: AppendOptions,
    ) -> Result<AppendReceipt, StoreError> {
        let append = self.prepare(coord, kind, payload, options)?;
        let reply = self.shared.engine.append_here(append)?;
        super::ticket::wait(reply, self.shared.config.writer.reply_timeout)
    }

    /// Appends an event that another one caused, in that one's correlation, and waits.
    ///
    /// # Errors
    /// As [`append_with_options`](Self::append_with_options).
    pub fn append_reaction(
        &self,
        coord: &Coordinate,
        kind: EventKind,
        payload: &impl Serialize,
        correlation_id: u128,
        causation_id: u128,
    ) -> Result<AppendReceipt, StoreError> {
        let options = AppendOptions::new()
            .with_correlation(correlation_id)
            .with_causation(causation_id);
        self.append_with_options(coord, kind, payload, options)
    }

    /// Appends all items or none, in order, and waits. An empty batch is done at once.
    ///
    /// # Errors
    /// `BatchFailed`, whose source says why; it is certainly not written exactly when its source
    /// is. Also `PartialReplay` and `DuplicateKey` as sources.
    pub fn append_batch(
        &self,
        items: Vec<BatchAppendItem>,
    ) -> Result<Vec<AppendReceipt>, StoreError> {
        if items.is_empty() {
            return Ok(Vec::new());
        }
        self.shared.check_no_fence()?;
        let appends = self.prepare_batch(items)?;
        let reply = self.shared.engine.append_batch_here(appends)?;
        super::ticket::wait(reply, self.shared.config.writer.reply_timeout)
    }

    /// As [`append_batch`](Self::append_batch), for events that another one caused, in that one's
    /// correlation. An item that names a cause of its own keeps it.
    ///
    /// # Errors
    /// As [`append_batch`](Self::append_batch).
    pub fn append_reaction_batch(
        &self,
        correlation_id: u128,
        causation_id: u128,
        mut items: Vec<BatchAppendItem>,
    ) -> Result<Vec<AppendReceipt>, StoreError> {
        for item in &mut items {
            item.options.correlation_id = Some(correlation_id);
            item.options.causation_id.get_or_insert(causation_id);
        }
        self.append_batch(items)
    }

    /// Hands an event to the writer without waiting for the outcome; waits only while the
    /// writer's mailbox is full. Appends of one thread commit in the order submitted.
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
        let append = self.prepare(coord, kind, payload, options)?;
        let reply = self.shared.engine.append(append)?;
        Ok(AppendTicket::new(
            reply,
            self.shared.config.writer.reply_timeout,
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

    /// Encodes and checks an event.
    pub(super) fn prepare(
        &self,
        coord: &Coordinate,
        kind: EventKind,
        payload: &impl Serialize,
        options: AppendOptions,
    ) -> Result<SealedAppend, StoreError> {
        self.shared.check_no_fence()?;
        let mut envelope = self.shared.engine.envelope();
        let payload = encode_into(envelope.take_room(), payload)?;
        let append = self.prepare_encoded(coord, kind, payload, options)?;
        Ok(envelope.seal(append))
    }

    /// Checks an event.
    pub(super) fn prepare_encoded(
        &self,
        coord: &Coordinate,
        kind: EventKind,
        payload: Vec<u8>,
        options: AppendOptions,
    ) -> Result<Append, StoreError> {
        let config = &self.shared.config;
        if config.batch.group_commit_max_batch > 1 && options.idempotency_key.is_none() {
            return Err(StoreError::IdempotencyRequired);
        }
        let max = config.single_append_max_bytes as usize;
        if payload.len() > max {
            let len = payload.len();
            let text = format!("the payload has {len} bytes, single_append_max_bytes is {max}");
            return Err(StoreError::Configuration(text));
        }
        self.shared.append(coord, kind, payload, options)
    }

    /// Hands an encoded event to the writer, by itself; its cause stands in its options.
    pub(super) fn submit_item(&self, item: BatchAppendItem) -> Result<AppendTicket, StoreError> {
        self.shared.check_no_fence()?;
        let (payload, options) = (item.payload_bytes, item.options);
        let append = self.prepare_encoded(&item.coord, item.kind, payload, options)?;
        let reply = self.shared.engine.append(append)?;
        let limit = self.shared.config.writer.reply_timeout;
        Ok(AppendTicket::new(reply, limit))
    }

    /// Hands a batch to the writer without waiting for the outcome.
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
        self.shared.check_no_fence()?;
        let appends = self.prepare_batch(items)?;
        let reply = self.shared.engine.append_batch(appends)?;
        Ok(BatchAppendTicket::new(
            reply,
            self.shared.config.writer.reply_timeout,
        ))
    }

    /// Checks a batch and makes the writer's command of it.
    pub(super) fn prepare_batch(
        &self,
        items: Vec<BatchAppendItem>,
    ) -> Result<Vec<Append>, StoreError> {
        self.check_batch_size(&items)?;
        let mut appends: Vec<Append> = Vec::with_capacity(items.len());
        for (item_index, item) in items.into_iter().enumerate() {
            let failed = |source: StoreError| StoreError::BatchFailed {
                item_index,
                stage: BatchStage::Validation,
                source: Box::new(source),
            };
            let mut options = item.options;
            match item.causation {
                CausationRef::None => {}
                CausationRef::Absolute(id) => options.causation_id = Some(id),
                CausationRef::PriorItem(prior) => {
                    let cause = appends.get(prior).ok_or_else(|| {
                        let text = format!("item {prior} does not stand before item {item_index}");
                        failed(StoreError::Configuration(text))
                    })?;
                    options.causation_id = Some(cause.event_id);
                }
            }
            let append = self
                .shared
                .append(&item.coord, item.kind, item.payload_bytes, options);
            appends.push(append.map_err(failed)?);
        }
        Ok(appends)
    }

    fn check_batch_size(&self, items: &[BatchAppendItem]) -> Result<(), StoreError> {
        let limits = &self.shared.config.batch;
        let failed = |item_index, text| StoreError::BatchFailed {
            item_index,
            stage: BatchStage::Validation,
            source: Box::new(StoreError::Configuration(text)),
        };
        let max_size = limits.max_size as usize;
        if items.len() > max_size {
            let text = format!(
                "the batch has {} items, batch.max_size is {max_size}",
                items.len()
            );
            return Err(failed(max_size, text));
        }
        let max_bytes = limits.max_bytes as usize;
        let mut bytes = 0;
        for (item_index, item) in items.iter().enumerate() {
            bytes += item.payload_bytes.len();
            if bytes > max_bytes {
                let text = format!("the batch has over {max_bytes} bytes, batch.max_bytes");
                return Err(failed(item_index, text));
            }
        }
        Ok(())
    }

    /// Makes everything acknowledged durable.
    ///
    /// # Errors
    /// `FateUnknown` when the disk would not confirm it: the writer is then poisoned.
    pub fn sync(&self) -> Result<(), StoreError> {
        let reply = self.shared.engine.sync()?;
        super::ticket::wait(reply, self.shared.config.writer.reply_timeout)
    }
}

impl Shared {
    /// Makes an id for an event that is made now.
    pub(super) fn make_id(&self) -> u128 {
        self.ids.make(self.clock.wall_us())
    }

    /// Makes the writer's command: everything that depends on clock, chance or the payload is
    /// settled here, on the caller's thread.
    fn append(
        &self,
        coord: &Coordinate,
        kind: EventKind,
        payload: Vec<u8>,
        options: AppendOptions,
    ) -> Result<Append, StoreError> {
        if kind.is_reserved() {
            return Err(StoreError::ReservedKind(kind));
        }
        let proposed_wall_us = self.clock.wall_us();
        let key = options.idempotency_key;
        let event_id = key.unwrap_or_else(|| self.ids.make(proposed_wall_us));
        Ok(Append {
            event_id,
            keyed: key.is_some(),
            strict: options.strict_idempotency,
            coordinate: coord.clone(),
            kind,
            flags: options.flags,
            correlation_id: options.correlation_id.unwrap_or(event_id),
            causation_id: options.causation_id,
            expectation: options.expectation(),
            durability: options.durability,
            proposed_wall_us,
            payload_hash: payload_hash(&payload),
            payload,
        })
    }
}
