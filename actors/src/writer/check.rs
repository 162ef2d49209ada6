//! What is asked of a command before it may join the group in hand: keys, then clocks.

use super::group::{GroupInHand, Refused};
use super::known::{Head, Known};
use crate::error::{BatchStage, StoreError};
use crate::hashing::{HashMap, HashSet};
use crate::protocol::{Append, AppendReceipt, Expectation};
use batpak_log::layout::GROUP_EVENTS_MAX;
use batpak_log::planted::{Bug, planted};

/// An entity with fewer events has clocks left for any command.
const CLOCK_FAR_FROM_END: u32 = StoreError::NO_EVENTS / 2;
const _: () = assert!(GROUP_EVENTS_MAX < 1 << 20, "no command has so many events");

/// What the checks make of a command.
pub(super) enum Plan {
    /// All of it is stored already.
    Replay {
        receipts: Vec<AppendReceipt>,
        rests_on_group: bool,
    },
    /// All of it is new.
    Store,
}

impl GroupInHand {
    /// Looks at keys first, so that an exact retry of what succeeded succeeds, then at clocks.
    pub(super) fn plan(&self, items: &[Append], known: &Known) -> Result<Plan, Refused> {
        if planted(Bug::CompareBeforeKey) {
            self.check_expectations(items, known)?;
        }
        let mut receipts = Vec::new();
        let mut rests_on_group = false;
        let mut keys = HashSet::default();
        for (item_index, item) in items.iter().enumerate().filter(|(_, item)| item.keyed) {
            let key = item.event_id;
            let staged = self.contents.staged.keys.get(&key).cloned();
            let staged = staged.filter(|_| !planted(Bug::ForgetKeyInHand));
            rests_on_group |= staged.is_some();
            let refused = |error| Refused {
                item_index,
                stage: BatchStage::Validation,
                error,
                rests_on_group,
            };
            if !keys.insert(key) {
                return Err(refused(StoreError::DuplicateKey { key }));
            }
            let stored = match staged {
                Some(stored) => Some(stored),
                None => known.stored(key).map_err(refused)?,
            };
            let Some(stored) = stored else { continue };
            let receipt = stored.replayed_by(item);
            let strict = item.strict && !planted(Bug::IgnoreStrictKey);
            if strict && receipt.replay == Some(crate::protocol::Replay::OtherEvent) {
                return Err(refused(StoreError::IdempotencyConflict { key }));
            }
            receipts.push(receipt);
        }
        match receipts.len() {
            0 => self.check_expectations(items, known).map(|()| Plan::Store),
            stored if stored == items.len() => Ok(Plan::Replay {
                receipts,
                rests_on_group,
            }),
            stored => Err(Refused {
                item_index: 0,
                stage: BatchStage::Validation,
                error: StoreError::PartialReplay {
                    stored,
                    items: items.len(),
                },
                rests_on_group,
            }),
        }
    }

    fn check_expectations(&self, items: &[Append], known: &Known) -> Result<(), Refused> {
        let heads = self.heads(items, known)?;
        let mut beside = items.iter().zip(&heads);
        if beside.all(|(item, head)| is_beyond_refusal(item, *head)) {
            return Ok(());
        }
        let mut clocks: HashMap<&str, u32> = HashMap::default();
        for (item_index, item) in items.iter().enumerate() {
            let entity = item.coordinate.entity();
            let in_hand = self.contents.staged.heads.get(entity);
            let in_hand = in_hand.filter(|_| !planted(Bug::CompareWithoutGroup));
            let rests_on_group = in_hand.is_some();
            let refused = |error| Refused {
                item_index,
                stage: BatchStage::Validation,
                error,
                rests_on_group,
            };
            let latest = match (clocks.get(entity), in_hand) {
                (Some(clock), _) => Some(*clock),
                (None, Some(head)) => Some(head.clock),
                (None, None) => {
                    let head = known.head(entity).map_err(refused)?;
                    head.map(|head| head.clock)
                }
            };
            let entity = || entity.to_owned();
            match (item.expectation, latest) {
                (Expectation::Any, _) | (Expectation::Empty, None) => {}
                (Expectation::Clock(expected), Some(actual)) if expected == actual => {}
                (Expectation::Clock(expected), latest) => {
                    let actual = latest.unwrap_or(StoreError::NO_EVENTS);
                    let entity = entity();
                    return Err(refused(StoreError::SequenceMismatch {
                        entity,
                        expected,
                        actual,
                    }));
                }
                (Expectation::Empty, Some(actual)) => {
                    return Err(refused(StoreError::EntityNotEmpty {
                        entity: entity(),
                        actual,
                    }));
                }
            }
            let clock = latest.map_or(0, |clock| clock.saturating_add(1));
            if clock == StoreError::NO_EVENTS {
                return Err(refused(StoreError::ClockExhausted { entity: entity() }));
            }
            clocks.insert(item.coordinate.entity(), clock);
        }
        Ok(())
    }
}

/// Returns whether nothing about its entity's latest event could refuse an event, not even at the
/// end of the longest batch.
pub(super) fn is_beyond_refusal(item: &Append, head: Option<Head>) -> bool {
    item.expectation == Expectation::Any && head.is_none_or(|head| head.clock < CLOCK_FAR_FROM_END)
}
