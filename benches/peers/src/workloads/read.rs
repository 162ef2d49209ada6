//! Reading prepared stores that were closed, all of their files in the page cache.

use std::time::Instant;

use anyhow::Result;

use super::prepare::read_ids;
use super::rate;
use crate::child::{ChildOptions, Figures};
use crate::engines::Engine;
use crate::event::{Seen, to_usize};
use crate::process::warm;

/// How often every stream is read, after it was read once to warm up.
const PASSES: u64 = 3;

/// Gets events by id in random order.
pub(crate) fn get(options: &ChildOptions) -> Result<Figures> {
    let mut ids = read_ids(&options.dir)?;
    fastrand::Rng::with_seed(11).shuffle(&mut ids);
    warm(&options.dir)?;
    let engine = options.open(false)?;
    let reads = to_usize(options.reads).min(ids.len());
    let (timed, _) = ids.split_at(reads);
    let (warm_up, _) = timed.split_at(reads / 10);
    get_all(engine.as_ref(), warm_up)?;
    let begun = Instant::now();
    get_all(engine.as_ref(), timed)?;
    let rate = rate(timed.len() as u64, begun);
    engine.close()?;
    Ok(Figures::from([("rate".to_owned(), rate)]))
}

/// Gets events by id.
pub(crate) fn get_all(engine: &dyn Engine, ids: &[u128]) -> Result<()> {
    let mut seen = Seen::default();
    for id in ids {
        engine.get(*id, &mut |payload| seen.look(payload))?;
    }
    seen.check(ids.len() as u64)
}

/// Reads the streams of all entities.
pub(crate) fn streams(options: &ChildOptions) -> Result<Figures> {
    warm(&options.dir)?;
    let engine = options.open(false)?;
    let pass = || {
        let mut seen = Seen::default();
        for entity in 0..to_usize(options.entities) {
            engine.stream(entity, &mut |payload| seen.look(payload))?;
        }
        seen.check(options.events)
    };
    pass()?;
    let begun = Instant::now();
    for _ in 0..PASSES {
        pass()?;
    }
    let rate = rate(options.events * PASSES, begun);
    engine.close()?;
    Ok(Figures::from([("rate".to_owned(), rate)]))
}

/// Reads everything in global order: once to warm up, once timed.
pub(crate) fn replay(options: &ChildOptions) -> Result<Figures> {
    warm(&options.dir)?;
    let engine = options.open(false)?;
    let pass = || {
        let mut seen = Seen::default();
        engine.replay(&mut |payload| seen.look(payload))?;
        seen.check(options.events)
    };
    pass()?;
    let begun = Instant::now();
    pass()?;
    let rate = rate(options.events, begun);
    engine.close()?;
    Ok(Figures::from([("rate".to_owned(), rate)]))
}
