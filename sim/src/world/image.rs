//! Opens what a crash has left, checks it against the model, and goes on with it.

use super::copying::Copy;
use super::following::{Kept, check_projection};
use super::inner::died;
use super::is_refusal;
use crate::model::{Died, Digest, Model, Recovered, State, cause};
use crate::plan::ENTITIES_MAX;
use batpak::prelude::{AppendOptions, Coordinate};
use batpak::store::{IndexEntry, Open, Replay, Store, StoreConfig, StoreError};
use batpak::testkit::{Clock, Keep, Loss, Machine, SimFs};
use fastrand::Rng;
use std::sync::{Arc, Mutex, PoisonError};

/// What a check of images has done.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ImageTally {
    pub(crate) images: u64,
    /// Crashes during the recovery from another crash.
    pub(crate) nested: u64,
    /// Crashes while somebody compacts or copies.
    pub(crate) maintaining: u64,
    /// Snapshots that were asked for, and states of one that were looked at.
    pub(crate) snapshots: u64,
    pub(crate) copies: u64,
    /// Identical retries after a crash.
    pub(crate) retries: u64,
}

/// Checks crash images against one model.
pub(crate) struct Images<'m> {
    pub(crate) config: &'m StoreConfig,
    pub(crate) model: &'m Model,
    /// The copy that is being made on the disk.
    pub(super) copy: Option<&'m Copy>,
    /// What was folded until the crash.
    pub(super) kept: &'m Kept,
    pub(crate) random: &'m mut Rng,
    pub(crate) tally: ImageTally,
}

impl Images<'_> {
    /// Checks one image: it opens, it holds what it must and nothing else, it takes more, and all
    /// that is there when it is opened again. So does an image of a crash in its recovery, to this
    /// depth.
    pub(crate) fn check(
        &mut self,
        machine: &Machine,
        died: Died,
        depth: u32,
    ) -> Result<(), String> {
        self.tally.images += 1;
        // There is room and the disk is good again.
        machine.disk().set_quota(None);
        let nested = match depth {
            0 => None,
            _ => self.crash_in_recovery(machine, depth),
        };
        let (store, log) = match self.open(machine, died)? {
            Some(opened) => opened,
            None => return Ok(()),
        };
        let due = log.digest();
        if let Some((nested, worst)) = nested {
            self.check_nested(&nested, died, worst, &due)?;
        }
        let verified = store.verify().map_err(|error| format!("verify: {error}"))?;
        if let Some(bad) = verified
            .first_bad
            .filter(|_| !self.model.strictness.disk_lies)
        {
            return Err(format!("verify: {bad:?}"));
        }
        let new = self.go_on(&store, &log)?;
        // What was asked again may stand behind what a kept state was folded from.
        if !self.kept.is_empty() {
            for entity in 0..ENTITIES_MAX {
                let checked = check_projection(&store, entity);
                checked.map_err(|error| format!("folding: {error}"))??;
            }
        }
        let held = ids(&store);
        if !held.contains(&new) {
            return Err("an event that was appended after recovery is not there".into());
        }
        let closed = store.close();
        closed.map_err(|error| format!("closing what was recovered: {error}"))?;
        let reopened = machine.open(self.config.clone());
        let store = reopened.map_err(|error| format!("opening again: {error}"))?;
        if ids(&store) != held {
            return Err("what was opened again is not what was closed".into());
        }
        let closed = store.close();
        closed
            .map(drop)
            .map_err(|error| format!("closing again: {error}"))
    }

    /// Opens and checks; none when a disk that lied has left what is rightly refused.
    fn open(
        &self,
        machine: &Machine,
        died: Died,
    ) -> Result<Option<(Store<Open>, Recovered)>, String> {
        let kept = Box::new(self.kept.copied());
        let store = match machine.open_with_cache(self.config.clone(), kept) {
            Ok(store) => store,
            Err(error) if self.model.strictness.disk_lies && is_refusal(&error) => return Ok(None),
            Err(error) => return Err(format!("opening after {died:?} died: {error}")),
        };
        let log = match Recovered::try_read(&store, self.model)? {
            Ok(log) => log,
            Err(error) if self.model.strictness.disk_lies && is_refusal(&error) => return Ok(None),
            Err(error) => return Err(format!("reading after {died:?} died: {error}")),
        };
        let now_us = u64::try_from(machine.clock().wall_us()).unwrap_or(0);
        self.model.check(&log, died, now_us)?;
        Ok(Some((store, log)))
    }

    /// Returns the machine after a crash at some call of the recovery, and perhaps in the recovery
    /// from that, with the worst that died; none when the recovery ended before.
    fn crash_in_recovery(&mut self, machine: &Machine, depth: u32) -> Option<(Machine, Died)> {
        let disk = machine.disk().fork();
        let first = machine.with_image(disk.clone(), self.random.u64(..));
        let mut left = self.random.u32(0..14);
        let mut random = self.random.fork();
        let loss = match self.random.u8(0..4) {
            0 => Loss::Kill,
            1 => Loss::Power {
                sector: 512,
                keep: Keep::Nothing,
            },
            _ => Loss::Power {
                sector: 512,
                keep: Keep::Some,
            },
        };
        let crashed: Arc<Mutex<Option<SimFs>>> = Arc::default();
        let (found, observed) = (Arc::clone(&crashed), disk.clone());
        disk.observe(Some(Box::new(move |call| {
            if !call.changes() {
                return;
            }
            if left == 0 {
                let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                if found.is_none() {
                    *found = Some(observed.crash(loss, &mut random));
                    observed.die();
                }
            }
            left = left.saturating_sub(1);
        })));
        drop(first.open(self.config.clone()));
        disk.observe(None);
        let image = crashed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()?;
        self.tally.nested += 1;
        let machine = machine.with_image(image, self.random.u64(..));
        let died = died(loss);
        if depth <= 1 {
            return Some((machine, died));
        }
        match self.crash_in_recovery(&machine, depth - 1) {
            Some((machine, later)) => Some((machine, died.max(later))),
            None => Some((machine, died)),
        }
    }

    /// Checks a log that was recovered after crashes in recovery, the worst of which was `worst`.
    fn check_nested(
        &mut self,
        machine: &Machine,
        died: Died,
        worst: Died,
        due: &Digest,
    ) -> Result<(), String> {
        let context = |text: String| format!("after crashes in recovery: {text}");
        let Some((store, log)) = self.open(machine, died.max(worst)).map_err(context)? else {
            return Ok(());
        };
        // What only a killed process has left, a power cut in recovery may still take away.
        if log.digest() != *due && worst <= died {
            return Err(context("another log than after one recovery".into()));
        }
        let closed = store.close();
        closed.map(drop).map_err(|error| context(error.to_string()))
    }

    /// Asks again for something that was sent, and appends something new, whose id it returns.
    fn go_on(&mut self, store: &Store<Open>, log: &Recovered) -> Result<u128, String> {
        let model = self.model;
        let keyed = model.sent.iter();
        let keyed: Vec<_> = keyed
            .filter(|sent| sent.key.is_some() && sent.attempts > 0)
            .collect();
        for _ in 0..keyed.len().min(2) {
            let Some(sent) = keyed.get(self.random.usize(0..keyed.len())) else {
                break;
            };
            let stored = log.events.iter().find(|(number, _)| *number == sent.number);
            self.tally.retries += 1;
            let answer = store.append_batch(vec![sent.item()]);
            self.check_retry(sent.number, stored.map(|(_, entry)| entry), answer)?;
        }
        let coord = Coordinate::new("entity:new", "scope").map_err(|error| error.to_string())?;
        let options = AppendOptions::new().with_expect_empty();
        let receipt = store
            .append_with_options(&coord, crate::model::KIND, &(u64::MAX, ""), options)
            .map_err(|error| format!("a new event after recovery: {error}"))?;
        self.check_new_sequence(receipt.sequence, None)?;
        Ok(receipt.event_id)
    }

    fn check_retry(
        &self,
        number: u64,
        stored: Option<&IndexEntry>,
        answer: Result<Vec<batpak::store::AppendReceipt>, StoreError>,
    ) -> Result<(), String> {
        match (stored, answer.as_deref()) {
            (Some(entry), Ok([receipt])) => {
                let same = receipt.sequence == entry.global_sequence
                    && receipt.clock == entry.clock
                    && receipt.replay == Some(Replay::SameEvent);
                let known = self.model.get(number).map(|sent| &sent.state);
                let as_told = match known {
                    Some(State::Committed(committed)) => committed.sequence == receipt.sequence,
                    _ => true,
                };
                match same && as_told {
                    true => Ok(()),
                    false => Err(format!(
                        "a retry of event {number} was answered {receipt:?}"
                    )),
                }
            }
            (Some(_), other) => Err(format!("a retry of event {number} was answered {other:?}")),
            (None, Ok([receipt])) if receipt.replay.is_none() => {
                self.check_new_sequence(receipt.sequence, Some(number))
            }
            (None, Ok(_)) => Ok(()),
            (None, Err(error)) => check_refusal(number, error),
        }
    }

    /// A sequence that somebody has seen stays with what it stood for.
    fn check_new_sequence(&self, sequence: u64, number: Option<u64>) -> Result<(), String> {
        match self.model.observed.get(&sequence) {
            Some(_) if self.model.strictness.disk_lies => Ok(()),
            Some(seen) if Some(*seen) != number => Err(format!(
                "sequence {sequence} was event {seen} and is given out again"
            )),
            _ => Ok(()),
        }
    }
}

fn ids(store: &Store<Open>) -> Vec<u128> {
    let all = store.query(&batpak::prelude::Region::all());
    all.iter().map(|entry| entry.event_id).collect()
}

fn check_refusal(number: u64, error: &StoreError) -> Result<(), String> {
    let is_right = matches!(
        cause(error),
        StoreError::SequenceMismatch { .. }
            | StoreError::EntityNotEmpty { .. }
            | StoreError::IdempotencyConflict { .. }
    );
    match is_right {
        true => Ok(()),
        false => Err(format!(
            "a retry of event {number}, which was lost, was refused: {error}"
        )),
    }
}
