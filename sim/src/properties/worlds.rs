//! What holds in any world, with a good disk and actors that do not panic.

use crate::plan::{Operation, pick};
use crate::property::{Property, Trial};
use crate::scenario::{Outcome, Scenario};

fn images(outcome: &Outcome) -> u64 {
    outcome.tally.images.images
}

fn runs(_: &Outcome) -> u64 {
    1
}

fn world(
    name: &'static str,
    promise: &'static str,
    unit: &'static str,
    counts: [u64; 3],
    scenario: fn(u64) -> Scenario,
    count: fn(&Outcome) -> u64,
) -> Property {
    let trial = Trial::World { scenario, count };
    Property {
        name,
        promise,
        unit,
        counts,
        trial,
    }
}

pub(super) fn properties() -> Vec<Property> {
    let mut all = crashes();
    all.extend(protocols());
    all
}

fn crashes() -> Vec<Property> {
    vec![
        world(
            "power-cut",
            "what was acknowledged as durable survives a power cut, in order and whole",
            "crash images",
            [10_000, 200_000, 2_000_000],
            |seed| {
                let mut scenario = Scenario::drawn(seed, |_, _| {}).with_images(4, 1, 0);
                scenario.policy.power_only = true;
                scenario
            },
            images,
        ),
        world(
            "every-call",
            "a crash at every call of a trace that changes the disk, in sixteen ways each",
            "crash images",
            [10_000, 200_000, 2_000_000],
            |seed| {
                let adjust = |knobs: &mut crate::plan::Knobs, _: &mut fastrand::Rng| {
                    knobs.operations = 300;
                    knobs.payload_max = knobs.payload_max.min(300);
                    (knobs.crashes, knobs.reopens) = (1, 2);
                };
                Scenario::drawn(seed, adjust).with_images(1, 16, 0)
            },
            images,
        ),
        world(
            "nested-crash",
            "crashes in recovery, up to three deep, leave what one recovery leaves",
            "crashes in recovery",
            [2_000, 50_000, 500_000],
            |seed| Scenario::drawn(seed, |_, _| {}).with_images(5, 1, 3),
            |outcome| outcome.tally.images.nested,
        ),
        world(
            "many-openings",
            "a directory is opened twenty times after a crash each time, and never refused",
            "directories",
            [100, 2_000, 20_000],
            |seed| {
                let mut scenario = Scenario::drawn(seed, |knobs, _| {
                    knobs.operations = 200;
                    (knobs.crashes, knobs.reopens) = (0, 5);
                });
                let mut random = fastrand::Rng::with_seed(seed);
                for at in (0..20).map(|nth| nth * 10) {
                    let after_calls = random.u32(0..8);
                    let loss = crate::plan::loss(&mut random);
                    scenario
                        .operations
                        .insert(at, Operation::Crash { after_calls, loss });
                }
                scenario
            },
            runs,
        ),
        world(
            "merged-segments",
            "small segments that closing merges lose nothing, whenever it is interrupted",
            "crash images",
            [10_000, 100_000, 1_000_000],
            |seed| {
                let mut scenario = Scenario::drawn(seed, |knobs, _| {
                    knobs.operations = 80;
                    knobs.segment_max_bytes = 100_000;
                    knobs.payload_max = 20;
                    (knobs.crashes, knobs.reopens) = (0, 45);
                });
                scenario.policy.power_only = true;
                scenario.with_images(2, 1, 0)
            },
            images,
        ),
        world(
            "compaction",
            "a crash at any call of a compaction leaves what was or what is to be, never a mix",
            "crash images",
            [10_000, 200_000, 2_000_000],
            |seed| {
                let mut scenario = Scenario::drawn(seed, |knobs, random| {
                    knobs.operations = 40;
                    knobs.segment_max_bytes = *pick(random, &[400, 600, 1500]);
                    knobs.payload_max = knobs.payload_max.min(300);
                    (knobs.compactions, knobs.crashes, knobs.reopens) = (15, 3, 10);
                });
                scenario.policy.maintaining = 2;
                scenario
            },
            |outcome| outcome.tally.images.maintaining,
        ),
        world(
            "snapshot",
            "a crash in a snapshot leaves the store, and a copy that is whole or refused",
            "crash images",
            [5_000, 100_000, 1_000_000],
            |seed| {
                let mut scenario = Scenario::drawn(seed, |knobs, random| {
                    knobs.operations = 40;
                    knobs.segment_max_bytes = *pick(random, &[400, 600, 1500, 20_000]);
                    knobs.payload_max = knobs.payload_max.min(300);
                    (knobs.snapshots, knobs.fences, knobs.compactions) = (10, 10, 5);
                });
                scenario.policy.maintaining = 1;
                scenario
            },
            |outcome| outcome.tally.images.copies,
        ),
    ]
}

fn protocols() -> Vec<Property> {
    vec![
        world(
            "saved-positions",
            "a saved position goes on with each event once, through crashes and compactions",
            "events",
            [10_000, 200_000, 2_000_000],
            |seed| {
                Scenario::drawn(seed, |knobs, random| {
                    (knobs.follows, knobs.crashes, knobs.operations) = (20, 6, 80);
                    (knobs.compactions, knobs.reopens) = (4, random.u8(0..8));
                })
            },
            |outcome| outcome.tally.handed_out,
        ),
        world(
            "kept-states",
            "a state that was kept is never taken for that of another history",
            "projections",
            [5_000, 100_000, 1_000_000],
            |seed| {
                let adjust = |knobs: &mut crate::plan::Knobs, random: &mut fastrand::Rng| {
                    (knobs.projections, knobs.crashes, knobs.operations) = (20, 6, 80);
                    (knobs.compactions, knobs.reopens) = (4, random.u8(0..8));
                    (knobs.entities, knobs.incremental) = (random.u8(1..3), true);
                    (knobs.every_n_events, knobs.always) = (random.u32(4..12), 5);
                };
                Scenario::drawn(seed, adjust).with_images(10, 1, 0)
            },
            |outcome| outcome.tally.projections,
        ),
        world(
            "retry-any-time",
            "a retry with the same key returns the first receipt, before and after any crash",
            "retries",
            [10_000, 100_000, 1_000_000],
            |seed| {
                let adjust = |knobs: &mut crate::plan::Knobs, _: &mut fastrand::Rng| {
                    (knobs.retries, knobs.keyed, knobs.crashes) = (40, 100, 4);
                };
                Scenario::drawn(seed, adjust).with_images(12, 1, 0)
            },
            |outcome| outcome.tally.checks.replays + outcome.tally.images.retries,
        ),
        world(
            "key-of-another",
            "a key that is used for another event stores nothing, and says so; strictly, refuses",
            "answers",
            [5_000, 20_000, 200_000],
            |seed| {
                Scenario::drawn(seed, |knobs, _| {
                    (knobs.other_payloads, knobs.batches, knobs.keyed) = (40, 25, 100);
                })
            },
            |outcome| outcome.tally.checks.answers,
        ),
        world(
            "key-before-compare",
            "a retry of a compare-and-swap that succeeded succeeds, live and after a crash",
            "retries",
            [1_000, 20_000, 200_000],
            |seed| {
                let adjust = |knobs: &mut crate::plan::Knobs, _: &mut fastrand::Rng| {
                    (knobs.retries, knobs.keyed, knobs.compared) = (40, 100, 90);
                };
                Scenario::drawn(seed, adjust).with_images(12, 1, 0)
            },
            |outcome| outcome.tally.checks.replays + outcome.tally.images.retries,
        ),
        world(
            "one-winner",
            "of those who compare with one clock one wins, and the others learn the actual clock",
            "answers",
            [10_000, 100_000, 1_000_000],
            |seed| {
                Scenario::drawn(seed, |knobs, _| {
                    (knobs.compared, knobs.entities, knobs.steps) = (100, 2, 15);
                })
            },
            |outcome| outcome.tally.checks.answers,
        ),
        world(
            "one-order",
            "every answer is that of a store that does one thing after the other, with restarts",
            "histories of 200 operations",
            [500, 10_000, 100_000],
            |seed| {
                Scenario::drawn(seed, |knobs, _| {
                    knobs.operations = 200;
                    (knobs.crashes, knobs.reopens) = (3, 3);
                })
            },
            runs,
        ),
        world(
            "model",
            "all operations, openings and crashes against the model",
            "histories of 100 operations",
            [2_000, 50_000, 500_000],
            |seed| {
                Scenario::drawn(seed, |knobs, random| {
                    knobs.operations = 100;
                    (knobs.crashes, knobs.reopens) = (random.u8(0..10), random.u8(0..10));
                    (knobs.reads, knobs.clock) = (random.u8(0..20), random.u8(0..20));
                })
            },
            runs,
        ),
    ]
}
