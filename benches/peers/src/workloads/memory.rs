//! What a store takes: memory, disk, the time to close it; and what becomes of all that as it
//! grows.

use std::path::Path;
use std::time::Instant;

use anyhow::Result;

use super::append::fill;
use super::read::get_all;
use super::{ms, rate};
use crate::child::{ChildOptions, Figures};
use crate::engines::{Engine, Name};
use crate::event::{Seen, to_usize};
use crate::process::{Disk, Memory};

/// Every event of so many is read.
const READ_EVERY: u64 = 100;
const KIB_OF_MIB: f64 = 1024.0;
/// How many streams are timed when a store has grown.
const STREAMS: u64 = 100;
/// The most events that are read for the timing of streams.
const STREAMED_EVENTS: u64 = 100_000;

/// Fills a store, reads around in it and closes it.
pub(crate) fn memory(options: &ChildOptions) -> Result<Figures> {
    let mut figures = Figures::new();
    let world = options.world();
    let mut ids = sample(options);
    let engine = options.open(false)?;
    let empty = Memory::now()?;
    fill(engine.as_ref(), &world, 0..options.events, learn(&mut ids))?;
    read_around(options, engine.as_ref(), &ids)?;
    finish(options, engine, empty, &mut figures)?;
    Ok(figures)
}

/// As [`memory`], timing the last tenth of the appends, then getting and streaming.
pub(crate) fn grow(options: &ChildOptions) -> Result<Figures> {
    let mut figures = Figures::new();
    let world = options.world();
    let mut ids = sample(options);
    let engine = options.open(false)?;
    let empty = Memory::now()?;
    let last_tenth = options.events - options.events / 10;
    fill(engine.as_ref(), &world, 0..last_tenth, learn(&mut ids))?;
    let begun = Instant::now();
    fill(
        engine.as_ref(),
        &world,
        last_tenth..options.events,
        learn(&mut ids),
    )?;
    let appended = rate(options.events - last_tenth, begun);
    figures.insert("append_us".to_owned(), 1e6 / appended);

    fastrand::Rng::with_seed(11).shuffle(&mut ids);
    let begun = Instant::now();
    read_around(options, engine.as_ref(), &ids)?;
    let got = rate(ids.len() as u64, begun);
    figures.insert("get_us".to_owned(), 1e6 / got);

    figures.insert("stream_us".to_owned(), stream_us(options, engine.as_ref())?);
    finish(options, engine, empty, &mut figures)?;
    Ok(figures)
}

/// Makes room for the ids that are read, before memory is looked at.
fn sample(options: &ChildOptions) -> Vec<u128> {
    vec![0; to_usize(options.events.div_ceil(READ_EVERY))]
}

fn learn(ids: &mut [u128]) -> impl FnMut(u64, u128) {
    |number, id| {
        if number % READ_EVERY == 0
            && let Some(place) = ids.get_mut(to_usize(number / READ_EVERY))
        {
            *place = id;
        }
    }
}

/// Reads one event of a hundred; from an engine without ids, the streams of one entity of a
/// hundred.
fn read_around(options: &ChildOptions, engine: &dyn Engine, ids: &[u128]) -> Result<()> {
    if options.engine != Name::Raft {
        return get_all(engine, ids);
    }
    let mut seen = Seen::default();
    for entity in (0..to_usize(options.entities)).step_by(to_usize(READ_EVERY)) {
        engine.stream(entity, &mut |payload| seen.look(payload))?;
    }
    seen.check(1)
}

/// Returns the microseconds an event costs when entities' streams are read.
fn stream_us(options: &ChildOptions, engine: &dyn Engine) -> Result<f64> {
    let events_each = (options.events / options.entities).max(1);
    let streams = (STREAMED_EVENTS / events_each).clamp(1, STREAMS);
    let step = (options.entities / streams).max(1);
    let mut seen = Seen::default();
    let begun = Instant::now();
    for stream in 0..streams {
        let entity = to_usize(stream * step % options.entities);
        engine.stream(entity, &mut |payload| seen.look(payload))?;
    }
    let rate = rate(seen.events, begun);
    seen.check(streams)?;
    Ok(1e6 / rate)
}

fn finish(
    options: &ChildOptions,
    engine: Box<dyn Engine>,
    empty: Memory,
    figures: &mut Figures,
) -> Result<()> {
    let full = Memory::now()?;
    let mib = |full: f64, empty: f64| (full - empty) / KIB_OF_MIB;
    let begun = Instant::now();
    engine.close()?;
    let close = ms(begun);
    let disk = Disk::of(Path::new(&options.dir))?;
    let per_event = |bytes: u64| bytes as f64 / options.events as f64;
    let all = [
        ("rss", mib(full.resident, empty.resident)),
        ("anonymous", mib(full.anonymous, empty.anonymous)),
        ("file", mib(full.file, empty.file)),
        ("peak", mib(full.peak, empty.resident)),
        ("close", close),
        ("allocated", per_event(disk.allocated)),
    ];
    // This file is as long as its map.
    if options.engine != Name::LmdbWriteMap {
        figures.insert("disk".to_owned(), per_event(disk.length));
    }
    figures.extend(all.map(|(name, value)| (name.to_owned(), value)));
    Ok(())
}
