//! Looks into a store that somebody else is writing, and says whether it is well.
//!
//! Run it with `cargo run --example inspect`.

use batpak::prelude::*;
use std::error::Error;

const VISITED: EventKind = EventKind::custom(0x1, 1);

fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let writer = Store::open(StoreConfig::new(dir.path()))?;
    let visit = |place: &str| -> Result<AppendReceipt, StoreError> {
        let place = Coordinate::new(place, "town")?;
        writer.append(&place, VISITED, &"hello")
    };
    visit("museum")?;
    visit("harbour")?;

    // Only one handle writes; others read beside it, in this process or in another.
    match Store::open(StoreConfig::new(dir.path())) {
        Err(StoreError::Locked { .. }) => println!("it is open for writing elsewhere"),
        other => return Err(format!("not locked: {other:?}").into()),
    }
    let reader = Store::open_read_only(StoreConfig::new(dir.path()))?;
    println!("{} visits", reader.stats().event_count);
    visit("museum")?;
    reader.refresh()?;
    println!("{} visits, after a look", reader.stats().event_count);

    let stats = writer.stats();
    println!("{} segments, {} bytes", stats.segments, stats.bytes_on_disk);
    let told = writer.diagnostics();
    for actor in &told.actors {
        println!(
            "{}: alive {}, restarts {}",
            actor.name, actor.alive, actor.restarts
        );
    }
    println!("something was mended at opening: {}", told.recovery.unclean);
    if let Some(fault) = told.read_fault {
        println!("a read has failed: {fault}");
    }

    // Recomputes every hash, and names the first event that does not hold up.
    let verified = reader.verify()?;
    match verified.first_bad {
        None => println!("all {} events are what was written", verified.events),
        Some(bad) => println!("this one is not: {bad:?}"),
    }
    reader.close()?;
    writer.close()?;
    Ok(())
}
