//! Hands events over without waiting for each, and sheds load where the writer cannot keep up.
//!
//! Run it with `cargo run --example without_waiting`.

use batpak::prelude::*;
use std::error::Error;

const MEASURED: EventKind = EventKind::custom(0x2, 1);

fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    // So little room that a burst meets its end.
    let config = StoreConfig::new(dir.path()).with_writer_channel_capacity(16);
    let store = Store::open(config)?;
    let sensor = Coordinate::new("sensor:1", "lab")?;

    // All of these wait for the disk together. Tickets resolve in the order of submission.
    let tickets: Vec<AppendTicket> = (0..100_u64)
        .map(|number| store.submit(&sensor, MEASURED, &number))
        .collect::<Result<_, _>>()?;
    let mut last = None;
    for ticket in tickets {
        last = Some(ticket.wait()?);
    }
    println!("the last of 100 is at {:?}", last.map(|last| last.sequence));

    // `try_submit` would rather be told than wait.
    let (mut taken, mut shed) = (Vec::new(), 0);
    for number in 0..10_000_u64 {
        let tried = store.try_submit(&sensor, MEASURED, &number)?;
        if tried.is_retry() {
            shed += 1;
        } else {
            // Anything else than a ticket would be an error here: no fence is open.
            taken.push(tried.into_result()?);
        }
    }
    println!("of 10000 some were shed: {}", shed > 0);
    let taken_count = taken.len();
    for ticket in taken {
        ticket.wait()?;
    }
    assert_eq!(taken_count + shed, 10_000);
    assert_eq!(store.stats().event_count, 100 + taken_count);
    println!(
        "{}",
        if store.writer_pressure().is_idle() {
            "idle"
        } else {
            "busy"
        }
    );
    store.close()?;
    Ok(())
}
