//! Keeps a live count of what is sold, for a display that may lag but must not hold up the shop.
//!
//! Run it with `cargo run --example live_view`.

use batpak::prelude::*;
use std::error::Error;

const SOLD: EventKind = EventKind::custom(0x1, 1);
const RETURNED: EventKind = EventKind::custom(0x1, 2);

fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let config = StoreConfig::new(dir.path()).with_broadcast_capacity(64);
    let store = Store::open(config)?;
    let shop = Region::scope("shop");

    // What is left over of each notification, in this order, and what becomes of it.
    let mut sold = store
        .subscribe_lossy(&shop)
        .ops()
        .filter(|notification| notification.kind == SOLD)
        .scan(0_u64, |count, _| {
            *count += 1;
            Some(*count)
        });
    // Nobody reads this one in time.
    let idle = store.subscribe_lossy(&shop);

    for number in 0..40_u64 {
        let order = Coordinate::new(format!("order:{number}"), "shop")?;
        store.append(&order, SOLD, &number)?;
        if number % 10 == 0 {
            store.append(&order, RETURNED, &number)?;
        }
    }
    // Every append has notified before it returned.
    let mut latest = None;
    for _ in 0..40 {
        latest = sold.recv();
    }
    println!("sold: {latest:?}");

    for number in 40..140_u64 {
        let order = Coordinate::new(format!("order:{number}"), "shop")?;
        store.append(&order, SOLD, &number)?;
    }
    println!("the idle subscriber has lost {}", idle.lost());
    // Where every event counts, a cursor takes the place of a subscription.
    let mut cursor = store.cursor_guaranteed(&shop);
    println!("a cursor has lost none: {}", cursor.poll_batch(1_000).len());
    store.close()?;
    Ok(())
}
