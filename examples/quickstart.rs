//! Records two events, one caused by the other, and reads them back.

use batpak::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let store = Store::open(StoreConfig::new(dir.path()))?;

    // An event belongs to an entity in a scope, and has a kind and a payload.
    let order = Coordinate::new("order:1", "shop")?;
    const PLACED: EventKind = EventKind::custom(0x1, 1);
    const PAID: EventKind = EventKind::custom(0x1, 2);
    let placed = store.append(
        &order,
        PLACED,
        &serde_json::json!({"item": "tea", "cents": 480}),
    )?;

    // One event causes another; compare-and-swap says what must have been last, and an idempotency
    // key makes the append safe to repeat.
    let options = AppendOptions::new()
        .with_cas(placed.clock)
        .with_idempotency(0x5eed)
        .with_correlation(placed.event_id)
        .with_causation(placed.event_id);
    let paid = store.append_with_options(&order, PAID, &serde_json::json!({}), options)?;
    let again = store.append_with_options(&order, PAID, &serde_json::json!({}), options)?;
    assert_eq!(again.event_id, paid.event_id);

    // Reads never wait for the writer.
    let history = store.stream("order:1");
    assert_eq!(history.len(), 2);
    assert!(
        history
            .iter()
            .any(|entry| entry.is_caused_by(placed.event_id))
    );
    let first = store.get(placed.event_id)?;
    assert_eq!(
        first.event.payload,
        serde_json::json!({"item": "tea", "cents": 480})
    );

    // A cursor delivers every event of a region once, in order.
    let mut cursor = store.cursor_guaranteed(&Region::scope("shop"));
    assert_eq!(cursor.poll_batch(10).len(), 2);

    // Every hash can be recomputed.
    assert!(store.verify()?.first_bad.is_none());
    store.close()?;
    Ok(())
}
