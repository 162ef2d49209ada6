//! What a store must hold and answer, kept beside it.
//!
//! Every event that was ever sent has a number, which stands in its payload too. In a world without
//! faults and panics the model says each answer in advance; in any world it says which events must
//! be in the log after a crash, which may be, and which must not.

mod answers;
mod check;
mod payload;
mod recovered;
mod reference;
mod removed;

pub(crate) use answers::cause;
pub(crate) use payload::{Payload, number_in};
pub(crate) use recovered::{Died, Digest, Recovered};
pub(crate) use reference::Prediction;
pub(crate) use removed::{CompactionEnd, Form, Forms, Removal};

use crate::plan::{Demand, NewEvent};
use batpak::prelude::{AppendOptions, Coordinate, EventKind};
use batpak::store::{AppendReceipt, BatchAppendItem, CausationRef, Durability, IndexEntry};
use reference::Reference;
use removed::Judged;
use std::collections::{BTreeMap, BTreeSet};

/// One event that was sent, once or again and again.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) number: u64,
    pub(crate) caller: u8,
    pub(crate) entity: u8,
    pub(crate) key: Option<u128>,
    pub(crate) content: Payload,
    /// The content in MessagePack.
    pub(crate) payload: Vec<u8>,
    pub(crate) options: AppendOptions,
    /// The first event of its batch, and how many there are.
    pub(crate) batch: Option<(u64, u64)>,
    pub(crate) state: State,
    /// An answer was lost, so it may be stored although nobody was told.
    pub(crate) doubtful: bool,
    /// How often it was asked for.
    pub(crate) attempts: u32,
    outstanding: u32,
    /// How the log may show it.
    pub(crate) forms: Forms,
    /// Where it stood when a compaction began.
    pub(crate) place: Option<IndexEntry>,
}

/// What is known of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It may be stored.
    Open,
    /// It is not stored.
    Absent,
    Committed(Committed),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Committed {
    pub(crate) sequence: u64,
    pub(crate) clock: u32,
    pub(crate) receipt: Option<AppendReceipt>,
    pub(crate) at_us: u64,
    /// No power cut may lose it.
    pub(crate) durable: bool,
}

/// What the model demands of a world.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Strictness {
    /// Every answer is known in advance.
    pub(crate) exact: bool,
    /// Acknowledged events that a power cut may lose.
    pub(crate) may_lose_events: u64,
    /// An event that was acknowledged earlier than this is never lost.
    pub(crate) may_lose_us: u64,
    /// Every acknowledgement is of something durable.
    pub(crate) always: bool,
    /// The disk says that it has synced and has not: anything may be lost, but in order.
    pub(crate) disk_lies: bool,
    /// The machine may lose what was not synced without being restarted.
    pub(crate) pages_drop: bool,
    /// The disk refuses calls, so appends may be refused.
    pub(crate) disk_fails: bool,
    /// Actors panic, so appends may be refused once a restart budget is spent.
    pub(crate) budget_may_end: bool,
}

pub(crate) struct Model {
    pub(crate) sent: Vec<Sent>,
    pub(crate) strictness: Strictness,
    /// Which event had a sequence when it was acknowledged or read.
    pub(crate) observed: BTreeMap<u64, u64>,
    reference: Reference,
    /// Ids of events that a subscriber of this session was told of, and how often each.
    pub(crate) notified: BTreeSet<u128>,
    pub(crate) checks: Checks,
    next_key: u128,
    /// Which event has an id, as of the latest compaction.
    ids: BTreeMap<u128, u64>,
    /// What the compaction under way is to remove.
    judged: Vec<Judged>,
    /// What payloads are filled with; letters when empty.
    pub(crate) material: Vec<u8>,
}

/// How often each promise was looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Checks {
    pub(crate) answers: u64,
    pub(crate) replays: u64,
    pub(crate) refusals: u64,
    pub(crate) sequences: u64,
    /// Events that compactions were told to remove.
    pub(crate) removals: u64,
}

pub(crate) const KIND: EventKind = EventKind::custom(1, 1);

impl Model {
    pub(crate) fn new(strictness: Strictness) -> Self {
        Self {
            sent: Vec::new(),
            strictness,
            observed: BTreeMap::new(),
            reference: Reference::default(),
            notified: BTreeSet::new(),
            checks: Checks::default(),
            next_key: 1,
            ids: BTreeMap::new(),
            judged: Vec::new(),
            material: Vec::new(),
        }
    }

    pub(crate) fn get(&self, number: u64) -> Option<&Sent> {
        self.sent.get(usize::try_from(number).ok()?)
    }

    fn get_mut(&mut self, number: u64) -> Option<&mut Sent> {
        self.sent.get_mut(usize::try_from(number).ok()?)
    }

    /// Notes an event that is about to be sent for the first time.
    pub(crate) fn prepare(&mut self, caller: u8, event: &NewEvent, key: Option<u128>) -> u64 {
        let number = self.sent.len() as u64;
        let key = key.or_else(|| {
            event.keyed.then(|| {
                self.next_key += 1;
                self.next_key
            })
        });
        let mut options = AppendOptions::new();
        options.idempotency_key = key;
        options.strict_idempotency = event.strict;
        if event.always {
            options.durability = Durability::Always;
        }
        match (event.demand, self.reference.head(event.entity)) {
            (Demand::Nothing, _) => {}
            (Demand::Latest, Some(clock)) => options.expected_sequence = Some(clock),
            (Demand::Latest, None) | (Demand::Empty, _) => options.expect_empty = true,
            (Demand::Wrong(clock), _) => options.expected_sequence = Some(clock),
        }
        let content = Payload::new(number, event.filler, &self.material);
        self.sent.push(Sent {
            number,
            caller,
            entity: event.entity,
            key,
            payload: content.encode(),
            content,
            options,
            batch: None,
            state: State::Open,
            doubtful: false,
            attempts: 0,
            outstanding: 0,
            forms: Forms::WHOLE,
            place: None,
        });
        number
    }

    /// Notes that these events stand in one batch.
    pub(crate) fn bind(&mut self, numbers: &[u64]) {
        let batch = numbers.first().map(|first| (*first, numbers.len() as u64));
        for number in numbers {
            if let Some(sent) = self.get_mut(*number) {
                sent.batch = batch;
            }
        }
    }

    /// Notes a question that is on its way, and says its answer if that can be said.
    pub(crate) fn ask(&mut self, numbers: &[u64]) -> Option<Prediction> {
        for number in numbers {
            if let Some(sent) = self.get_mut(*number) {
                sent.attempts += 1;
                sent.outstanding += 1;
                if sent.state == State::Absent {
                    sent.state = State::Open;
                }
            }
        }
        let items: Vec<Sent> = numbers
            .iter()
            .filter_map(|n| self.get(*n))
            .cloned()
            .collect();
        let prediction = self.reference.ask(&items);
        self.strictness.exact.then_some(prediction)
    }

    /// Has the answers to come mean that these events are durable; not those that are under way.
    pub(crate) fn demand_always(&mut self, numbers: &[u64]) {
        for number in numbers {
            if let Some(sent) = self.get_mut(*number)
                && sent.outstanding == 0
            {
                sent.options.durability = Durability::Always;
            }
        }
    }

    /// Returns which of the events that were sent may be asked for again, the latest first.
    pub(crate) fn keyed(&self, back: usize) -> Option<&Sent> {
        let keyed = self.sent.iter().rev().filter(|sent| sent.key.is_some());
        keyed.skip(back).find(|sent| sent.attempts > 0)
    }

    /// Notes that nobody will answer what is under way: the process has died.
    pub(crate) fn abandon(&mut self) {
        for sent in &mut self.sent {
            if sent.outstanding > 0 {
                sent.outstanding = 0;
                sent.doubtful = true;
            }
        }
        self.notified.clear();
    }

    /// Notes of a fence's events that were never committed that they are not stored, and may be
    /// asked for again.
    pub(crate) fn take_back(&mut self, numbers: &[u64]) {
        for number in numbers {
            if let Some(sent) = self.get_mut(*number)
                && sent.attempts == 0
            {
                sent.attempts = 1;
                sent.state = State::Absent;
            }
        }
    }

    /// Marks what was committed up to here as durable.
    pub(crate) fn all_is_durable(&mut self, up_to: u64) {
        for sent in &mut self.sent {
            if let State::Committed(committed) = &mut sent.state
                && committed.sequence <= up_to
            {
                committed.durable = true;
            }
        }
    }

    /// Returns the highest sequence that was acknowledged.
    pub(crate) fn last_committed(&self) -> Option<u64> {
        let sequences = self.sent.iter().filter_map(|sent| match &sent.state {
            State::Committed(committed) => Some(committed.sequence),
            State::Open | State::Absent => None,
        });
        sequences.max()
    }

    /// Notes which event has a sequence; two of one sequence are never seen.
    pub(crate) fn observe(&mut self, sequence: u64, number: u64) -> Result<(), String> {
        self.checks.sequences += 1;
        match self.observed.insert(sequence, number) {
            Some(before) if before != number && !self.strictness.disk_lies => Err(format!(
                "sequence {sequence} is event {number}, and was event {before} before"
            )),
            _ => Ok(()),
        }
    }
}

impl Sent {
    pub(crate) fn coordinate(&self) -> Coordinate {
        let scope = format!("scope:{}", self.entity % 2);
        Coordinate::new(format!("entity:{}", self.entity), scope)
            .unwrap_or_else(|error| panic!("{error}"))
    }

    pub(crate) fn item(&self) -> BatchAppendItem {
        BatchAppendItem {
            coord: self.coordinate(),
            kind: KIND,
            payload_bytes: self.payload.clone(),
            options: self.options,
            causation: CausationRef::None,
        }
    }

    pub(crate) fn is_always(&self) -> bool {
        self.options.durability == Durability::Always
    }
}

impl Model {
    /// Finds a batch of which only some events are among these; the events carry keys. Those that
    /// a compaction may have removed need not be.
    pub(crate) fn half_of_a_batch(&self, ids: &[u128]) -> Option<String> {
        let seen: BTreeSet<u128> = ids.iter().copied().collect();
        let is_seen = |sent: &Sent| sent.key.is_some_and(|key| seen.contains(&key));
        for sent in &self.sent {
            let Some((first, count)) = sent.batch.filter(|_| is_seen(sent)) else {
                continue;
            };
            let missing = (first..first + count)
                .filter_map(|number| self.get(number))
                .find(|other| {
                    other.key.is_some() && other.forms == Forms::WHOLE && !is_seen(other)
                });
            if let Some(missing) = missing {
                let (one, other) = (sent.number, missing.number);
                return Some(format!(
                    "a reader sees event {one} of a batch and not {other}"
                ));
            }
        }
        None
    }
}
