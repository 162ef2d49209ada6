//! What compactions of a random history remove, and what is left to be seen.

use batpak::event::EventKind;
use batpak::prelude::*;
use std::collections::BTreeMap;

/// What became of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Kept,
    Tombstone,
    Gone,
}

/// What a compaction removes: the numbers with one of these remainders.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Choice {
    pub(crate) by: u64,
    pub(crate) remainder: u64,
    pub(crate) shown: bool,
}

impl Choice {
    pub(crate) fn any(random: &mut fastrand::Rng) -> Self {
        let by = random.u64(2..40);
        Self {
            by,
            remainder: random.u64(..by),
            shown: random.bool(),
        }
    }

    pub(crate) fn removes(self, number: u64) -> bool {
        number % self.by == self.remainder
    }

    pub(crate) fn config(self) -> CompactionConfig {
        let keep = move |event: &StoredEvent<serde_json::Value>| {
            let number = event.event.payload.as_u64();
            number.is_none_or(|number| !self.removes(number))
        };
        CompactionConfig {
            strategy: match self.shown {
                true => CompactionStrategy::Tombstone(Box::new(keep)),
                false => CompactionStrategy::Retention(Box::new(keep)),
            },
            min_segments: 1,
        }
    }
}

/// What a store shows, by sequence: the id, and whether only that something was there.
pub(crate) fn shown<S>(store: &Store<S>) -> BTreeMap<u64, (u128, bool)> {
    let all = store.try_query(&Region::all()).unwrap();
    let of = |entry: &IndexEntry| {
        let is_tombstone = entry.kind == EventKind::TOMBSTONE;
        (entry.global_sequence, (entry.event_id, is_tombstone))
    };
    all.iter().map(of).collect()
}
