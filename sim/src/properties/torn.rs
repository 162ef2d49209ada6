//! What a torn tail does, and what bytes that look like a log do inside one.

use crate::model::Died;
use crate::plan::{Demand, NewEvent, Operation};
use crate::property::{Effort, Property, Trial};
use crate::scenario::Scenario;
use crate::world::{self, ImagePolicy, World};
use batpak::testkit::Loss;
use fastrand::Rng;

pub(super) fn properties() -> Vec<Property> {
    vec![
        Property {
            name: "torn-tail",
            promise: "a log that is torn at any byte of its last group keeps the groups before it",
            unit: "torn logs",
            counts: [10_000, 50_000, 200_000],
            trial: Trial::Case(torn_tail),
        },
        Property {
            name: "payload-like-log",
            promise: "payloads that are copies of the log's own bytes never change a verdict",
            unit: "crash images",
            counts: [1_000, 20_000, 200_000],
            trial: Trial::World {
                scenario: payload_like_log,
                count: |outcome| outcome.tally.images.images,
            },
        },
    ]
}

fn payload_like_log(seed: u64) -> Scenario {
    let mut scenario = Scenario::drawn(seed, |knobs, _| {
        (knobs.payload_max, knobs.operations) = (1500, 60);
    });
    let mut random = Rng::with_seed(seed);
    for at in (0..6).map(|nth| nth * 10) {
        let copy = Operation::CopyLog {
            from: random.u16(..),
        };
        scenario.operations.insert(at, copy);
    }
    scenario.with_images(4, 1, 0)
}

/// Five sizes of a last event or of a last batch of three; torn at every byte, in two ways: the
/// rest is zeros, or the file ends there.
fn torn_tail(seed: u64, effort: &mut Effort) -> Result<(), String> {
    const SIZES: [usize; 5] = [0, 40, 200, 500, 900];
    let size = SIZES
        .get(usize::try_from(seed % 5).unwrap_or(0))
        .copied()
        .unwrap_or(0);
    let scenario = Scenario::drawn(seed, |knobs, _| {
        (knobs.every_n_events, knobs.segment_max_bytes) = (1000, 20_000);
    });
    let config = world::config(&scenario.knobs);
    let mut world = World::new(seed, config, scenario.strictness, ImagePolicy::NONE);
    world.open(Died::Nothing)?;
    let event = |entity| NewEvent {
        entity,
        filler: size,
        keyed: true,
        strict: false,
        always: false,
        demand: Demand::Nothing,
    };
    for entity in 0..3 {
        world.carry_out(&Operation::Append {
            caller: 0,
            event: event(entity),
        })?;
    }
    world.carry_out(&Operation::Sync)?;
    let before = newest(&world)?;
    let last = match seed / 5 % 2 {
        0 => Operation::Append {
            caller: 0,
            event: event(1),
        },
        _ => Operation::Batch {
            caller: 0,
            events: vec![event(0), event(1), event(0)],
        },
    };
    world.carry_out(&last)?;
    world.settle()?;
    let (name, whole) = newest(&world)?;
    let differs = |at: &usize| before.1.get(*at).unwrap_or(&0) != whole.get(*at).unwrap_or(&0);
    let first = (0..whole.len()).find(differs).unwrap_or(0);
    let end = (0..whole.len()).rev().find(differs).unwrap_or(0) + 1;
    for cut in first..end {
        for keep_length in [false, true] {
            let mut torn = whole.get(..cut).unwrap_or_default().to_vec();
            if keep_length {
                torn.resize(whole.len(), 0);
            }
            check_torn(&mut world, &name, torn).map_err(|text| format!("torn at {cut}: {text}"))?;
            effort.count += 1;
            effort.images += 1;
        }
    }
    world.end()
}

fn check_torn(world: &mut World, name: &str, torn: Vec<u8>) -> Result<(), String> {
    let mut random = Rng::with_seed(1);
    let image = world.disk().crash(Loss::Kill, &mut random);
    image.set_bytes(name, torn);
    let image = image.with_boot_id(Some([7; 16]));
    let machine = world.machine().with_image(image, 1);
    let mut inner = world.inner();
    inner.with_images(|images, depth| images.check(&machine, Died::Machine, depth))
}

/// Returns the name and the bytes of the newest segment.
fn newest(world: &World) -> Result<(String, Vec<u8>), String> {
    let names = world.disk().files().into_iter();
    let name = names.filter(|name| name.ends_with(".fbat")).max();
    let name = name.ok_or("there is no segment")?;
    let bytes = world
        .disk()
        .bytes(&name)
        .map_err(|error| error.to_string())?;
    Ok((name, bytes))
}
