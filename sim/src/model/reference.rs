//! A store without a disk: one command after the other, the answers that are right.

use super::Sent;
use batpak::store::Replay;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug, Default)]
pub(crate) struct Reference {
    heads: BTreeMap<u8, u32>,
    /// Which event a key stands for, and its clock.
    keys: BTreeMap<u128, (u64, u32)>,
}

/// What a command will be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Prediction {
    /// Each item is stored as this event, with this clock; or was before.
    Stored(Vec<(u64, u32, Option<Replay>)>),
    Refused(Refusal),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    SequenceMismatch { actual: Option<u32> },
    NotEmpty,
    Conflict,
    PartialReplay,
    DuplicateKey,
}

impl Reference {
    pub(crate) fn head(&self, entity: u8) -> Option<u32> {
        self.heads.get(&entity).copied()
    }

    /// Takes over what a log holds after a crash.
    pub(crate) fn restore<'a>(&mut self, stored: impl Iterator<Item = (&'a Sent, u32)>) {
        self.heads.clear();
        self.keys.clear();
        for (sent, clock) in stored {
            self.heads.insert(sent.entity, clock);
            if let Some(key) = sent.key {
                self.keys.insert(key, (sent.number, clock));
            }
        }
    }

    /// Carries a command out.
    pub(crate) fn ask(&mut self, items: &[Sent]) -> Prediction {
        match self.replays(items) {
            Ok(replays) if replays.is_empty() => {}
            Ok(replays) if replays.len() == items.len() => return Prediction::Stored(replays),
            Ok(_) => return Prediction::Refused(Refusal::PartialReplay),
            Err(refusal) => return Prediction::Refused(refusal),
        }
        let mut heads = self.heads.clone();
        let mut stored = Vec::new();
        for item in items {
            let head = heads.get(&item.entity).copied();
            if item.options.expect_empty {
                if head.is_some() {
                    return Prediction::Refused(Refusal::NotEmpty);
                }
            } else if let Some(expected) = item.options.expected_sequence
                && head != Some(expected)
            {
                return Prediction::Refused(Refusal::SequenceMismatch { actual: head });
            }
            let clock = head.map_or(0, |clock| clock + 1);
            heads.insert(item.entity, clock);
            stored.push((item.number, clock, None));
        }
        self.heads = heads;
        for (item, (number, clock, _)) in items.iter().zip(&stored) {
            if let Some(key) = item.key {
                self.keys.insert(key, (*number, *clock));
            }
        }
        Prediction::Stored(stored)
    }

    fn replays(&self, items: &[Sent]) -> Result<Vec<(u64, u32, Option<Replay>)>, Refusal> {
        let mut seen = BTreeSet::new();
        let mut replays = Vec::new();
        for item in items {
            let Some(key) = item.key else { continue };
            if !seen.insert(key) {
                return Err(Refusal::DuplicateKey);
            }
            let Some((stored, clock)) = self.keys.get(&key).copied() else {
                continue;
            };
            if item.options.strict_idempotency && stored != item.number {
                return Err(Refusal::Conflict);
            }
            let replay = match stored == item.number {
                true => Replay::SameEvent,
                false => Replay::OtherEvent,
            };
            replays.push((stored, clock, Some(replay)));
        }
        Ok(replays)
    }
}
