//! Threads that append durable events and tell where each stands on the disk, for a trace of calls.

use super::tell;
use crate::arguments::{PacePart, Pattern};
use crate::plan::KIND;
use anyhow::{Result, bail};
use batpak::prelude::*;

pub(super) fn pace(part: &PacePart) -> Result<()> {
    let relaxed = part.pattern == Pattern::PerAppend;
    let config = StoreConfig::new(&part.directory)
        .with_segment_max_bytes(match part.pattern == Pattern::Rotation {
            true => 1024,
            false => 16 * 1024,
        })
        .with_sync_every_n_events(if relaxed { 1000 } else { 1 })
        .with_sync_mode(match part.data_only {
            true => SyncMode::SyncData,
            false => SyncMode::SyncAll,
        });
    let store = Store::open(config)?;
    let threads = if part.pattern == Pattern::Group { 4 } else { 1 };
    let worked: Vec<Result<()>> = std::thread::scope(|scope| {
        let store = &store;
        let working: Vec<_> = (0..threads)
            .map(|thread| scope.spawn(move || one_thread(store, part, thread, threads)))
            .collect();
        working
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| bail!("a thread panicked")))
            .collect()
    });
    worked.into_iter().collect::<Result<()>>()?;
    store.close()?;
    Ok(())
}

fn one_thread(store: &Store, part: &PacePart, thread: u32, threads: u32) -> Result<()> {
    let coordinate = Coordinate::new(format!("thread:{thread}"), "scope")?;
    let options = match part.pattern == Pattern::PerAppend {
        true => AppendOptions::new().with_durability(Durability::Always),
        false => AppendOptions::new(),
    };
    let mut number = 0;
    while number < part.events.div_ceil(threads) {
        let receipts = if part.pattern == Pattern::Batch {
            let item = |number: u32| {
                let causation = CausationRef::None;
                BatchAppendItem::new(coordinate.clone(), KIND, &number, options, causation)
            };
            let items: Result<Vec<_>, _> = (number..number + 5).map(item).collect();
            store.append_batch(items?)?
        } else {
            vec![store.append_with_options(&coordinate, KIND, &number, options)?]
        };
        for receipt in receipts {
            number += 1;
            let place = receipt.disk_pos;
            let end = place.offset + u64::from(place.length);
            tell(&format!(
                "at {:06}.fbat {} {end}",
                place.segment_id, place.offset
            ));
        }
    }
    Ok(())
}
