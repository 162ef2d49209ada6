//! Chooses what a crash of the machine may take: for the whole store, and for one append.
//!
//! Run it with `cargo run --example durability`.

use batpak::prelude::*;
use std::error::Error;
use std::time::Instant;

const READ: EventKind = EventKind::custom(0x2, 1);
const PAID: EventKind = EventKind::custom(0x2, 2);
const READINGS: u64 = 2_000;

fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    // At most 500 acknowledged events, and at most what came within 100 ms, are at risk.
    let config = StoreConfig::new(dir.path())
        .with_sync_every_n_events(500)
        .with_sync_max_delay_ms(100);
    let store = Store::open(config)?;
    let meter = Coordinate::new("meter:1", "power")?;
    let started = Instant::now();
    for number in 0..READINGS {
        store.append(&meter, READ, &number)?;
    }
    println!("{READINGS} readings in {:?}", started.elapsed());

    // This one is on the disk before the answer comes, and all before it with it.
    let always = AppendOptions::new().with_durability(Durability::Always);
    let card = Coordinate::new("card:1", "payments")?;
    let started = Instant::now();
    store.append_with_options(&card, PAID, &480_u64, always)?;
    println!("one durable payment in {:?}", started.elapsed());

    // So is everything that was acknowledged before a sync.
    store.append(&meter, READ, &READINGS)?;
    store.sync()?;
    store.close()?;

    // 1 makes every append durable; threads that append together share one sync.
    let config = StoreConfig::new(dir.path()).with_sync_every_n_events(1);
    let store = Store::open(config)?;
    let started = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..8_u64 {
            let (store, meter) = (&store, &meter);
            scope.spawn(move || {
                for number in 0..25 {
                    let appended = store.append(meter, READ, &(thread * 100 + number));
                    appended.expect("the disk of an example has room");
                }
            });
        }
    });
    println!(
        "200 durable readings of 8 threads in {:?}",
        started.elapsed()
    );
    assert_eq!(store.stats().event_count as u64, READINGS + 2 + 200);
    store.close()?;
    Ok(())
}
