//! What holds when the disk refuses, shortens and interrupts calls.

use crate::plan::Knobs;
use crate::property::{Effort, Property, Trial};
use crate::scenario::{Outcome, Scenario, Trouble};
use crate::world::{self, ImagePolicy, World};
use batpak::testkit::{FsCall, Noise, When};
use fastrand::Rng;
use std::io::ErrorKind;

pub(super) fn properties() -> Vec<Property> {
    vec![
        Property {
            name: "failed-sync",
            promise: "nothing acknowledged rests on a failed sync, whatever a second sync says",
            unit: "failed syncs",
            counts: [400, 4_000, 40_000],
            trial: Trial::World {
                scenario: failed_sync,
                count: struck,
            },
        },
        Property {
            name: "torn-sync",
            promise: "a failed sync after which the machine forgets what it could not write",
            unit: "torn syncs",
            counts: [400, 4_000, 40_000],
            trial: Trial::World {
                scenario: torn_sync,
                count: struck,
            },
        },
        Property {
            name: "failed-call",
            promise: "any one call may fail, or all from one on: no panic, no hang, nothing lost",
            unit: "runs with failed calls",
            counts: [1_500, 30_000, 300_000],
            trial: Trial::World {
                scenario: failed_call,
                count: struck_once,
            },
        },
        Property {
            name: "rotation-faults",
            promise: "an error or a panic at any step of a rotation loses nothing",
            unit: "runs with a fault",
            counts: [1_500, 30_000, 300_000],
            trial: Trial::World {
                scenario: rotation_fault,
                count: struck_once,
            },
        },
        Property {
            name: "compaction-faults",
            promise: "an error or a panic in a compaction or a copy loses and brings back nothing",
            unit: "runs with a fault",
            counts: [500, 10_000, 100_000],
            trial: Trial::World {
                scenario: compaction_fault,
                count: struck_once,
            },
        },
        Property {
            name: "disk-full",
            promise: "a full disk refuses, loses nothing, and appends go on when there is room",
            unit: "full disks",
            counts: [500, 5_000, 50_000],
            trial: Trial::Case(disk_full),
        },
        Property {
            name: "short-and-interrupted",
            promise: "short and interrupted calls leave the bytes of an undisturbed run",
            unit: "runs",
            counts: [300, 6_000, 60_000],
            trial: Trial::Case(short_and_interrupted),
        },
        Property {
            name: "lying-disk",
            promise: "after a disk that lied about syncs the log is a consistent front of what was",
            unit: "crash images",
            counts: [2_000, 40_000, 400_000],
            trial: Trial::World {
                scenario: lying_disk,
                count: |outcome| outcome.tally.images.images,
            },
        },
    ]
}

fn struck(outcome: &Outcome) -> u64 {
    outcome.struck
}

fn struck_once(outcome: &Outcome) -> u64 {
    outcome.struck.min(1)
}

/// The seed's low part is which sync fails; its high part which world.
fn failed_sync(seed: u64) -> Scenario {
    let (drawn, nth) = (seed / 12, seed % 12);
    let calls = [FsCall::SyncData, FsCall::SyncAll, FsCall::SyncDirectory];
    let call = *crate::plan::pick(&mut Rng::with_seed(seed), &calls);
    let adjust = |knobs: &mut Knobs, _: &mut Rng| {
        (knobs.crashes, knobs.reopens, knobs.syncs) = (1, 3, 8);
        knobs.operations = 80;
    };
    let scenario = Scenario::drawn(drawn, adjust).with_trouble(Trouble::Sync { call, nth });
    scenario.with_images(12, 1, 1)
}

fn torn_sync(seed: u64) -> Scenario {
    let (drawn, nth) = (seed / 12, seed % 12);
    let adjust = |knobs: &mut Knobs, random: &mut Rng| {
        (knobs.crashes, knobs.reopens, knobs.syncs) = (0, 4, 5);
        (knobs.operations, knobs.every_n_events) = (80, random.u32(4..20));
        (knobs.always, knobs.segment_max_bytes) = (5, 20_000);
    };
    let trouble = Trouble::TornSync { nth, seed };
    let scenario = Scenario::drawn(drawn, adjust).with_trouble(trouble);
    let mut scenario = scenario.with_images(12, 1, 0);
    // A process that is killed before the writer could leave its mark tells the next one nothing.
    scenario.policy.power_only = true;
    scenario
}

fn failed_call(seed: u64) -> Scenario {
    let (drawn, index) = (seed / 384, seed / 3 % 128);
    let kinds = [
        ErrorKind::Other,
        ErrorKind::StorageFull,
        ErrorKind::PermissionDenied,
    ];
    let kind = *crate::plan::pick(&mut Rng::with_seed(seed), &kinds);
    let trouble = match seed % 3 {
        0 => Trouble::Call { index, kind },
        1 => Trouble::CallAfter { index, kind },
        _ => Trouble::Calls { index, kind },
    };
    Scenario::drawn(drawn, |_, _| {})
        .with_trouble(trouble)
        .with_images(10, 1, 0)
}

fn rotation_fault(seed: u64) -> Scenario {
    let (drawn, index) = (seed / 512, seed / 4 % 128);
    let trouble = match seed % 4 {
        0 => Trouble::Call {
            index,
            kind: ErrorKind::Other,
        },
        1 => Trouble::PanicInCall {
            index,
            when: When::Before,
        },
        2 => Trouble::PanicInCall {
            index,
            when: When::Middle,
        },
        _ => Trouble::PanicInCall {
            index,
            when: When::After,
        },
    };
    let adjust = |knobs: &mut Knobs, _: &mut Rng| {
        (knobs.segment_max_bytes, knobs.crashes) = (500, 2);
    };
    Scenario::drawn(drawn, adjust)
        .with_trouble(trouble)
        .with_images(10, 1, 0)
}

/// Half of the calls of such a world are made by compactions.
fn compaction_fault(seed: u64) -> Scenario {
    let (drawn, index) = (seed / 1024, seed / 8 % 128 * 3);
    let kind = match seed % 16 / 8 {
        0 => ErrorKind::Other,
        _ => ErrorKind::StorageFull,
    };
    let in_call = |when| Trouble::PanicInCall { index, when };
    let trouble = match seed % 8 {
        0 | 1 => Trouble::Call { index, kind },
        2 => Trouble::CallAfter { index, kind },
        3 => Trouble::Calls { index, kind },
        4 => in_call(When::Before),
        5 => in_call(When::Middle),
        6 => in_call(When::After),
        _ => Trouble::PanicAtMoment { index },
    };
    let adjust = |knobs: &mut Knobs, random: &mut Rng| {
        (knobs.segment_max_bytes, knobs.crashes) = (500, 2);
        (knobs.compactions, knobs.snapshots) = (25, 5);
        knobs.reopens = random.u8(0..15);
        (knobs.operations, knobs.payload_max) = (40, 100);
    };
    let mut scenario = Scenario::drawn(drawn, adjust).with_trouble(trouble);
    scenario.policy.maintaining = u32::from(seed.is_multiple_of(11));
    scenario
}

fn lying_disk(seed: u64) -> Scenario {
    let mut scenario = Scenario::drawn(seed, |knobs, _| {
        (knobs.crashes, knobs.checkpoints) = (3, false);
        // What was removed would have to be durable.
        (knobs.compactions, knobs.snapshots, knobs.follows) = (0, 0, 0);
    });
    let noise = Noise {
        seed,
        lying_sync: 80,
        ..Noise::default()
    };
    scenario.trouble = Trouble::Noise(noise);
    scenario.strictness.disk_lies = true;
    scenario.with_images(6, 1, 0)
}

/// A world fills its disk; then there is room, and everything goes on without a reopening.
fn disk_full(seed: u64, effort: &mut Effort) -> Result<(), String> {
    let bytes = 512 * (seed % 64);
    let mut scenario = Scenario::drawn(seed / 64, |knobs, _| {
        (knobs.crashes, knobs.reopens, knobs.payload_max) = (0, 0, 300);
    });
    scenario = scenario.with_trouble(Trouble::Quota { bytes });
    let config = world::config(&scenario.knobs);
    let policy = ImagePolicy {
        one_in: 10,
        at_once: 1,
        ..ImagePolicy::NONE
    };
    let mut world = World::new(seed, config, scenario.strictness, policy);
    world.open(crate::model::Died::Nothing)?;
    world.disk().set_quota(Some(bytes));
    for operation in &scenario.operations {
        world.carry_out(operation)?;
    }
    world.settle()?;
    world.disk().set_quota(None);
    effort.count += 1;
    effort.operations += world.tally().operations;
    effort.images += world.tally().images.images;
    let event = crate::plan::NewEvent {
        entity: 9,
        filler: 1,
        keyed: true,
        strict: false,
        always: true,
        demand: crate::plan::Demand::Nothing,
    };
    let operation = crate::plan::Operation::Append { caller: 0, event };
    world.carry_out(&operation)?;
    world.settle()?;
    let inner = world.inner();
    let last = inner.model.sent.last();
    let stored = last.is_some_and(|sent| matches!(sent.state, crate::model::State::Committed(_)));
    drop(inner);
    if !stored {
        return Err("there is room again, and an append is still refused".into());
    }
    world.reopen()?;
    world.end()
}

/// The same world twice, once with calls that are cut short and interrupted.
fn short_and_interrupted(seed: u64, effort: &mut Effort) -> Result<(), String> {
    let scenario = Scenario::drawn(seed, |knobs, _| knobs.crashes = 0);
    let noise = Noise {
        seed,
        short_write: 90,
        interrupted: 60,
        ..Noise::default()
    };
    effort.count += 1;
    let mut bytes = Vec::new();
    for noise in [None, Some(noise)] {
        let config = world::config(&scenario.knobs);
        let mut world = World::new(seed, config, scenario.strictness, ImagePolicy::NONE);
        if let Some(noise) = noise {
            world.disk().noise(noise);
        }
        world.open(crate::model::Died::Nothing)?;
        world.run(&scenario.operations)?;
        effort.operations += world.tally().operations;
        effort.struck += world.disk().injected();
        let disk = world.disk();
        let files = disk.files().into_iter();
        let files: Vec<_> = files
            .map(|name| (disk.bytes(&name).unwrap_or_default(), name))
            .collect();
        bytes.push(files);
    }
    match bytes.first() == bytes.last() {
        true => Ok(()),
        false => Err("the bytes on disk are not those of an undisturbed run".into()),
    }
}
