//! What rots, vanishes or is replaced while nobody looks.

use crate::model::{Died, Digest, Recovered};
use crate::plan::{Demand, NewEvent, Operation};
use crate::property::{Effort, Property, Trial};
use crate::scenario::Scenario;
use crate::world::{self, ImagePolicy, World, is_refusal};
use batpak::store::StoreError;
use batpak::testkit::{Keep, Loss, Machine, SimFs};
use fastrand::Rng;

pub(super) fn properties() -> Vec<Property> {
    let case = |name, promise, unit, counts, case| {
        let trial = Trial::Case(case);
        Property {
            name,
            promise,
            unit,
            counts,
            trial,
        }
    };
    vec![
        case(
            "flip-after-close",
            "a flipped bit of a closed store is refused, or changes nothing that is read",
            "flipped bits",
            [20_000, 400_000, 4_000_000],
            flip_after_close,
        ),
        case(
            "flip-after-crash",
            "after a crash a flip below what is proven is refused, one above is repaired and told",
            "flipped bytes",
            [20_000, 200_000, 2_000_000],
            flip_after_crash,
        ),
        case(
            "sidecars",
            "without, with stale, damaged and foreign files beside the log it is the same",
            "directories",
            [8_000, 80_000, 800_000],
            sidecars,
        ),
        case(
            "files-swapped",
            "segments that are missing, swapped, older, doubled or foreign are refused",
            "directories",
            [2_000, 20_000, 200_000],
            files_swapped,
        ),
    ]
}

/// A world in which each of some appends is a group of its own, proven durable by the next.
pub(super) fn filled(seed: u64, segment_max_bytes: u64) -> Result<World, String> {
    filled_with(seed, segment_max_bytes, &[])
}

/// As [`filled`], with payloads of the same lengths that hold something else.
fn filled_with(seed: u64, segment_max_bytes: u64, material: &[u8]) -> Result<World, String> {
    let mut random = Rng::with_seed(seed);
    let scenario = Scenario::drawn(seed, |knobs, _| {
        (knobs.every_n_events, knobs.checkpoints) = (1, true);
        knobs.segment_max_bytes = segment_max_bytes;
    });
    let config = world::config(&scenario.knobs);
    let mut world = World::new(seed, config, scenario.strictness, ImagePolicy::NONE);
    world.open(Died::Nothing)?;
    world.inner().model.material = material.to_vec();
    fill(&mut world, &mut random, 10)?;
    Ok(world)
}

fn fill(world: &mut World, random: &mut Rng, count: usize) -> Result<(), String> {
    for nth in 0..count {
        let mut event = || NewEvent {
            entity: random.u8(0..3),
            filler: random.usize(0..120),
            keyed: random.bool(),
            strict: false,
            always: false,
            demand: Demand::Nothing,
        };
        let operation = match nth % 4 {
            3 => Operation::Batch {
                caller: 0,
                events: vec![event(), event(), event()],
            },
            _ => Operation::Append {
                caller: 0,
                event: event(),
            },
        };
        world.carry_out(&operation)?;
        world.settle()?;
    }
    Ok(())
}

/// Opens a disk; what is read, or the refusal.
fn open(world: &World, disk: SimFs) -> Result<Result<(Digest, u64), StoreError>, String> {
    let machine = world.machine().with_image(disk, 3);
    let inner = world.inner();
    let store = match machine.open(inner.config.clone()) {
        Ok(store) => store,
        Err(error) if is_refusal(&error) || matches!(error, StoreError::FutureVersion { .. }) => {
            return Ok(Err(error));
        }
        Err(error) => return Err(format!("not a refusal: {error}")),
    };
    // What an index covers is not read by the opening: whoever reads it is told.
    let digest = match Recovered::try_read(&store, &inner.model)? {
        Ok(log) => log.digest(),
        Err(error) if is_refusal(&error) => return Ok(Err(error)),
        Err(error) => return Err(format!("reading: not a refusal: {error}")),
    };
    let told = store.diagnostics().recovery.truncated_bytes;
    store.close().map_err(|error| format!("closing: {error}"))?;
    Ok(Ok((digest, told)))
}

fn flip_after_close(seed: u64, effort: &mut Effort) -> Result<(), String> {
    let mut world = filled(seed, 900)?;
    world.end()?;
    let mut random = Rng::with_seed(seed);
    let closed = world.disk().fork();
    let due = open(&world, closed.fork())?
        .map_err(|error| error.to_string())?
        .0;
    let names = closed.files();
    for _ in 0..400 {
        let name = crate::plan::pick(&mut random, &names);
        let len = closed.bytes(name).map_err(|error| error.to_string())?.len() as u64;
        if len == 0 {
            continue;
        }
        let (at, bit) = (random.u64(0..len), random.u8(0..8));
        let disk = closed.fork();
        let context = |text: String| format!("{name}, byte {at}, bit {bit}: {text}");
        effort.count += 1;
        if random.bool() {
            flip_under_reader(&world, &disk, (name, at, 1 << bit), &due).map_err(context)?;
            continue;
        }
        disk.flip(name, at, 1 << bit)
            .map_err(|error| error.to_string())?;
        match open(&world, disk).map_err(context)? {
            Ok((digest, _)) if digest != due => {
                return Err(context("the store opens and holds something else".into()));
            }
            Ok(_) | Err(_) => {}
        }
    }
    Ok(())
}

/// A byte rots while the store is open: an event is read as it was, or not at all.
fn flip_under_reader(
    world: &World,
    disk: &SimFs,
    (name, at, xor): (&str, u64, u8),
    due: &Digest,
) -> Result<(), String> {
    let machine = world.machine().with_image(disk.clone(), 3);
    let inner = world.inner();
    let store = machine
        .open(inner.config.clone())
        .map_err(|error| error.to_string())?;
    disk.flip(name, at, xor)
        .map_err(|error| error.to_string())?;
    match Recovered::read(&store, &inner.model) {
        Ok(log) if log.digest() == *due => {}
        Ok(_) => return Err("a reader is given something else".into()),
        Err(_) => {}
    }
    for entry in store.query(&batpak::prelude::Region::all()) {
        match store.get_raw(entry.event_id) {
            Ok(event) if crate::model::number_in(&event.event.payload).is_none() => {
                return Err("a payload that nobody sent is read".into());
            }
            Ok(_) => {}
            Err(error) if is_refusal(&error) => {}
            Err(error) => return Err(format!("not a refusal: {error}")),
        }
    }
    Ok(())
}

fn flip_after_crash(seed: u64, effort: &mut Effort) -> Result<(), String> {
    let world = filled(seed, 8_000)?;
    let mut random = Rng::with_seed(seed);
    let loss = Loss::Power {
        sector: 512,
        keep: Keep::All,
    };
    let crashed = world.disk().crash(loss, &mut random);
    let (due, _) = open(&world, crashed.fork())?.map_err(|error| error.to_string())?;
    let names = crashed.files().into_iter();
    let name = names
        .filter(|name| name.ends_with(".fbat"))
        .max()
        .ok_or("no segment")?;
    let bytes = crashed.bytes(&name).map_err(|error| error.to_string())?;
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap_or(0) as u64;
    // The last operation was an append of one event.
    let may_lose = 1;
    for at in 0..=end {
        let disk = crashed.fork();
        disk.flip(&name, at, 1 << random.u8(0..8))
            .map_err(|error| error.to_string())?;
        let context = |text: String| format!("byte {at} of {end}: {text}");
        effort.count += 1;
        let Ok((digest, told)) = open(&world, disk).map_err(context)? else {
            continue;
        };
        if digest == due {
            continue;
        }
        if !due.starts_with(&digest) {
            return Err(context("the store opens and holds something else".into()));
        }
        if due.len() - digest.len() > may_lose {
            return Err(context(
                "events that were proven durable are cut off".into(),
            ));
        }
        if told == 0 {
            return Err(context("an event is cut off and nobody is told".into()));
        }
    }
    Ok(())
}

/// Every combination of what may be wrong with the files beside the log.
fn sidecars(seed: u64, effort: &mut Effort) -> Result<(), String> {
    let mut world = filled(seed, 900)?;
    world.reopen()?;
    let stale = world
        .disk()
        .bytes("checkpoint.fbcp")
        .map_err(|error| error.to_string())?;
    let mut random = Rng::with_seed(seed);
    fill(&mut world, &mut random, 5)?;
    if seed.is_multiple_of(2) {
        world.end()?;
    }
    let base = match seed % 2 {
        0 => world.disk().fork(),
        _ => world.disk().crash(
            Loss::Power {
                sector: 512,
                keep: Keep::All,
            },
            &mut random,
        ),
    };
    let mut other = filled(seed + 1, 900)?;
    fill(&mut other, &mut random, 30)?;
    other.end()?;
    let foreign = other.disk().bytes("checkpoint.fbcp").unwrap_or_default();
    let (due, _) = open(&world, base.fork())?.map_err(|error| error.to_string())?;
    let current = base.bytes("checkpoint.fbcp").unwrap_or_default();
    let flipped = |bytes: &[u8], random: &mut Rng| {
        let mut bytes = bytes.to_vec();
        let at = random.usize(0..bytes.len().max(1));
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= 1 << random.u8(0..8);
        }
        bytes
    };
    let short = current
        .get(..current.len() / 2)
        .unwrap_or_default()
        .to_vec();
    let checkpoints = [
        None,
        Some(current.clone()),
        Some(stale),
        Some(flipped(&current, &mut random)),
        Some(short),
        Some(Vec::new()),
        Some(foreign),
    ];
    let marks = [None, Some(vec![1; 36]), Some(Vec::new())];
    for (which, checkpoint) in checkpoints.iter().enumerate() {
        for (mark_nth, mark) in marks.iter().enumerate() {
            for leftovers in [false, true] {
                let disk = base.fork();
                put(&disk, "checkpoint.fbcp", checkpoint.as_ref());
                put(&disk, "poisoned.fbpm", mark.as_ref());
                for name in ["next.tmp", "merge.tmp", "checkpoint.fbcp.tmp", "notes.txt"] {
                    put(
                        &disk,
                        name,
                        Some(vec![9; 200]).filter(|_| leftovers).as_ref(),
                    );
                }
                effort.count += 1;
                let context = format!("checkpoint {which}, mark {mark_nth}, leftovers {leftovers}");
                match open(&world, disk)? {
                    Ok((digest, _)) if digest == due => {}
                    Ok(_) => return Err(format!("{context}: the log is another")),
                    Err(error) => return Err(format!("{context}: {error}")),
                }
            }
        }
    }
    Ok(())
}

fn put(disk: &SimFs, name: &str, bytes: Option<&Vec<u8>>) {
    match bytes {
        Some(bytes) => disk.set_bytes(name, bytes.clone()),
        // One that is not there need not be removed.
        None => drop(disk.delete(name)),
    }
}

fn files_swapped(seed: u64, effort: &mut Effort) -> Result<(), String> {
    let mut random = Rng::with_seed(seed);
    let mut world = filled(seed, 500)?;
    world.reopen()?;
    let older = world.disk().fork();
    let fork = Machine::with_disk(older.fork(), seed + 9);
    fill(&mut world, &mut random, 8)?;
    world.end()?;
    let closed = world.disk().fork();
    let (due, _) = open(&world, closed.fork())?.map_err(|error| error.to_string())?;
    let mut stranger = filled(seed + 1, 500)?;
    stranger.end()?;
    let another_end = continued(&fork, &world)?;
    let mut twin = filled_with(seed, 500, b"Z")?;
    twin.reopen()?;
    fill(&mut twin, &mut Rng::with_seed(seed), 8)?;
    twin.end()?;
    let segments: Vec<String> = segments(&closed);
    for (nth, name) in segments.iter().enumerate() {
        let is_last = nth + 1 == segments.len();
        let next = segments
            .get(nth + 1)
            .or(segments.first())
            .cloned()
            .unwrap_or_default();
        let bytes = |disk: &SimFs, name: &str| disk.bytes(name).ok();
        let replacements = [
            ("removed", None),
            (
                "its neighbour's",
                bytes(&closed, &next).filter(|_| segments.len() > 1),
            ),
            ("a stranger's", bytes(stranger.disk(), name)),
            ("that of another history", bytes(&another_end, name)),
            ("that of a twin", bytes(twin.disk(), name)),
            ("an older one", bytes(&older, name)),
        ];
        for (what, replacement) in replacements {
            if replacement == bytes(&closed, name) {
                continue;
            }
            let disk = closed.fork();
            put(&disk, name, replacement.as_ref());
            effort.count += 1;
            let context = format!("{name} (last: {is_last}) is {what}");
            match open(&world, disk).map_err(|text| format!("{context}: {text}"))? {
                Ok((digest, _)) if digest == due => {}
                Ok(_) => return Err(format!("{context}, and the store opens with other events")),
                Err(_) => {}
            }
        }
    }
    Ok(())
}

/// The same store, continued in another way.
fn continued(fork: &Machine, world: &World) -> Result<SimFs, String> {
    let store = fork
        .open(world.inner().config.clone())
        .map_err(|error| error.to_string())?;
    let coord = batpak::prelude::Coordinate::new("entity:other", "scope");
    let coord = coord.map_err(|error| error.to_string())?;
    for number in 0..12_u64 {
        let stored = store.append(&coord, crate::model::KIND, &(number, "another history"));
        stored.map_err(|error| error.to_string())?;
    }
    store.close().map_err(|error| error.to_string())?;
    Ok(fork.disk().clone())
}

pub(super) fn segments(disk: &SimFs) -> Vec<String> {
    let names = disk.files().into_iter();
    names.filter(|name| name.ends_with(".fbat")).collect()
}
