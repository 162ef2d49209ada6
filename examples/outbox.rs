//! Stages the events of one decision and appends them together; what fails is kept and tried again.

use batpak::prelude::*;

const RESERVED: EventKind = EventKind::custom(0x1, 1);
const CHARGED: EventKind = EventKind::custom(0x1, 2);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let store = Store::open(StoreConfig::new(dir.path()))?;
    let seat = Coordinate::new("seat:12A", "flight")?;
    let card = Coordinate::new("card:1", "payments")?;

    let mut outbox = store.outbox();
    // Nobody may have had this seat before.
    let free = AppendOptions::new().with_expect_empty();
    outbox
        .stage_with_options(seat.clone(), RESERVED, &"ann", free)?
        .stage(card.clone(), CHARGED, &12_900_u64)?;
    assert_eq!(store.stats().event_count, 0, "staged is not written");

    let receipts = outbox.flush()?;
    println!("{} events in one batch", receipts.len());
    assert!(outbox.is_empty());

    // The next one is too late: nothing of it is stored, and it is still staged.
    outbox
        .stage_with_options(seat, RESERVED, &"bob", free)?
        .stage(card, CHARGED, &12_900_u64)?;
    let refused = outbox.flush();
    assert!(matches!(&refused, Err(error) if error.certainly_not_written()));
    assert_eq!((outbox.len(), store.stats().event_count), (2, 2));
    drop(outbox);

    store.close()?;
    Ok(())
}
