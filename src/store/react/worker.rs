//! The loop: takes one event after the other, asks the reactor, appends what it says.

use super::chain::Chain;
use super::{Progress, ReactionConfig};
use crate::coordinate::{Coordinate, Region};
use crate::event::hash::compute_hash;
use crate::event::header::FLAG_REACTION;
use crate::event::{Event, EventHeader, EventKind, Reactive};
use crate::store::{
    AppendOptions, BatchAppendItem, CausationRef, IndexEntry, Open, Store, StoreError,
};
use batpak_actors::reader::Events;
use batpak_actors::runtime::{RestartBudget, TaskNext, panic_message};
use batpak_log::planted::{Bug, planted};
use serde::Serialize;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// What a loop is made of.
pub(super) struct Given<P, R> {
    pub(super) store: Store<Open>,
    pub(super) region: Region,
    pub(super) config: ReactionConfig,
    pub(super) reactor: R,
    pub(super) decode: fn(&[u8]) -> Result<P, StoreError>,
    /// Who wakes it.
    pub(super) subscriber: u64,
    pub(super) progress: Arc<Progress>,
}

/// The reactions to one event, made once and appended until they are stored.
struct InHand {
    /// The event's place in the log.
    sequence: u64,
    items: Vec<BatchAppendItem>,
}

/// The loop.
pub(super) struct Worker<P, R> {
    given: Given<P, R>,
    next_sequence: u64,
    walk: Option<Events>,
    in_hand: Option<InHand>,
    chain: Chain,
    budget: RestartBudget,
    /// Whether it sleeps until it is woken.
    waits: bool,
}

impl<P, R> Worker<P, R>
where
    P: Serialize,
    R: Reactive<P>,
{
    pub(super) fn new(given: Given<P, R>) -> Self {
        Self {
            next_sequence: given.progress.position.get(),
            budget: RestartBudget::new(given.config.restart.clone()),
            given,
            walk: None,
            in_hand: None,
            chain: Chain::default(),
            waits: false,
        }
    }

    /// Reacts to one event.
    pub(super) fn step(&mut self) -> TaskNext {
        self.waits = false;
        if self.given.progress.stopped.get() > 0 {
            return TaskNext::Done;
        }
        match self.react_to_next() {
            Ok(next) => next,
            Err(error) => self.failed(error),
        }
    }

    fn react_to_next(&mut self) -> Result<TaskNext, StoreError> {
        if self.in_hand.is_none() {
            let Some(entry) = self.next_entry()? else {
                self.waits = true;
                return Ok(TaskNext::WaitForWake);
            };
            let items = self.reactions_to(&entry)?;
            self.in_hand = Some(InHand {
                sequence: entry.global_sequence,
                items,
            });
        }
        if let Some(in_hand) = &self.in_hand {
            append(&self.given.store, &in_hand.items)?;
            let done = in_hand.sequence + 1;
            self.in_hand = None;
            self.advance(done);
        }
        Ok(TaskNext::Again)
    }

    /// Returns the next event of the region, if it is visible yet.
    fn next_entry(&mut self) -> Result<Option<IndexEntry>, StoreError> {
        let reader = Arc::clone(self.given.store.shared.engine.reader());
        loop {
            if let Some(walk) = &mut self.walk {
                if let Some(entry) = walk.next_entry() {
                    return entry.map(Some);
                }
                // Everything visible was looked at, also what the region leaves out.
                let bound = walk.bound();
                self.walk = None;
                self.advance(bound);
            }
            if self.next_sequence >= reader.view().visible() {
                return Ok(None);
            }
            self.walk = Some(reader.events(&self.given.region, self.next_sequence));
        }
    }

    fn advance(&mut self, next_sequence: u64) {
        self.next_sequence = self.next_sequence.max(next_sequence);
        self.given.progress.position.raise(self.next_sequence);
    }

    /// Asks the reactor.
    fn reactions_to(&mut self, entry: &IndexEntry) -> Result<Vec<BatchAppendItem>, StoreError> {
        let reader = self.given.store.shared.engine.reader();
        let stored = match reader.read(entry) {
            // It stands elsewhere by now.
            Err(StoreError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
                reader.get(entry.event_id)?
            }
            read => read?,
        };
        let payload = (self.given.decode)(&stored.event.payload)?;
        let event = stored.event.map_payload(|_| payload);
        let reactor = &self.given.reactor;
        let reactions = catch_unwind(AssertUnwindSafe(|| reactor.react(&event)));
        let reactions = reactions.map_err(|panic| StoreError::ReactorPanicked {
            event_id: entry.event_id,
            detail: panic_message(&*panic),
        })?;
        if !reactions.is_empty() {
            self.check_depth(&event.header)?;
        }
        let item = |(index, reaction)| self.item(&event, index, reaction);
        (0u32..).zip(reactions).map(item).collect()
    }

    fn check_depth(&mut self, header: &EventHeader) -> Result<(), StoreError> {
        let (shared, depth_max) = (&self.given.store.shared, self.given.config.depth_max);
        if self.chain.depth(shared, header, depth_max)? < depth_max {
            return Ok(());
        }
        Err(StoreError::ReactionTooDeep {
            event_id: header.event_id,
            depth_max,
        })
    }

    fn item(
        &self,
        event: &Event<P>,
        index: u32,
        (coord, kind, payload): (Coordinate, EventKind, P),
    ) -> Result<BatchAppendItem, StoreError> {
        let key = match &self.given.config.name {
            Some(name) if !planted(Bug::ForgetReactorName) => {
                reaction_key(name, event.event_id(), index)
            }
            _ => self.given.store.shared.make_id(),
        };
        let options = AppendOptions::new()
            .with_idempotency(key)
            .with_correlation(event.header.correlation_id)
            .with_causation(event.event_id())
            .with_flags(FLAG_REACTION);
        BatchAppendItem::new(coord, kind, &payload, options, CausationRef::None)
    }

    /// Tries again, waits, or ends.
    fn failed(&mut self, error: StoreError) -> TaskNext {
        // What was read ahead may not be read again at the same place.
        self.walk = None;
        if matches!(cause(&error), StoreError::Closed) {
            return TaskNext::Done;
        }
        if matches!(cause(&error), StoreError::VisibilityFenceActive) {
            // The end of the fence wakes everybody.
            self.waits = true;
            return TaskNext::WaitForWake;
        }
        let may_succeed = error.is_retryable()
            || !error.certainly_not_written()
            || matches!(error, StoreError::ReactorPanicked { .. });
        let now_us = self.given.store.shared.clock.monotonic_us();
        if may_succeed && self.budget.grant(now_us) {
            tracing::warn!(%error, "a reaction failed and is tried again");
            return TaskNext::Again;
        }
        self.end_by(error);
        TaskNext::Done
    }
}

impl<P, R> Worker<P, R> {
    fn end_by(&self, error: StoreError) {
        tracing::error!(%error, "a reaction loop ends");
        let fault = &self.given.store.shared.reaction_fault;
        if fault.load().is_none() {
            fault.publish(Some(error.to_string()));
        }
        // It ends by one error only.
        let _ = self.given.progress.error.set(error);
    }
}

/// A loop that has ended is not woken any more. One that ends in its sleep, and was not stopped,
/// has lost the broker: with the store, or before it.
impl<P, R> Drop for Worker<P, R> {
    fn drop(&mut self) {
        let engine = &self.given.store.shared.engine;
        if self.waits
            && self.given.progress.stopped.get() == 0
            && let Some(error @ StoreError::ActorEnded { .. }) = engine.broker_end()
        {
            self.end_by(error);
        }
        engine.unsubscribe(self.given.subscriber);
    }
}

/// Appends all items: as one batch where they fit into one.
fn append(store: &Store<Open>, items: &[BatchAppendItem]) -> Result<(), StoreError> {
    let limits = &store.shared.config.batch;
    let bytes: usize = items.iter().map(|item| item.payload_bytes.len()).sum();
    let fits = items.len() <= limits.max_size as usize && bytes <= limits.max_bytes as usize;
    if items.len() > 1 && fits {
        match store.append_batch(items.to_vec()) {
            Ok(_) => return Ok(()),
            // An earlier loop of this name stored some of them.
            Err(error) if matches!(cause(&error), StoreError::PartialReplay { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    let submit = |item: &BatchAppendItem| store.submit_item(item.clone());
    let mut tickets = Vec::with_capacity(items.len());
    let submitted = items.iter().try_for_each(|item| {
        tickets.push(submit(item)?);
        Ok(())
    });
    // Also where a later one could not be submitted, the earlier ones are waited for.
    let answers: Vec<_> = tickets.into_iter().map(|ticket| ticket.wait()).collect();
    answers
        .into_iter()
        .try_for_each(|answer| answer.map(drop))?;
    submitted
}

/// Returns why a batch failed, or the error itself.
fn cause(error: &StoreError) -> &StoreError {
    if let StoreError::BatchFailed { source, .. } = error {
        return source;
    }
    error
}

/// Returns the id of a named reactor's reaction: the first 16 bytes of a hash over a tag, the
/// event's id, the index and the name.
fn reaction_key(name: &str, event_id: u128, index: u32) -> u128 {
    const TAG: &[u8] = b"batpak reaction v1";
    let mut named = Vec::with_capacity(TAG.len() + 16 + 4 + name.len());
    named.extend_from_slice(TAG);
    named.extend_from_slice(&event_id.to_be_bytes());
    named.extend_from_slice(&index.to_be_bytes());
    named.extend_from_slice(name.as_bytes());
    let hash = compute_hash(&named);
    let first = hash.first_chunk::<16>().copied().unwrap_or_default();
    u128::from_be_bytes(first)
}
