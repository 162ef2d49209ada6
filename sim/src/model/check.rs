//! Checks a log against what must be in it: required ⊆ recovered ⊆ sent, in order, whole.

use super::{Committed, Died, Forms, Model, Recovered, Sent, State};
use batpak::store::IndexEntry;
use std::collections::{BTreeMap, BTreeSet};

impl Model {
    /// Checks a log that was opened at `now_us` after something died.
    pub(crate) fn check(&self, log: &Recovered, died: Died, now_us: u64) -> Result<(), String> {
        let died = match self.strictness.pages_drop {
            true => Died::Machine,
            false => died,
        };
        check_order(log)?;
        let by_number = self.check_numbers(log)?;
        self.check_committed(&by_number, died, now_us)?;
        self.check_batches(&by_number)?;
        self.check_callers(&by_number, died)
    }

    /// Checks what readers of an open store see.
    pub(crate) fn check_view(&self, log: &Recovered) -> Result<(), String> {
        self.check(log, Died::Nothing, 0)
    }

    /// Checks a copy: what was visible when it was asked for, and whole batches of what came then.
    pub(crate) fn check_copy(&self, log: &Recovered, due: &Recovered) -> Result<(), String> {
        check_order(log)?;
        let by_number = self.check_numbers(log)?;
        self.check_batches(&by_number)?;
        let (found, due) = (log.digest(), due.digest());
        match found.starts_with(&due) {
            true => Ok(()),
            false => Err(format!("{due:?} was visible, {found:?} is there")),
        }
    }

    /// Each event once, each key once, none that was certainly not written, none under a sequence
    /// that belongs to another.
    fn check_numbers<'l>(
        &self,
        log: &'l Recovered,
    ) -> Result<BTreeMap<u64, &'l IndexEntry>, String> {
        let mut by_number = BTreeMap::new();
        let mut keys = BTreeSet::new();
        for (number, entry) in &log.events {
            if by_number.insert(*number, entry).is_some() {
                return Err(format!("event {number} is stored twice"));
            }
            let Some(sent) = self.get(*number) else {
                continue;
            };
            sent.check_place(entry)?;
            if sent.state == State::Absent {
                return Err(format!(
                    "event {number} was said not to be written, and is there"
                ));
            }
            if let Some(key) = sent.key
                && !keys.insert(key)
            {
                return Err(format!("key {key} stands for two events"));
            }
            match self.observed.get(&entry.global_sequence) {
                Some(seen) if seen != number && !self.strictness.disk_lies => {
                    let sequence = entry.global_sequence;
                    return Err(format!(
                        "sequence {sequence} is event {number}, and was seen as event {seen}"
                    ));
                }
                _ => {}
            }
        }
        Ok(by_number)
    }

    fn check_committed(
        &self,
        stored: &BTreeMap<u64, &IndexEntry>,
        died: Died,
        now_us: u64,
    ) -> Result<(), String> {
        let mut lost = Vec::new();
        let mut last_found = 0;
        for sent in &self.sent {
            let State::Committed(committed) = &sent.state else {
                continue;
            };
            match stored.get(&sent.number) {
                Some(entry) => {
                    check_receipt(sent, committed, entry)?;
                    last_found = last_found.max(committed.sequence);
                }
                None => lost.push((sent, committed)),
            }
        }
        for (sent, committed) in &lost {
            let number = sent.number;
            if died != Died::Machine {
                return Err(format!(
                    "event {number} was acknowledged and is gone: {committed:?}"
                ));
            }
            if committed.sequence < last_found {
                return Err(format!("event {number} is gone, and later ones are there"));
            }
            if self.strictness.disk_lies {
                continue;
            }
            if committed.durable {
                return Err(format!(
                    "event {number} was durable and is gone: {committed:?}"
                ));
            }
            let age_us = now_us.saturating_sub(committed.at_us);
            // A sync that failed in time was the last one.
            if age_us > self.strictness.may_lose_us && !self.strictness.disk_fails {
                return Err(format!(
                    "event {number} is older than what may be lost: {committed:?}"
                ));
            }
        }
        let may_lose = self.strictness.may_lose_events;
        match lost.len() as u64 > may_lose && !self.strictness.disk_lies {
            true => Err(format!(
                "{} events are lost, at most {may_lose} may be",
                lost.len()
            )),
            false => Ok(()),
        }
    }

    fn check_batches(&self, stored: &BTreeMap<u64, &IndexEntry>) -> Result<(), String> {
        for number in stored.keys() {
            let Some((first, count)) = self.get(*number).and_then(|sent| sent.batch) else {
                continue;
            };
            if let Some(missing) = (first..first + count).find(|item| !stored.contains_key(item)) {
                return Err(format!(
                    "batch {first}: {number} is there and {missing} is not"
                ));
            }
        }
        Ok(())
    }

    /// What one caller sent first stands first; and in a world without panics, what stands before
    /// something that is there is there too.
    fn check_callers(&self, stored: &BTreeMap<u64, &IndexEntry>, died: Died) -> Result<(), String> {
        let mut latest: BTreeMap<u8, (u64, u64)> = BTreeMap::new();
        let once = |sent: &&Sent| sent.attempts == 1 && !sent.doubtful;
        for sent in self.sent.iter().filter(once) {
            let Some(entry) = stored.get(&sent.number) else {
                continue;
            };
            let sequence = entry.global_sequence;
            let before = latest.insert(sent.caller, (sent.number, sequence));
            if let Some((number, before)) = before
                && before > sequence
            {
                return Err(format!(
                    "event {number} was sent before {}, stands after it",
                    sent.number
                ));
            }
        }
        if !self.strictness.exact || died == Died::Nothing {
            return Ok(());
        }
        let mut missing: Option<u64> = None;
        for sent in self.sent.iter().filter(once) {
            let unconditional = !sent.options.expect_empty
                && sent.options.expected_sequence.is_none()
                && sent.batch.is_none()
                && self.is_only_one_of_its_key(sent);
            match (stored.contains_key(&sent.number), missing) {
                (true, Some(missing)) => {
                    let there = sent.number;
                    return Err(format!(
                        "event {there} is there, {missing} was sent before it"
                    ));
                }
                (false, None) if unconditional && sent.state == State::Open => {
                    missing = Some(sent.number);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn is_only_one_of_its_key(&self, sent: &Sent) -> bool {
        let same = |other: &&Sent| other.key.is_some() && other.key == sent.key;
        self.sent.iter().filter(same).count() <= 1
    }

    /// Goes on with what the log holds: it is all durable now, and what is not there is lost.
    pub(crate) fn rebase(&mut self, log: &Recovered, now_us: u64) -> Result<(), String> {
        let stored: BTreeMap<u64, IndexEntry> = log
            .events
            .iter()
            .map(|(number, entry)| (*number, entry.clone()))
            .collect();
        for (number, entry) in &stored {
            self.observe(entry.global_sequence, *number)?;
        }
        for sent in &mut self.sent {
            // What an opening shows is settled.
            sent.forms = Forms::only(log.form(sent.number));
            sent.place = sent
                .place
                .take()
                .filter(|_| stored.contains_key(&sent.number));
            sent.state = match (stored.get(&sent.number), &sent.state) {
                (Some(entry), State::Committed(known)) => State::Committed(Committed {
                    durable: true,
                    sequence: entry.global_sequence,
                    ..known.clone()
                }),
                (Some(entry), State::Open | State::Absent) => State::Committed(Committed {
                    sequence: entry.global_sequence,
                    clock: entry.clock,
                    receipt: None,
                    at_us: now_us,
                    durable: true,
                }),
                (None, _) => State::Absent,
            };
        }
        let restored = log.events.iter();
        let restored: Vec<(Sent, u32)> = restored
            .filter_map(|(number, entry)| Some((self.get(*number)?.clone(), entry.clock)))
            .collect();
        self.reference
            .restore(restored.iter().map(|(sent, clock)| (sent, *clock)));
        Ok(())
    }
}

/// Sequences rise, times never go back, and each entity's clocks and hashes have no gap.
fn check_order(log: &Recovered) -> Result<(), String> {
    let mut heads: BTreeMap<&str, &IndexEntry> = BTreeMap::new();
    let mut before: Option<&IndexEntry> = None;
    for (number, entry) in &log.events {
        if let Some(before) = before {
            if before.global_sequence >= entry.global_sequence {
                return Err(format!("event {number} stands out of order: {entry:?}"));
            }
            if before.wall_ms > entry.wall_ms {
                return Err(format!(
                    "event {number} is older than the one before: {entry:?}"
                ));
            }
        }
        let head = heads.insert(entry.coord.entity(), entry);
        let due = head.map_or(0, |head| head.clock + 1);
        if entry.clock != due {
            return Err(format!(
                "event {number} has clock {}, {due} is due",
                entry.clock
            ));
        }
        let link = head.map_or([0; 32], |head| head.hash_chain.event_hash);
        if entry.hash_chain.prev_hash != link {
            return Err(format!("event {number} follows another one: {entry:?}"));
        }
        before = Some(entry);
    }
    Ok(())
}

/// A receipt stays true, but for the place of an event whose segment was merged.
fn check_receipt(sent: &Sent, committed: &Committed, entry: &IndexEntry) -> Result<(), String> {
    let number = sent.number;
    if (committed.sequence, committed.clock) != (entry.global_sequence, entry.clock) {
        return Err(format!(
            "event {number} was acknowledged as {committed:?}, is {entry:?}"
        ));
    }
    match committed.receipt {
        Some(receipt) if receipt.event_id != entry.event_id => Err(format!(
            "event {number} has another id than its receipt: {entry:?}"
        )),
        _ => Ok(()),
    }
}
