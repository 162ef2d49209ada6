//! Checks an answer against what was promised and what was predicted.

use super::reference::Refusal;
use super::{Committed, Model, Prediction, Sent, State};
use batpak::store::{AppendReceipt, Replay, StoreError};

impl Model {
    /// Takes an answer to a question about these events.
    pub(crate) fn answer(
        &mut self,
        numbers: &[u64],
        prediction: Option<&Prediction>,
        answer: Result<Vec<AppendReceipt>, StoreError>,
        now_us: u64,
    ) -> Result<(), String> {
        self.checks.answers += 1;
        for number in numbers {
            if let Some(sent) = self.get_mut(*number) {
                sent.outstanding = sent.outstanding.saturating_sub(1);
            }
        }
        match answer {
            Ok(receipts) => self.stored(numbers, prediction, &receipts, now_us),
            Err(error) => self.refused(numbers, prediction, &error),
        }
    }

    fn stored(
        &mut self,
        numbers: &[u64],
        prediction: Option<&Prediction>,
        receipts: &[AppendReceipt],
        now_us: u64,
    ) -> Result<(), String> {
        if receipts.len() != numbers.len() {
            return Err(format!(
                "{} receipts for {} events",
                receipts.len(),
                numbers.len()
            ));
        }
        match prediction {
            Some(Prediction::Refused(refusal)) => {
                return Err(format!(
                    "events {numbers:?} were stored, {refusal:?} was due"
                ));
            }
            Some(Prediction::Stored(expected)) => {
                for (receipt, (stored, clock, replay)) in receipts.iter().zip(expected) {
                    if receipt.clock != *clock || receipt.replay != *replay {
                        return Err(format!(
                            "event {stored}: clock {clock} and {replay:?} were due, got {receipt:?}"
                        ));
                    }
                    self.commit(*stored, receipt, now_us)?;
                }
            }
            None => {
                for (number, receipt) in numbers.iter().zip(receipts) {
                    if let Some(stored) = self.stored_as(*number, receipt)? {
                        self.commit(stored, receipt, now_us)?;
                    }
                }
            }
        }
        self.note_durability(numbers, receipts);
        Ok(())
    }

    /// Returns which event a receipt is about; none when it is one of several that share a key, of
    /// which only the log can tell.
    fn stored_as(&self, number: u64, receipt: &AppendReceipt) -> Result<Option<u64>, String> {
        if receipt.replay != Some(Replay::OtherEvent) {
            return Ok(Some(number));
        }
        let key = self.get(number).and_then(|sent| sent.key);
        let may_be = |other: &&Sent| {
            other.key == key && other.number != number && other.state != State::Absent
        };
        let others: Vec<&Sent> = self.sent.iter().filter(may_be).collect();
        let is_known = |other: &&&Sent| {
            matches!(&other.state, State::Committed(committed)
                if committed.sequence == receipt.sequence)
        };
        match (others.iter().find(is_known), others.as_slice()) {
            (Some(known), _) => Ok(Some(known.number)),
            (None, [only]) => Ok(Some(only.number)),
            (None, []) => Err(format!(
                "event {number} is a replay of an event that nobody sent"
            )),
            (None, _) => Ok(None),
        }
    }

    fn commit(&mut self, number: u64, receipt: &AppendReceipt, now_us: u64) -> Result<(), String> {
        self.observe(receipt.sequence, number)?;
        let Some(sent) = self.get_mut(number) else {
            return Err(format!("event {number} was never sent"));
        };
        if sent.key.is_some_and(|key| key != receipt.event_id) {
            return Err(format!(
                "event {number} has another id than its key: {receipt:?}"
            ));
        }
        if receipt.replay.is_some() {
            self.checks.replays += 1;
        }
        let Some(sent) = self.get_mut(number) else {
            return Ok(());
        };
        if let State::Committed(before) = &sent.state {
            if (before.sequence, before.clock) != (receipt.sequence, receipt.clock) {
                return Err(format!(
                    "event {number} was acknowledged as {before:?}, and now as {receipt:?}"
                ));
            }
            if receipt.replay.is_none() {
                return Err(format!("event {number} was stored twice: {receipt:?}"));
            }
            return Ok(());
        }
        if receipt.replay.is_some() && sent.attempts == 1 && !sent.doubtful {
            return Err(format!(
                "event {number} is new, and was called a replay: {receipt:?}"
            ));
        }
        sent.state = State::Committed(Committed {
            sequence: receipt.sequence,
            clock: receipt.clock,
            receipt: Some(*receipt),
            at_us: now_us,
            durable: false,
        });
        Ok(())
    }

    /// An acknowledgement at `Always` covers everything before it.
    fn note_durability(&mut self, numbers: &[u64], receipts: &[AppendReceipt]) {
        let always = self.strictness.always
            || numbers
                .iter()
                .any(|n| self.get(*n).is_some_and(|sent| sent.is_always()));
        let last = receipts.iter().map(|receipt| receipt.sequence).max();
        if let (true, Some(last)) = (always, last) {
            self.all_is_durable(last);
        }
    }

    fn refused(
        &mut self,
        numbers: &[u64],
        prediction: Option<&Prediction>,
        error: &StoreError,
    ) -> Result<(), String> {
        self.checks.refusals += 1;
        let refusal = refusal(error);
        match (prediction, refusal) {
            (Some(Prediction::Refused(expected)), Some(refusal)) if *expected == refusal => {}
            (Some(expected), _) => {
                return Err(format!(
                    "events {numbers:?}: {expected:?} was due, got: {error}"
                ));
            }
            (None, Some(_)) => {}
            (None, None) => self.check_failure(numbers, error)?,
        }
        for number in numbers {
            let Some(sent) = self.get_mut(*number) else {
                continue;
            };
            if !error.certainly_not_written() {
                sent.doubtful = true;
            } else if sent.state == State::Open && !sent.doubtful && sent.outstanding == 0 {
                sent.state = State::Absent;
            }
        }
        Ok(())
    }

    /// A failure that is no refusal must have a reason in this world.
    fn check_failure(&self, numbers: &[u64], error: &StoreError) -> Result<(), String> {
        match self.has_reason(error) {
            true => Ok(()),
            false => Err(format!(
                "events {numbers:?} were answered without a reason: {}",
                cause(error)
            )),
        }
    }

    /// Tells whether something in this world may end with this error.
    pub(crate) fn has_reason(&self, error: &StoreError) -> bool {
        let error = cause(error);
        let by_disk = matches!(
            error,
            StoreError::FateUnknown { .. }
                | StoreError::Poisoned { .. }
                | StoreError::StorageFull { .. }
                | StoreError::Io(_)
        );
        // A panic of the writer ends a fence.
        let by_panic = matches!(
            error,
            StoreError::VisibilityFenceNotActive | StoreError::VisibilityFenceCancelled
        );
        let by_end = matches!(error, StoreError::ActorEnded { .. } | StoreError::Closed);
        matches!(error, StoreError::WriterCrashed)
            || by_panic && !self.strictness.exact
            || by_disk && self.strictness.disk_fails
            || by_end && self.strictness.budget_may_end
    }
}

/// Returns what is wrong with a batch, or what is wrong.
pub(crate) fn cause(error: &StoreError) -> &StoreError {
    if let StoreError::BatchFailed { source, .. } = error {
        return source;
    }
    error
}

fn refusal(error: &StoreError) -> Option<Refusal> {
    let error = cause(error);
    if let StoreError::SequenceMismatch { actual, .. } = error {
        let actual = Some(*actual).filter(|actual| *actual != StoreError::NO_EVENTS);
        return Some(Refusal::SequenceMismatch { actual });
    }
    let others = [
        (
            matches!(error, StoreError::EntityNotEmpty { .. }),
            Refusal::NotEmpty,
        ),
        (
            matches!(error, StoreError::IdempotencyConflict { .. }),
            Refusal::Conflict,
        ),
        (
            matches!(error, StoreError::PartialReplay { .. }),
            Refusal::PartialReplay,
        ),
        (
            matches!(error, StoreError::DuplicateKey { .. }),
            Refusal::DuplicateKey,
        ),
    ];
    let found = others.into_iter().find(|(is_it, _)| *is_it);
    found.map(|(_, refusal)| refusal)
}
