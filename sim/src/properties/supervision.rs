//! What holds when actors panic, budgets are spent and stores are closed at any time.

use crate::model::{Died, State};
use crate::plan::Knobs;
use crate::property::{Effort, Property, Trial};
use crate::scenario::{Scenario, Trouble};
use crate::world::{self, ImagePolicy, World};
use batpak::prelude::Region;
use batpak::store::{RestartPolicy, StoreError};
use batpak::testkit::{Fault, FsCall, step, watch};
use fastrand::Rng;
use std::cell::{Cell, RefCell};
use std::io::ErrorKind;
use std::rc::Rc;

pub(super) fn properties() -> Vec<Property> {
    vec![
        Property {
            name: "actor-panics",
            promise: "a panic of any actor at any moment loses, doubles and delays nothing",
            unit: "panics",
            counts: [5_000, 100_000, 1_000_000],
            trial: Trial::World {
                scenario: panics_at_moment,
                count: |outcome| outcome.struck,
            },
        },
        Property {
            name: "many-panics",
            promise: "actors that panic again and again still keep every promise",
            unit: "histories of 100 operations",
            counts: [500, 10_000, 100_000],
            trial: Trial::World {
                scenario: many_panics,
                count: |_| 1,
            },
        },
        Property {
            name: "panics-and-failed-sync",
            promise: "actors that panic around a sync that fails hide no loss",
            unit: "failed syncs",
            counts: [300, 6_000, 60_000],
            trial: Trial::World {
                scenario: panics_and_failed_sync,
                count: |outcome| outcome.struck,
            },
        },
        Property {
            name: "restart-budget",
            promise: "a restart budget holds; once it is spent it is told, and nothing hangs",
            unit: "spent budgets",
            counts: [500, 10_000, 100_000],
            trial: Trial::Case(restart_budget),
        },
        Property {
            name: "whole-batches",
            promise: "no reader ever sees a part of a batch, at any moment of an actor's work",
            unit: "reads beside batches",
            counts: [50_000, 1_000_000, 10_000_000],
            trial: Trial::Case(whole_batches),
        },
        Property {
            name: "bounded-close",
            promise: "closing and dropping end in time, whatever is queued and whatever has failed",
            unit: "closings",
            counts: [5_000, 100_000, 1_000_000],
            trial: Trial::Case(bounded_close),
        },
    ]
}

/// The seed's low part is the moment, its high part the world.
fn panics_at_moment(seed: u64) -> Scenario {
    let (drawn, index) = (seed / 200, seed % 200);
    let adjust = |knobs: &mut Knobs, _: &mut Rng| (knobs.crashes, knobs.operations) = (1, 40);
    let scenario = Scenario::drawn(drawn, adjust);
    scenario
        .with_trouble(Trouble::PanicAtMoment { index })
        .with_images(30, 1, 0)
}

fn many_panics(seed: u64) -> Scenario {
    let adjust = |knobs: &mut Knobs, _: &mut Rng| {
        (knobs.operations, knobs.panics, knobs.crashes) = (100, 15, 2);
    };
    let mut scenario = Scenario::drawn(seed, adjust).with_images(40, 1, 0);
    scenario.strictness.exact = false;
    scenario
}

fn panics_and_failed_sync(seed: u64) -> Scenario {
    let (drawn, nth) = (seed / 6, seed % 6);
    let adjust = |knobs: &mut Knobs, random: &mut Rng| {
        (knobs.operations, knobs.panics, knobs.crashes) = (60, 25, 1);
        (knobs.every_n_events, knobs.reopens) = (random.u32(2..8), 0);
        knobs.always = 5;
    };
    let scenario = Scenario::drawn(drawn, adjust);
    let call = FsCall::SyncAll;
    scenario
        .with_trouble(Trouble::Sync { call, nth })
        .with_images(4, 2, 0)
}

/// One actor panics until it is not restarted any more.
fn restart_budget(seed: u64, effort: &mut Effort) -> Result<(), String> {
    let mut random = Rng::with_seed(seed);
    let actor = *crate::plan::pick(&mut random, &crate::plan::ACTORS);
    let budget = random.u32(1..5);
    let mut scenario = Scenario::drawn(seed, |knobs, _| {
        (knobs.crashes, knobs.reopens, knobs.operations) = (0, 0, 30);
    });
    scenario.strictness.exact = false;
    scenario.strictness.budget_may_end = true;
    let config = world::config(&scenario.knobs).with_restart_policy(RestartPolicy::Bounded {
        max_restarts: budget,
        within_ms: u64::MAX / 1_000_000,
    });
    let mut world = World::new(seed, config, scenario.strictness, ImagePolicy::NONE);
    world.open(Died::Nothing)?;
    if actor == "broker" {
        // Without it nobody is notified.
        world.inner().subscription = None;
    }
    let panics = random.u32(0..budget + 3);
    let mut given = 0;
    for operation in &scenario.operations {
        if given < panics && random.bool() {
            given += 1;
            if let Some(store) = world.store() {
                store.panic_actor_for_test(actor);
                while step(store) {}
            }
        }
        world.carry_out(operation)?;
    }
    world.settle()?;
    let Some(store) = world.store() else {
        return Err("the store is gone".into());
    };
    effort.count += u64::from(given > budget);
    effort.operations += world.tally().operations;
    effort.struck += u64::from(given);
    let health = store.diagnostics().actors;
    let Some(health) = health.iter().find(|health| health.name == actor) else {
        return Err(format!("diagnostics do not tell of {actor}"));
    };
    if health.restarts != given.min(budget) || health.alive == (given > budget) {
        return Err(format!(
            "{given} panics with a budget of {budget}: {health:?}"
        ));
    }
    let coord = batpak::prelude::Coordinate::new("entity:0", "scope:0");
    let coord = coord.map_err(|error| error.to_string())?;
    let answer = store.submit(&coord, crate::model::KIND, &(0_u64, ""));
    let answer = answer.and_then(|ticket| {
        while step(store) {}
        ticket
            .try_check()
            .unwrap_or(Err(StoreError::Busy { after_ms: 0 }))
    });
    let needed = matches!(actor, "writer" | "indexer");
    match answer {
        Err(StoreError::Busy { .. }) => return Err(format!("{actor} has ended, a caller hangs")),
        Ok(_) if given > budget && needed => {
            return Err(format!("{actor} has ended, and an append was stored"));
        }
        Err(StoreError::ActorEnded { .. }) if given > budget => {}
        Err(error) if given <= budget => {
            return Err(format!("{actor} lives, and an append was refused: {error}"));
        }
        Err(error) if needed => return Err(format!("{actor} has ended, and is told as: {error}")),
        Ok(_) | Err(_) => {}
    }
    Ok(())
}

/// A reader looks at every moment at which another thread could.
fn whole_batches(seed: u64, effort: &mut Effort) -> Result<(), String> {
    let scenario = Scenario::drawn(seed, |knobs, _| {
        (knobs.batches, knobs.crashes, knobs.reopens) = (60, 0, 2);
        knobs.other_payloads = 0;
    });
    let config = world::config(&scenario.knobs);
    let mut world = World::new(seed, config, scenario.strictness, ImagePolicy::NONE);
    world.open(Died::Nothing)?;
    let reads = Rc::new(Cell::new(0));
    let failure: Rc<RefCell<Option<String>>> = Rc::default();
    for operation in &scenario.operations {
        let shared = std::sync::Arc::clone(world.shared());
        let cursor = world
            .store()
            .map(|store| store.cursor_guaranteed(&Region::all()));
        let Some(mut cursor) = cursor else { break };
        let seen = RefCell::new(Vec::new());
        let (counted, found) = (Rc::clone(&reads), Rc::clone(&failure));
        watch(Some(Box::new(move || {
            let Ok(inner) = shared.try_lock() else { return };
            counted.set(counted.get() + 1);
            let mut seen = seen.borrow_mut();
            seen.extend(
                cursor
                    .poll_batch(usize::MAX)
                    .iter()
                    .map(|entry| entry.event_id),
            );
            if let Some(text) = inner.model.half_of_a_batch(&seen) {
                found.borrow_mut().get_or_insert(text);
            }
        })));
        let done = world.carry_out(operation);
        watch(None);
        done?;
        if let Some(text) = failure.borrow_mut().take() {
            effort.count += reads.get();
            return Err(text);
        }
    }
    effort.count += reads.get();
    effort.operations += world.tally().operations;
    world.end()
}

/// A store is closed or dropped with questions on the way, after failures and panics.
fn bounded_close(seed: u64, effort: &mut Effort) -> Result<(), String> {
    const LIMIT_US: u64 = 5_000_000;
    let mut random = Rng::with_seed(seed);
    let trouble = random.u8(0..4);
    let mut scenario = Scenario::drawn(seed, |knobs, _| {
        (knobs.crashes, knobs.reopens, knobs.operations) = (0, 0, 15);
        knobs.panics = if trouble == 1 { 30 } else { 0 };
    });
    scenario.strictness.exact = trouble == 0;
    scenario.strictness.disk_fails = trouble >= 2;
    let policy = ImagePolicy::NONE;
    let mut world = World::new(
        seed,
        world::config(&scenario.knobs),
        scenario.strictness,
        policy,
    );
    world.open(Died::Nothing)?;
    let fault = Fault::Error(ErrorKind::Other);
    match trouble {
        2 => world
            .disk()
            .fail_nth(FsCall::SyncAll, random.u64(0..6), fault),
        3 => world
            .disk()
            .fail_from(world.disk().calls() + random.u64(0..40), None, fault),
        _ => {}
    }
    for operation in &scenario.operations {
        world.carry_out(operation)?;
    }
    let begun_us = world.now_us();
    if random.bool() {
        world.drop_store()?;
    } else {
        world.end()?;
    }
    if world.now_us().saturating_sub(begun_us) > LIMIT_US {
        return Err("closing has taken over five seconds".into());
    }
    effort.count += 1;
    effort.operations += world.tally().operations;
    effort.struck += world.disk().injected();
    world.disk().clear_faults();
    world.open(Died::Nothing)?;
    let inner = world.inner();
    let lost = inner
        .model
        .sent
        .iter()
        .find(|sent| sent.state == State::Open && !sent.doubtful);
    match lost {
        Some(sent) => Err(format!("the fate of event {} is not known", sent.number)),
        None => Ok(()),
    }
}
