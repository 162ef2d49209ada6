//! Appending. The first tenth warms up and is not timed; nor are opening and closing.

use std::ops::Range;
use std::thread;
use std::time::Instant;

use anyhow::{Result, anyhow};

use super::rate;
use crate::child::{ChildOptions, Figures};
use crate::engines::Engine;
use crate::event::World;

const THREADS: u64 = 8;
const WINDOW: u64 = 256;
const BATCH: u64 = 100;

/// One caller, one event at a time.
pub(crate) fn one_caller(options: &ChildOptions, durable: bool) -> Result<Figures> {
    measure(options, durable, |engine, world, numbers| {
        for number in numbers {
            engine.append(&world.event(number))?;
        }
        Ok(())
    })
}

/// Eight callers, one event at a time each. No two callers share an entity.
pub(crate) fn threads(options: &ChildOptions, durable: bool) -> Result<Figures> {
    measure(options, durable, |engine, world, numbers| {
        thread::scope(|scope| {
            let start = |thread: u64| {
                let own = numbers
                    .clone()
                    .filter(move |number| number % THREADS == thread);
                scope.spawn(move || {
                    for number in own {
                        engine.append(&world.event(number))?;
                    }
                    Ok(())
                })
            };
            let callers: Vec<_> = (0..THREADS).map(start).collect();
            callers
                .into_iter()
                .try_for_each(|caller| caller.join().map_err(|_| anyhow!("a caller panicked"))?)
        })
    })
}

/// Windows of events, submitted and then waited for.
pub(crate) fn windows(options: &ChildOptions) -> Result<Figures> {
    measure(options, false, |engine, world, numbers| {
        in_parts(numbers, WINDOW, |part| engine.window(&world.events(part)))
    })
}

/// Batches of events, all or none, durable.
pub(crate) fn batches(options: &ChildOptions) -> Result<Figures> {
    measure(options, true, |engine, world, numbers| {
        in_parts(numbers, BATCH, |part| engine.batch(&world.events(part)))
    })
}

/// Fills a store as fast as it takes events; `learn` is told the id of every event.
pub(crate) fn fill(
    engine: &dyn Engine,
    world: &World,
    numbers: Range<u64>,
    mut learn: impl FnMut(u64, u128),
) -> Result<()> {
    let mut number = numbers.start;
    in_parts(numbers, WINDOW, |part| {
        let ids = engine.window(&world.events(part))?;
        for id in &ids {
            learn(number, *id);
            number += 1;
        }
        Ok(ids)
    })
}

fn in_parts(
    numbers: Range<u64>,
    size: u64,
    mut append: impl FnMut(Range<u64>) -> Result<Vec<u128>>,
) -> Result<()> {
    let mut first = numbers.start;
    while first < numbers.end {
        let end = (first + size).min(numbers.end);
        append(first..end)?;
        first = end;
    }
    Ok(())
}

fn measure(
    options: &ChildOptions,
    durable: bool,
    append: impl Fn(&dyn Engine, &World, Range<u64>) -> Result<()>,
) -> Result<Figures> {
    let world = options.world();
    let engine = options.open(durable)?;
    let warm_up = options.events / 10;
    append(engine.as_ref(), &world, 0..warm_up)?;
    let begun = Instant::now();
    append(engine.as_ref(), &world, warm_up..options.events)?;
    let rate = rate(options.events - warm_up, begun);
    engine.close()?;
    Ok(Figures::from([("rate".to_owned(), rate)]))
}
