//! The group in hand: what one write will put on disk, and who waits for it.
//!
//! Nothing of it reaches the writer's own state before the write has succeeded, so that cutting
//! back is dropping it.

use super::check::{Plan, is_beyond_refusal};
use super::contents::{Contents, Link};
use super::known::{Head, Known, Recent};
use super::segment::OpenSegment;
use crate::error::{BatchStage, StoreError};
use crate::faults::{FailedBatch, Points};
use crate::protocol::writer::{FencedWrite, batch_failed_at};
use crate::protocol::{Acknowledgement, Append, AppendReceipt, Durability, EmptyEnvelope};
use crate::view::DiskPos;
use batpak_log::coordinate::Coordinate;
use batpak_log::event::HashChain;
use batpak_log::event::hash::{CanonicalHeader, event_hash};
use batpak_log::layout::GROUP_BYTES_MAX;
use batpak_log::log_position::LogPosition;
use batpak_log::planted::{Bug, planted};
use batpak_log::position::Hlc;
use batpak_log::segment::{EventRecord, FenceRecord, GroupBuilder, Tie};

/// A refusal of one command, and whether it rests on the group in hand.
pub(super) struct Refused {
    pub(super) item_index: usize,
    pub(super) stage: BatchStage,
    pub(super) error: StoreError,
    pub(super) rests_on_group: bool,
}

/// What an admitted command is answered, and whether the answer rests on the group in hand.
pub(super) type Admitted<T> = Result<(T, bool), Refused>;

impl Refused {
    /// Returns that a command failed for itself alone: what the group comes to does not matter.
    fn alone((item_index, stage, error): FailedBatch) -> Self {
        Self {
            item_index,
            stage,
            error,
            rests_on_group: false,
        }
    }
}

/// What commands are admitted by.
#[derive(Clone, Copy)]
pub(super) struct Admission<'a> {
    pub(super) known: &'a Known,
    pub(super) segment: &'a OpenSegment,
    pub(super) points: &'a Points,
}

/// A group that is being gathered.
pub(super) struct GroupInHand {
    builder: GroupBuilder,
    first_sequence: u64,
    pub(super) contents: Contents,
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

    /// Makes it a group of the fence with this number.
    pub(super) fn belong_to_fence(&mut self, number: u64) {
        self.builder.push_fence(FenceRecord::Member(number));
        self.contents.fenced = true;
    }

    /// Returns how many events were taken into it.
    pub(super) fn event_count(&self) -> usize {
        self.contents.entries.len()
    }

    /// Remembers who waits for the end of the group's fence.
    pub(super) fn hold(&mut self, acknowledgement: Acknowledgement) {
        self.contents.held.push(acknowledgement);
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
        by: Admission<'_>,
    ) -> Admitted<AppendReceipt> {
        self.contents.durable |= item.durability == Durability::Always;
        let head = self.head(&item, by.known);
        let head = head.map_err(|error| Refused::alone((0, BatchStage::Validation, error)))?;
        if item.keyed || !is_beyond_refusal(&item, head) {
            match self.plan(std::slice::from_ref(&item), by.known)? {
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
        self.pass_single(&item, by.points)?;
        let (receipt, payload) = self.stage(item, head, by.segment);
        envelope.put_room(payload);
        Ok((receipt, true))
    }

    /// Takes all events of a command into the group, or none.
    pub(super) fn admit_batch(
        &mut self,
        items: Vec<Append>,
        by: Admission<'_>,
    ) -> Admitted<Vec<AppendReceipt>> {
        self.admit_all(items, by, Self::pass_batch)
    }

    fn admit_all(
        &mut self,
        items: Vec<Append>,
        by: Admission<'_>,
        pass: impl FnOnce(&mut Self, &[Append], &Points) -> Result<(), Refused>,
    ) -> Admitted<Vec<AppendReceipt>> {
        self.contents.durable |= items
            .iter()
            .any(|item| item.durability == Durability::Always);
        match self.plan(&items, by.known)? {
            Plan::Replay {
                receipts,
                rests_on_group,
            } => Ok((receipts, rests_on_group)),
            Plan::Store => {
                let heads = self.heads(&items, by.known)?;
                pass(self, &items, by.points)?;
                self.contents.entries.reserve(items.len());
                let receipts = items.into_iter().zip(heads).map(|(item, before)| {
                    // Of several events of one entity the later ones follow the earlier ones.
                    let staged = self.contents.staged.heads.get(item.coordinate.entity());
                    let head = staged.copied().or(before);
                    let (receipt, _) = self.stage(item, head, by.segment);
                    receipt
                });
                Ok((receipts.collect(), true))
            }
        }
    }

    /// Passes the points before an event is staged.
    fn pass_single(&mut self, item: &Append, points: &Points) -> Result<(), Refused> {
        let fault = self
            .contents
            .passed
            .single(points, item.coordinate.entity());
        let alone = |error| Refused::alone((0, BatchStage::Validation, error));
        fault.map_or(Ok(()), |error| Err(alone(error)))
    }

    /// Passes the points before a batch is staged.
    fn pass_batch(&mut self, items: &[Append], points: &Points) -> Result<(), Refused> {
        let batch_id = self.contents.position.next_sequence;
        let fault = self.contents.passed.batch(points, batch_id, items.len());
        fault.map_or(Ok(()), |failed| Err(Refused::alone(failed)))
    }

    /// Takes a write of the fence into the group, or not; its second answer waits for the end of
    /// the fence, unless it was refused.
    pub(super) fn admit_fenced(&mut self, write: FencedWrite, by: Admission<'_>) {
        match write {
            FencedWrite::One {
                item,
                written,
                ended,
            } => {
                let admitted = self.admit_all(item.into(), by, |group, items, points| {
                    let mut items = items.iter();
                    items.try_for_each(|item| group.pass_single(item, points))
                });
                let (answer, rests) = answer(admitted, |(_, _, error)| error);
                let answer = || match &answer {
                    // One item has one receipt.
                    Ok(receipts) => receipts.first().copied().ok_or(StoreError::WriterCrashed),
                    Err(error) => Err(error.copied()),
                };
                self.hold(Acknowledgement::One(ended, answer()));
                self.wait(Acknowledgement::One(written, answer()), rests);
            }
            FencedWrite::Batch {
                items,
                written,
                ended,
            } => {
                let admitted = self.admit_batch(items, by);
                let (answer, rests) = answer(admitted, batch_failed_at);
                let copy = answer.as_ref().map(Vec::clone);
                let copy = copy.map_err(StoreError::copied);
                self.hold(Acknowledgement::Batch(ended, copy));
                self.wait(Acknowledgement::Batch(written, answer), rests);
            }
        }
    }

    /// Returns the latest event of an item's entity, the group in hand included.
    pub(super) fn head(&self, item: &Append, known: &Known) -> Result<Option<Head>, StoreError> {
        let entity = item.coordinate.entity();
        match self.contents.staged.heads.get(entity) {
            Some(head) => Ok(Some(*head)),
            None => known.head(entity),
        }
    }

    /// Returns the latest event of each item's entity as it was before the items.
    pub(super) fn heads(
        &self,
        items: &[Append],
        known: &Known,
    ) -> Result<Vec<Option<Head>>, Refused> {
        let head = |(item_index, item)| {
            let head = self.head(item, known);
            head.map_err(|error| Refused::alone((item_index, BatchStage::Validation, error)))
        };
        items.iter().enumerate().map(head).collect()
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
            tie: Tie::Hashed,
            payload: &item.payload,
            removed: None,
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

/// Returns the answer to a command, and whether it rests on the group in hand.
pub(super) fn answer<T>(
    admitted: Admitted<T>,
    failed: impl FnOnce(FailedBatch) -> StoreError,
) -> (Result<T, StoreError>, bool) {
    match admitted {
        Ok((receipts, rests_on_group)) => (Ok(receipts), rests_on_group),
        Err(refused) => {
            let error = failed((refused.item_index, refused.stage, refused.error));
            (Err(error), refused.rests_on_group)
        }
    }
}
