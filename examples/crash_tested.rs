//! A ledger that is crashed before every change of its disk, and owes nobody anything afterwards.
//!
//! A transfer is a batch of two events: money leaves one account and reaches another. The ledger
//! tells a customer that a transfer was made only once the batch was acknowledged. After any crash
//! every transfer that somebody was told of must be there, and no money may be made or lost.
//!
//! Run it with `cargo run --release --features testkit --example crash_tested`.

use batpak::prelude::*;
use batpak::testkit::{CrashTest, Machine, Notes};
use std::error::Error;

const MOVED: EventKind = EventKind::custom(0x1, 1);
const TRANSFERS: u128 = 25;

/// What a customer was told of.
#[derive(Clone, Copy)]
struct Told {
    transfer: u128,
}

fn config() -> StoreConfig {
    StoreConfig::new("ledger")
        .with_segment_max_bytes(2500)
        .with_sync_every_n_events(1)
}

/// The two keys of a transfer make it safe to send again.
fn transfer(store: &Store, number: u128) -> Result<(), StoreError> {
    let moved = |account: &str, cents: i64, key: u128| {
        BatchAppendItem::new(
            Coordinate::new(format!("account:{account}"), "ledger")?,
            MOVED,
            &cents,
            AppendOptions::new().with_idempotency(key),
            CausationRef::None,
        )
    };
    let cents = 100 + i64::try_from(number).unwrap_or(0);
    let items = vec![
        moved("alice", -cents, number * 2 + 1)?,
        moved("bob", cents, number * 2 + 2)?,
    ];
    store.append_batch(items).map(drop)
}

/// What the program does; it is run again and again.
fn serve(config: &StoreConfig, machine: &Machine, told: &Notes<Told>) -> Result<(), StoreError> {
    let store = machine.open(config.clone())?;
    for number in 0..TRANSFERS {
        transfer(&store, number)?;
        told.add(Told { transfer: number });
    }
    store.close().map(drop)
}

/// What must hold after every crash.
fn is_sound(store: &Store, told: &[Told]) -> Result<(), String> {
    let mut total = 0;
    for entry in store.query(&Region::scope("ledger")) {
        let moved = store.get_as::<i64>(entry.event_id);
        total += moved.map_err(|error| error.to_string())?.event.payload;
    }
    if total != 0 {
        return Err(format!("{total} cents were made or lost"));
    }
    for Told { transfer } in told {
        let found = store.get_raw(transfer * 2 + 2);
        found.map_err(|error| format!("transfer {transfer}: {error}"))?;
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let try_with = |config: StoreConfig| {
        let test = CrashTest::new(config.clone());
        test.run(|machine, told| serve(&config, machine, told), is_sound)
    };
    let report = try_with(config())?;
    println!(
        "crashed at {} points, opened {} disks: every transfer was kept whole",
        report.points, report.images
    );
    // A ledger that is in a hurry tells its customers before the disk has it.
    match try_with(config().with_sync_every_n_events(50)) {
        Ok(_) => Err("a ledger that does not wait for its disk was not found out".into()),
        Err(failure) => {
            println!("\nthe same with sync.every_n_events = 50 fails, as it must:\n{failure}");
            Ok(())
        }
    }
}
