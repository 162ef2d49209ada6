//! What a group means once its bytes are on disk, and who is told.

use super::known::{Head, Recent, Stored};
use crate::error::{BatchStage, StoreError};
use crate::faults::Passed;
use crate::hashing::HashMap;
use crate::protocol::{Acknowledgement, Append, AppendReceipt};
use crate::view::{DiskPos, IndexEntry};
use batpak_log::coordinate::Coordinate;
use batpak_log::event::HashChain;
use batpak_log::log_position::LogPosition;
use batpak_log::position::Hlc;

/// What a group means once its bytes are on disk.
pub(super) struct Contents {
    /// The end of the log behind the group.
    pub(super) position: LogPosition,
    pub(super) entries: Vec<IndexEntry>,
    pub(super) staged: Recent,
    /// Coordinates that the group defines, with their numbers in the segment.
    pub(super) names: HashMap<Coordinate, u32>,
    /// Who waits for the group, in order.
    pub(super) waiting: Vec<Acknowledgement>,
    /// Which of those have an answer that does not rest on the group.
    apart: Vec<usize>,
    /// Somebody in it is to be answered only once it is durable.
    pub(super) durable: bool,
    /// It belongs to the fence that is open.
    pub(super) fenced: bool,
    /// Who waits for the end of the fence, in order.
    pub(super) held: Vec<Acknowledgement>,
    /// At which points its commands might have failed.
    pub(super) passed: Passed,
}

/// An event's place in its entity's history.
pub(super) struct Link {
    pub(super) clock: u32,
    pub(super) hlc: Hlc,
    pub(super) chain: HashChain,
}

impl Contents {
    /// Returns the contents of a group in which nothing is yet.
    pub(super) fn empty(position: LogPosition, staged: Recent, commands: usize) -> Self {
        Self {
            position,
            entries: Vec::with_capacity(commands),
            staged,
            names: HashMap::default(),
            waiting: Vec::with_capacity(commands),
            apart: Vec::new(),
            durable: false,
            fenced: false,
            held: Vec::new(),
            passed: Passed::default(),
        }
    }

    /// Returns what a fence that was committed means.
    pub(super) fn of_fence(
        position: LogPosition,
        entries: Vec<IndexEntry>,
        waiting: Vec<Acknowledgement>,
        durable: bool,
    ) -> Self {
        Self {
            entries,
            waiting,
            durable,
            ..Self::empty(position, Recent::default(), 0)
        }
    }

    /// Remembers who waits for the group.
    pub(super) fn wait(&mut self, acknowledgement: Acknowledgement, rests_on_group: bool) {
        if !rests_on_group {
            self.apart.push(self.waiting.len());
        }
        self.waiting.push(acknowledgement);
    }

    /// Takes up an event that stands in the group's bytes.
    ///
    /// The writer only writes segments that were never merged.
    pub(super) fn add(&mut self, item: Append, link: &Link, disk_pos: DiskPos) -> AppendReceipt {
        let sequence = self.position.next_sequence;
        self.position
            .count(sequence, link.hlc, &link.chain.event_hash);
        let receipt = AppendReceipt {
            event_id: item.event_id,
            sequence,
            disk_pos,
            clock: link.clock,
            replay: None,
        };
        let head = Head {
            clock: link.clock,
            event_hash: link.chain.event_hash,
        };
        match self.staged.heads.get_mut(item.coordinate.entity()) {
            Some(latest) => *latest = head,
            None => {
                self.staged.heads.insert(item.coordinate.entity_arc(), head);
            }
        }
        if item.keyed {
            let stored = Stored {
                receipt,
                coordinate: item.coordinate.clone(),
                kind: item.kind,
                payload_hash: item.payload_hash,
            };
            self.staged.keys.insert(item.event_id, stored);
        }
        self.entries.push(IndexEntry {
            event_id: item.event_id,
            correlation_id: item.correlation_id,
            causation_id: item.causation_id,
            coord: item.coordinate,
            kind: item.kind,
            wall_ms: link.hlc.wall_ms(),
            clock: link.clock,
            hash_chain: link.chain,
            disk_pos,
            global_sequence: sequence,
            segment_generation: 0,
            is_hidden: false,
        });
        receipt
    }

    /// Returns who waits, in order, each with whether its answer rests on the group.
    fn take_waiting(&mut self) -> impl Iterator<Item = (Acknowledgement, bool)> + use<> {
        let mut apart = std::mem::take(&mut self.apart).into_iter().peekable();
        let waiting = std::mem::take(&mut self.waiting).into_iter().enumerate();
        waiting.map(move |(at, waiting)| (waiting, apart.next_if_eq(&at).is_none()))
    }

    /// Keeps of a group that was cut back only those who wait; who rests on it is told that it came
    /// to nothing, once that is certain.
    pub(super) fn cut_back(mut self, position: LogPosition, error: &StoreError) -> Self {
        let apart = self.apart.clone();
        let failed = |held: Vec<Acknowledgement>| {
            let fail = |waiting: Acknowledgement| match waiting.is_success() {
                true => waiting.failed(BatchStage::Writing, error),
                false => waiting,
            };
            held.into_iter().map(fail).collect()
        };
        let tell = |(waiting, rests_on_group): (Acknowledgement, bool)| match rests_on_group {
            true => waiting.failed(BatchStage::Writing, error),
            false => waiting,
        };
        Self {
            position,
            entries: Vec::new(),
            staged: Recent::default(),
            names: HashMap::default(),
            waiting: self.take_waiting().map(tell).collect(),
            apart,
            durable: self.durable,
            fenced: self.fenced,
            held: failed(self.held),
            passed: Passed::default(),
        }
    }

    /// Tells those who wait that their fate is open: nobody is told of success any more, not even
    /// of an earlier one, whose durability rested on the same sync.
    pub(super) fn left_open(mut self, stage: BatchStage, detail: &str) {
        let fate = StoreError::FateUnknown {
            detail: detail.into(),
        };
        for held in std::mem::take(&mut self.held) {
            held.failed(stage, &fate).deliver();
        }
        for (waiting, rests_on_group) in self.take_waiting() {
            if rests_on_group || waiting.is_success() {
                waiting.failed(stage, &fate).deliver();
            } else {
                waiting.deliver();
            }
        }
    }
}
