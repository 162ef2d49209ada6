//! Opening a store again, its files in the page cache.

use std::time::Instant;

use anyhow::{Context, Result};

use super::ms;
use super::prepare::read_ids;
use crate::child::{ChildOptions, Figures};
use crate::event::{Seen, to_usize};
use crate::process::warm;

/// Opens, gets an event whose id is known, appends one, closes.
pub(crate) fn reopen(options: &ChildOptions) -> Result<Figures> {
    let ids = read_ids(&options.dir)?;
    let middle = to_usize(options.events / 2);
    let known = *ids.get(middle).context("the store has events")?;
    let entity = middle % to_usize(options.entities);
    drop(ids);
    let world = options.world();
    warm(&options.dir)?;

    let mut seen = Seen::default();
    let begun = Instant::now();
    let engine = options.open(false)?;
    let open = ms(begun);
    engine.get_known(known, entity, &mut |payload| seen.look(payload))?;
    // A number beyond all that reopening often could have used, for the keys differ.
    engine.append(&world.event(options.events * 2 + fastrand::u64(..options.events)))?;
    let first = ms(begun);

    seen.check(1)?;
    engine.close()?;
    Ok(Figures::from([
        ("open".to_owned(), open),
        ("first".to_owned(), first),
    ]))
}
