//! The group in hand: what one write will put on disk, and who waits for it.
//!
//! Nothing of it reaches the writer's own state before the write has succeeded, so that cutting
//! back is dropping it.

use super::contents::{Contents, Link};
use super::known::{Head, Known, Recent};
use super::segment::OpenSegment;
use crate::error::StoreError;
use crate::hashing::{HashMap, HashSet};
use crate::protocol::{
    Acknowledgement, Append, AppendReceipt, Durability, EmptyEnvelope, Expectation,
};
use crate::view::DiskPos;
use batpak_log::coordinate::Coordinate;
use batpak_log::event::HashChain;
use batpak_log::event::hash::{CanonicalHeader, event_hash};
use batpak_log::layout::{GROUP_BYTES_MAX, GROUP_EVENTS_MAX};
use batpak_log::log_position::LogPosition;
use batpak_log::planted::{Bug, planted};
use batpak_log::position::Hlc;
use batpak_log::segment::{EventRecord, GroupBuilder};

/// An entity with fewer events has clocks left for any command.
const CLOCK_FAR_FROM_END: u32 = StoreError::NO_EVENTS / 2;
const _: () = assert!(GROUP_EVENTS_MAX < 1 << 20, "no command has so many events");

/// A refusal of one command, and whether it rests on the group in hand.
pub(super) struct Refused {
    pub(super) item_index: usize,
    pub(super) error: StoreError,
    pub(super) rests_on_group: bool,
}

/// What an admitted command is answered, and whether the answer rests on the group in hand.
pub(super) type Admitted<T> = Result<(T, bool), Refused>;

/// What the checks make of a command.
enum Plan {
    /// All of it is stored already.
    Replay {
        receipts: Vec<AppendReceipt>,
        rests_on_group: bool,
    },
    /// All of it is new.
    Store,
}

/// A group that is being gathered.
pub(super) struct GroupInHand {
    builder: GroupBuilder,
    first_sequence: u64,
    contents: Contents,
}

impl GroupInHand {
    /// Starts a group of about `commands` commands; `buffer` and `staged` are taken for their room.
    pub(super) fn start(
        segment: &OpenSegment,
        position: LogPosition,
        (buffer, staged): (Vec<u8>, Recent),
        commands: usize,
    ) -> Self {
        let header = segment.header();
        let binding = segment.binding().clone();
        Self {
            builder: GroupBuilder::start(binding, header.hlc.wall_us, position.offset, buffer),
            first_sequence: position.next_sequence,
            contents: Contents::empty(position, staged, commands),
        }
    }

    /// Returns whether a command of this size still belongs to the group.
    pub(super) fn has_room_for(&self, weight: usize, events: usize) -> bool {
        self.contents.entries.is_empty()
            || (self.builder.len() + weight <= GROUP_BYTES_MAX && self.builder.has_room_for(events))
    }

    /// Remembers who waits for the group.
    pub(super) fn wait(&mut self, acknowledgement: Acknowledgement, rests_on_group: bool) {
        self.contents.wait(acknowledgement, rests_on_group);
    }

    /// Takes an event into the group, or not; the room of its payload goes into its envelope.
    pub(super) fn admit_one(
        &mut self,
        item: Append,
        envelope: &mut EmptyEnvelope,
        known: &Known,
        segment: &OpenSegment,
    ) -> Admitted<AppendReceipt> {
        self.contents.durable |= item.durability == Durability::Always;
        let head = self.head(&item, known).map_err(|error| Refused {
            item_index: 0,
            error,
            rests_on_group: false,
        })?;
        if item.keyed || !is_beyond_refusal(&item, head) {
            match self.plan(std::slice::from_ref(&item), known)? {
                Plan::Replay {
                    receipts,
                    rests_on_group,
                } => {
                    let receipt = receipts.into_iter().next();
                    return Ok((receipt.expect("one key, one receipt"), rests_on_group));
                }
                Plan::Store => {}
            }
        }
        let (receipt, payload) = self.stage(item, head, segment);
        envelope.put_room(payload);
        Ok((receipt, true))
    }

    /// Takes all events of a command into the group, or none.
    pub(super) fn admit_batch(
        &mut self,
        items: Vec<Append>,
        known: &Known,
        segment: &OpenSegment,
    ) -> Admitted<Vec<AppendReceipt>> {
        self.contents.durable |= items
            .iter()
            .any(|item| item.durability == Durability::Always);
        match self.plan(&items, known)? {
            Plan::Replay {
                receipts,
                rests_on_group,
            } => Ok((receipts, rests_on_group)),
            Plan::Store => {
                let heads = self.heads(&items, known)?;
                self.contents.entries.reserve(items.len());
                let receipts = items.into_iter().zip(heads).map(|(item, before)| {
                    // Of several events of one entity the later ones follow the earlier ones.
                    let staged = self.contents.staged.heads.get(item.coordinate.entity());
                    let head = staged.copied().or(before);
                    let (receipt, _) = self.stage(item, head, segment);
                    receipt
                });
                Ok((receipts.collect(), true))
            }
        }
    }

    /// Returns the latest event of an item's entity, the group in hand included.
    fn head(&self, item: &Append, known: &Known) -> Result<Option<Head>, StoreError> {
        let entity = item.coordinate.entity();
        match self.contents.staged.heads.get(entity) {
            Some(head) => Ok(Some(*head)),
            None => known.head(entity),
        }
    }

    /// Returns the latest event of each item's entity as it was before the items.
    fn heads(&self, items: &[Append], known: &Known) -> Result<Vec<Option<Head>>, Refused> {
        let head = |(item_index, item)| {
            self.head(item, known).map_err(|error| Refused {
                item_index,
                error,
                rests_on_group: false,
            })
        };
        items.iter().enumerate().map(head).collect()
    }

    /// Looks at keys first, so that an exact retry of what succeeded succeeds, then at clocks.
    fn plan(&self, items: &[Append], known: &Known) -> Result<Plan, Refused> {
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

    /// Adds one event that passed all checks behind the latest one of its entity; returns its
    /// payload, too, which the group's bytes have now.
    fn stage(
        &mut self,
        mut item: Append,
        head: Option<Head>,
        segment: &OpenSegment,
    ) -> (AppendReceipt, Vec<u8>) {
        let link = self.link(&item, head);
        let record = EventRecord {
            event_id: item.event_id,
            name: self.name(&item.coordinate, segment),
            clock: link.clock,
            kind: item.kind,
            flags: item.flags,
            hlc: link.hlc,
            event_hash: link.chain.event_hash,
            correlation_id: item.correlation_id,
            causation_id: item.causation_id,
            keyed: item.keyed,
            depth: 0,
            lane: 0,
            payload: &item.payload,
        };
        let placed = self.builder.push_event(&record);
        let disk_pos = DiskPos {
            segment_id: segment.header().segment.id,
            offset: placed.offset,
            length: placed.length,
        };
        let payload = std::mem::take(&mut item.payload);
        (self.contents.add(item, &link, disk_pos), payload)
    }

    /// Gives an event its place behind its entity's latest one.
    fn link(&self, item: &Append, head: Option<Head>) -> Link {
        let clock = head.map_or(0, |head| head.clock + 1);
        let prev_hash = head.map_or([0; 32], |head| head.event_hash);
        let hlc = match planted(Bug::ClockGoesBack) {
            true => Hlc::default().next(item.proposed_wall_us),
            false => self.contents.position.hlc.next(item.proposed_wall_us),
        };
        let canonical = CanonicalHeader {
            event_id: item.event_id,
            correlation_id: item.correlation_id,
            causation_id: item.causation_id,
            entity: item.coordinate.entity(),
            scope: item.coordinate.scope(),
            kind: item.kind,
            flags: item.flags,
            hlc,
            clock,
            depth: 0,
            lane: 0,
        };
        let event_hash = event_hash(&canonical, &item.payload_hash, &prev_hash);
        Link {
            clock,
            hlc,
            chain: HashChain {
                prev_hash,
                event_hash,
            },
        }
    }

    /// Returns the number of a coordinate in the segment, defining it if it is new there.
    fn name(&mut self, coordinate: &Coordinate, segment: &OpenSegment) -> u32 {
        if let Some(name) = segment.name(coordinate) {
            return name;
        }
        if let Some(name) = self.contents.names.get(coordinate) {
            return *name;
        }
        let next = segment.name_count() + self.contents.names.len();
        let next = u32::try_from(next).expect("a segment defines fewer names than 2^32");
        self.builder.push_name(coordinate);
        self.contents.names.insert(coordinate.clone(), next);
        next
    }

    /// Returns the bytes to write, none for a group without events, and what they will mean.
    pub(super) fn finish(mut self, proven: u64) -> (Vec<u8>, Contents) {
        if self.contents.entries.is_empty() {
            return (Vec::new(), self.contents);
        }
        let bytes = self.builder.finish(self.first_sequence, proven);
        self.contents.position.offset += bytes.len() as u64;
        (bytes, self.contents)
    }
}

/// Returns whether nothing about its entity's latest event could refuse an event, not even at the
/// end of the longest batch.
fn is_beyond_refusal(item: &Append, head: Option<Head>) -> bool {
    item.expectation == Expectation::Any && head.is_none_or(|head| head.clock < CLOCK_FAR_FROM_END)
}
