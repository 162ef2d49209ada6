//! Reads a history in every direction: streams from either end, the hash chain of an entity, and
//! the causes and effects of an event.
//!
//! Run it with `cargo run --example read_a_history`.

use batpak::prelude::*;
use serde::{Deserialize, Serialize};

const PLACED: EventKind = EventKind::custom(0x1, 1);
const PAID: EventKind = EventKind::custom(0x1, 2);
const SHIPPED: EventKind = EventKind::custom(0x1, 3);

#[derive(Debug, Serialize, Deserialize)]
struct Placed {
    item: String,
    cents: u64,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let store = Store::open(StoreConfig::new(dir.path()))?;
    let mut last = None;
    for (number, item) in ["tea", "milk", "sugar"].into_iter().enumerate() {
        last = Some(order(&store, number, item)?);
    }
    let shipped = last.ok_or("no order was placed")?;

    println!("every order, with what was ordered:");
    let placed = Region::entity("order:").with_fact(KindFilter::Exact(PLACED));
    for event in store.events(&placed, 0).typed::<Placed>() {
        let event = event?;
        let Placed { item, cents } = event.payload;
        println!("  {} {item} for {cents}", event.coord.entity());
    }

    println!("the latest three events, newest first:");
    for entry in store.events(&Region::all(), 0).rev().take(3) {
        let entry = entry?;
        println!("  {} {} {}", entry.global_sequence, entry.kind, entry.coord);
    }

    println!("page by page, from the back:");
    let mut until = u64::MAX;
    loop {
        let mut page = store.events(&Region::all(), 0).until(until);
        let entries: Vec<_> = page.by_ref().rev().take(4).collect::<Result<_, _>>()?;
        if entries.is_empty() {
            break;
        }
        let sequences: Vec<_> = entries.iter().map(|entry| entry.global_sequence).collect();
        println!("  {sequences:?}");
        until = page.end_sequence();
    }

    println!("back along the hash chain of {}:", shipped.coord.entity());
    for stored in store.ancestors(shipped.event_id)? {
        let event = stored?.event;
        println!("  {} {}", event.event_kind(), event.payload.len());
    }

    println!("why it was shipped:");
    for cause in store.try_causes(shipped.event_id, 10)? {
        println!("  {} {}", cause.kind, cause.coord);
    }
    let first = store.query(&placed).remove(0);
    println!("what {} led to:", first.coord.entity());
    for effect in store.try_effects(first.event_id, 10)? {
        println!("  {} {}", effect.kind, effect.coord);
    }
    store.close()?;
    Ok(())
}

/// Places an order, which causes a payment, which causes a delivery.
fn order(
    store: &Store,
    number: usize,
    item: &str,
) -> Result<IndexEntry, Box<dyn std::error::Error>> {
    let order = Coordinate::new(format!("order:{number}"), "shop")?;
    let payment = Coordinate::new(format!("payment:{number}"), "billing")?;
    let payload = Placed {
        item: item.into(),
        cents: 480,
    };
    let placed = store.append(&order, PLACED, &payload)?;
    let root = placed.event_id;
    let paid = store.append_reaction(&payment, PAID, &480, root, root)?;
    store.append_reaction(&order, SHIPPED, &"by mail", root, paid.event_id)?;
    let last = store
        .events(&Region::entity_exact(order.entity()), 0)
        .next_back();
    Ok(last.ok_or("the order has no event")??)
}
