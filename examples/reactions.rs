//! Ships what was paid for: a reactor answers events with events, and a restart answers none twice.

use batpak::prelude::*;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

const PAID: EventKind = EventKind::custom(0x1, 1);
const SHIPPED: EventKind = EventKind::custom(0x2, 1);

#[derive(Serialize, Deserialize)]
struct Order {
    number: u32,
    item: String,
}

/// Ships each order that was paid.
struct Shipping;

impl Reactive<Order> for Shipping {
    fn react(&self, event: &Event<Order>) -> Vec<(Coordinate, EventKind, Order)> {
        let Order { number, item } = &event.payload;
        let Ok(parcel) = Coordinate::new(format!("parcel:{number}"), "warehouse") else {
            return Vec::new();
        };
        let order = Order {
            number: *number,
            item: item.clone(),
        };
        vec![(parcel, SHIPPED, order)]
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let paid = Region::all().with_fact(KindFilter::Exact(PAID));
    for round in 0..2 {
        let store = Arc::new(Store::open(StoreConfig::new(dir.path()))?);
        // The name makes it safe to begin with the first event each time: what was answered before
        // is not answered again. A program with a long history saves `shipping.position()` instead.
        let config = ReactionConfig {
            name: Some("shipping".into()),
            from: ReactFrom::Sequence(0),
            ..ReactionConfig::default()
        };
        let shipping = store.react_with(&paid, config, Shipping)?;

        let shipped = store.subscribe_lossy(&Region::all().with_fact(KindFilter::Exact(SHIPPED)));
        for nth in 0..3 {
            let number = 10 * round + nth;
            let order = Order {
                number,
                item: "tea".into(),
            };
            let coord = Coordinate::new(format!("order:{number}"), "shop")?;
            let receipt = store.append(&coord, PAID, &order)?;

            // The reaction is in the order's correlation, and names it as its cause.
            let reaction = shipped.recv().ok_or("the store has closed")?;
            assert_eq!(reaction.causation_id, Some(receipt.event_id));
            assert_eq!(reaction.correlation_id, receipt.event_id);
            println!("order {number} is shipped as {}", reaction.coord);
        }

        // A loop that has failed says why.
        shipping.join()?;
        let expected = 3 * (round as usize + 1);
        assert_eq!(store.by_fact(SHIPPED).len(), expected, "none twice");
        Arc::into_inner(store).ok_or("still in use")?.close()?;
    }
    Ok(())
}
