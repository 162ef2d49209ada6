//! What a simulated program does: drawn from a seed, and cut down to what matters by shrinking.

use crate::model::Removal;
use batpak::testkit::{Keep, Loss};
use fastrand::Rng;

/// A world has at most so many entities.
pub(crate) const ENTITIES_MAX: u8 = 5;

/// How a world is set up, and what happens in it how often.
#[derive(Clone, Debug)]
pub(crate) struct Knobs {
    pub(crate) operations: usize,
    pub(crate) callers: u8,
    pub(crate) entities: u8,
    /// Acknowledged events that a power cut may lose, plus one: 1 is none.
    pub(crate) every_n_events: u32,
    pub(crate) max_delay_ms: u64,
    pub(crate) segment_max_bytes: u64,
    pub(crate) channel_capacity: usize,
    pub(crate) payload_max: usize,
    /// In percent of the operations.
    pub(crate) batches: u8,
    pub(crate) fences: u8,
    pub(crate) compactions: u8,
    pub(crate) snapshots: u8,
    pub(crate) follows: u8,
    pub(crate) projections: u8,
    pub(crate) retries: u8,
    pub(crate) other_payloads: u8,
    pub(crate) syncs: u8,
    pub(crate) steps: u8,
    pub(crate) clock: u8,
    pub(crate) reads: u8,
    pub(crate) reopens: u8,
    pub(crate) crashes: u8,
    pub(crate) panics: u8,
    /// In percent of the appends.
    pub(crate) keyed: u8,
    pub(crate) compared: u8,
    pub(crate) always: u8,
    /// Whether every power cut keeps nothing that was not synced.
    pub(crate) checkpoints: bool,
    /// Whether folds are carried on event by event.
    pub(crate) incremental: bool,
}

impl Knobs {
    /// Draws a world in which everything happens but panics.
    pub(crate) fn drawn(random: &mut Rng) -> Self {
        let relaxed = random.bool();
        Self {
            operations: random.usize(10..60),
            callers: random.u8(1..5),
            entities: random.u8(1..=ENTITIES_MAX),
            every_n_events: if relaxed { random.u32(2..12) } else { 1 },
            max_delay_ms: 1000,
            segment_max_bytes: *pick(random, &[600, 1500, 4000, 100_000]),
            channel_capacity: random.usize(1..12),
            payload_max: *pick(random, &[0, 20, 300, 1500]),
            batches: 15,
            fences: 4,
            compactions: 2,
            snapshots: 1,
            follows: 2,
            projections: 2,
            retries: 12,
            other_payloads: 3,
            syncs: 4,
            steps: 25,
            clock: 4,
            reads: 4,
            reopens: 3,
            crashes: 3,
            panics: 0,
            keyed: 60,
            compared: 25,
            always: 30,
            checkpoints: random.u8(..8) > 0,
            incremental: random.bool(),
        }
    }
}

/// What an append demands of its entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Demand {
    Nothing,
    /// The clock that the model expects the entity to have by then.
    Latest,
    /// Some other clock.
    Wrong(u32),
    Empty,
}

/// One event to append.
#[derive(Clone, Debug)]
pub(crate) struct NewEvent {
    pub(crate) entity: u8,
    pub(crate) filler: usize,
    pub(crate) keyed: bool,
    pub(crate) strict: bool,
    pub(crate) always: bool,
    pub(crate) demand: Demand,
}

/// How a fence ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FenceEnd {
    Commit,
    Cancel,
    Drop,
}

/// One thing that a simulated program does.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Append {
        caller: u8,
        event: NewEvent,
    },
    Batch {
        caller: u8,
        events: Vec<NewEvent>,
    },
    /// Writes into a visibility fence and ends it.
    Fence {
        caller: u8,
        events: Vec<NewEvent>,
        end: FenceEnd,
        /// Whether somebody looks before the end and after it.
        reads: bool,
        /// Whether somebody takes a snapshot before the end.
        copies: bool,
    },
    /// Writes the sealed segments again, without what is to be removed, while others append.
    Compact {
        removal: Option<Removal>,
        /// Whether the predicate is asked about payloads as they are stored.
        raw: bool,
        min_segments: usize,
        /// The predicate panics after so many events.
        panics_after: Option<u8>,
        caller: u8,
        beside: Vec<NewEvent>,
    },
    /// Copies the store into a folder of the disk, while others append.
    Snapshot {
        caller: u8,
        beside: Vec<NewEvent>,
    },
    /// Goes on from the place that was saved, and takes so many events.
    Follow {
        max: usize,
    },
    /// Folds an entity.
    Project {
        entity: u8,
    },
    /// Asks again for something that was asked before, so many questions back.
    Retry {
        back: usize,
        /// To be answered only once it is durable.
        always: bool,
    },
    /// Uses a key again for another event.
    OtherPayload {
        caller: u8,
        back: usize,
        strict: bool,
    },
    Sync,
    /// From now on payloads are filled with bytes of the log.
    CopyLog {
        from: u16,
    },
    /// Runs so many steps of the actors.
    Steps(u8),
    /// Runs until nobody has anything to do, and expects that everybody was answered.
    Settle,
    Advance {
        ms: u64,
    },
    ClockBack {
        ms: u64,
    },
    Panic {
        actor: &'static str,
    },
    Read,
    Reopen,
    /// The machine or the process dies at a call of the disk, so many calls from now.
    Crash {
        after_calls: u32,
        loss: Loss,
    },
}

impl Operation {
    /// Tells whether the calls of the disk are made on the thread of whoever asks.
    pub(crate) fn is_made_by_caller(&self) -> bool {
        matches!(
            self,
            Self::Reopen | Self::Read | Self::Follow { .. } | Self::Project { .. }
        )
    }
}

pub(crate) const ACTORS: [&str; 5] = ["writer", "roller", "indexer", "broker", "checkpointer"];

/// Draws the operations of a world.
pub(crate) fn draw(knobs: &Knobs, random: &mut Rng) -> Vec<Operation> {
    (0..knobs.operations)
        .map(|_| operation(knobs, random))
        .collect()
}

fn operation(knobs: &Knobs, random: &mut Rng) -> Operation {
    let caller = random.u8(0..knobs.callers);
    let mut left = random.u8(0..100);
    let mut falls = |percent: u8| {
        let falls = left < percent;
        left = left.saturating_sub(percent);
        falls
    };
    if falls(knobs.batches) {
        let count = random.usize(1..6);
        let events = (0..count).map(|_| new_event(knobs, random)).collect();
        return Operation::Batch { caller, events };
    }
    if falls(knobs.fences) {
        let count = random.usize(1..6);
        let events = (0..count).map(|_| new_event(knobs, random)).collect();
        let end = *pick(
            random,
            &[
                FenceEnd::Commit,
                FenceEnd::Commit,
                FenceEnd::Cancel,
                FenceEnd::Drop,
            ],
        );
        return Operation::Fence {
            caller,
            events,
            end,
            reads: true,
            copies: random.u8(0..100) < 10 * knobs.snapshots,
        };
    }
    if falls(knobs.compactions) {
        return compaction(knobs, random);
    }
    if falls(knobs.snapshots) {
        let beside = random.usize(0..5);
        let beside = (0..beside).map(|_| new_event(knobs, random)).collect();
        return Operation::Snapshot { caller, beside };
    }
    if falls(knobs.follows) {
        let max = random.usize(1..30);
        return Operation::Follow { max };
    }
    if falls(knobs.projections) {
        let entity = random.u8(0..knobs.entities);
        return Operation::Project { entity };
    }
    if falls(knobs.retries) {
        let back = random.usize(0..12);
        let always = random.u8(0..4) == 0;
        return Operation::Retry { back, always };
    }
    if falls(knobs.other_payloads) {
        let (back, strict) = (random.usize(0..12), random.bool());
        return Operation::OtherPayload {
            caller,
            back,
            strict,
        };
    }
    if falls(knobs.syncs) {
        return Operation::Sync;
    }
    if falls(knobs.steps) {
        return match random.u8(0..4) {
            0 => Operation::Settle,
            _ => Operation::Steps(random.u8(1..12)),
        };
    }
    if falls(knobs.clock) {
        return match random.u8(0..4) {
            0 => Operation::ClockBack {
                ms: random.u64(1..100_000),
            },
            _ => Operation::Advance {
                ms: random.u64(1..3000),
            },
        };
    }
    if falls(knobs.reads) {
        return Operation::Read;
    }
    if falls(knobs.reopens) {
        return Operation::Reopen;
    }
    if falls(knobs.crashes) {
        let after_calls = random.u32(0..30);
        return Operation::Crash {
            after_calls,
            loss: loss(random),
        };
    }
    if falls(knobs.panics) {
        let actor = pick(random, &ACTORS);
        return Operation::Panic { actor };
    }
    Operation::Append {
        caller,
        event: new_event(knobs, random),
    }
}

fn compaction(knobs: &Knobs, random: &mut Rng) -> Operation {
    let every = random.u64(1..6);
    let removal = Removal {
        every,
        rest: random.u64(0..every),
        shown: random.u8(0..3) == 0,
    };
    let beside = random.usize(0..5).saturating_sub(1);
    Operation::Compact {
        removal: Some(removal).filter(|_| random.u8(0..3) > 0),
        raw: random.bool(),
        min_segments: random.usize(0..4),
        panics_after: (random.u8(0..10) == 0).then(|| random.u8(0..6)),
        caller: random.u8(0..knobs.callers),
        beside: (0..beside).map(|_| new_event(knobs, random)).collect(),
    }
}

/// Draws how a machine or a process dies.
pub(crate) fn loss(random: &mut Rng) -> Loss {
    match random.u8(0..4) {
        0 => Loss::Kill,
        1 => power(random, Keep::Nothing),
        _ => power(random, Keep::Some),
    }
}

/// Draws a power cut.
pub(crate) fn power(random: &mut Rng, keep: Keep) -> Loss {
    let sector = *pick(random, &[512, 4096]);
    Loss::Power { sector, keep }
}

fn new_event(knobs: &Knobs, random: &mut Rng) -> NewEvent {
    let percent = |random: &mut Rng, share: u8| random.u8(0..100) < share;
    let demand = match percent(random, knobs.compared) {
        false => Demand::Nothing,
        true => match random.u8(0..6) {
            0 => Demand::Wrong(random.u32(0..20)),
            1 => Demand::Empty,
            _ => Demand::Latest,
        },
    };
    NewEvent {
        entity: random.u8(0..knobs.entities),
        filler: random.usize(0..=knobs.payload_max),
        keyed: percent(random, knobs.keyed),
        strict: random.u8(..) < 60,
        always: percent(random, knobs.always),
        demand,
    }
}

pub(crate) fn pick<'a, T>(random: &mut Rng, from: &'a [T]) -> &'a T {
    let index = random.usize(0..from.len());
    from.get(index)
        .unwrap_or_else(|| panic!("nothing to pick from"))
}
