//! Hands batches to a store, several at a time, in order.

use crate::failure::Failure;
use batpak::store::{BatchAppendItem, BatchAppendTicket, Open, Replay, Store, StoreError};
use std::collections::{HashSet, VecDeque};

/// How many batches may be on their way: enough that the writer never waits for the reader of the
/// source, and few enough that their payloads fit in memory.
const WINDOW: usize = 128;

/// What became of the events that were handed over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Were stored now.
    pub(crate) new: u64,
    /// Had been stored before, equal.
    pub(crate) present: u64,
    /// Had been stored before under the same id, with another content, which was kept.
    pub(crate) differing: u64,
}

impl Tally {
    pub(crate) fn all(&self) -> u64 {
        self.new + self.present + self.differing
    }
}

struct OnItsWay {
    ticket: BatchAppendTicket,
    keys: Vec<u128>,
}

/// Records batches.
///
/// 1. [`record`](Self::record) submits a batch and returns at once, unless too many are on their
///    way.
/// 2. [`settle`](Self::settle) waits for all; the tally is then complete.
pub(crate) struct Recorder<'s> {
    store: &'s Store<Open>,
    window: VecDeque<OnItsWay>,
    keys_on_their_way: HashSet<u128>,
    tally: Tally,
}

impl<'s> Recorder<'s> {
    pub(crate) fn new(store: &'s Store<Open>) -> Self {
        Self {
            store,
            window: VecDeque::new(),
            keys_on_their_way: HashSet::new(),
            tally: Tally::default(),
        }
    }

    /// Returns what became of the batches that were answered.
    pub(crate) fn tally(&self) -> Tally {
        self.tally
    }

    /// Submits a batch.
    ///
    /// The store refuses a batch of which it has a part. That happens when the source has changed
    /// since it was last imported, so the batch is divided there: the stored part is then only
    /// compared, and the rest is added.
    pub(crate) fn record(&mut self, batch: Vec<BatchAppendItem>) -> Result<(), Failure> {
        let mut run: Vec<BatchAppendItem> = Vec::with_capacity(batch.len());
        let mut run_is_stored = false;
        for item in batch {
            let stored = match item.options.idempotency_key {
                None => false,
                Some(key) => {
                    if !self.keys_on_their_way.insert(key) {
                        // The key repeats one that is not answered yet: only after the answer can
                        // it be told whether it is stored.
                        self.submit(std::mem::take(&mut run))?;
                        self.settle()?;
                        self.keys_on_their_way.insert(key);
                    }
                    self.is_stored(key)?
                }
            };
            if stored != run_is_stored {
                self.submit(std::mem::take(&mut run))?;
                run_is_stored = stored;
            }
            run.push(item);
        }
        self.submit(run)
    }

    /// Waits until everything submitted is answered.
    pub(crate) fn settle(&mut self) -> Result<(), Failure> {
        while !self.window.is_empty() {
            self.answer_first()?;
        }
        Ok(())
    }

    fn is_stored(&self, key: u128) -> Result<bool, Failure> {
        match self.store.get_raw(key) {
            Ok(_) => Ok(true),
            Err(StoreError::NotFound(_)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn submit(&mut self, run: Vec<BatchAppendItem>) -> Result<(), Failure> {
        if run.is_empty() {
            return Ok(());
        }
        if self.window.len() >= WINDOW {
            self.answer_first()?;
        }
        let keys = run
            .iter()
            .filter_map(|item| item.options.idempotency_key)
            .collect();
        let ticket = self.store.submit_batch(run)?;
        self.window.push_back(OnItsWay { ticket, keys });
        Ok(())
    }

    fn answer_first(&mut self) -> Result<(), Failure> {
        let Some(first) = self.window.pop_front() else {
            return Ok(());
        };
        for receipt in first.ticket.wait()? {
            match receipt.replay {
                None => self.tally.new += 1,
                Some(Replay::SameEvent) => self.tally.present += 1,
                Some(Replay::OtherEvent) => self.tally.differing += 1,
            }
        }
        for key in first.keys {
            self.keys_on_their_way.remove(&key);
        }
        Ok(())
    }
}
