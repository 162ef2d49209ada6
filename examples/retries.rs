//! Takes a payment exactly once, however often the call is repeated and whoever repeats it.
//!
//! Run it with `cargo run --example retries`.

use batpak::prelude::*;
use std::error::Error;

const PAID: EventKind = EventKind::custom(0x1, 1);
/// After so many attempts somebody has to look.
const ATTEMPTS: u32 = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let store = Store::open(StoreConfig::new(dir.path()))?;

    // The key stands for the decision: here it came with the customer's request.
    let request = 0x5eed_u128;
    let first = pay(&store, request, 480)?;
    println!("paid at sequence {}: {:?}", first.sequence, first.replay);

    // A repetition gets the first receipt, also after a restart.
    store.close()?;
    let store = Store::open(StoreConfig::new(dir.path()))?;
    let again = pay(&store, request, 480)?;
    println!(
        "repeated at sequence {}: {:?}",
        again.sequence, again.replay
    );
    assert_eq!(again.sequence, first.sequence);

    // The same request with another amount is a mistake somewhere, and is refused.
    match pay(&store, request, 999) {
        Err(StoreError::IdempotencyConflict { key }) => println!("{key:x} was for another amount"),
        other => return Err(format!("not a conflict: {other:?}").into()),
    }
    assert_eq!(store.stream("card:1").len(), 1);
    store.close()?;
    Ok(())
}

fn pay(store: &Store, request: u128, cents: u64) -> Result<AppendReceipt, StoreError> {
    let card = Coordinate::new("card:1", "payments")?;
    let options = AppendOptions::new()
        .with_idempotency(request)
        .with_strict_idempotency();
    let mut attempt = 1;
    loop {
        let outcome = store.append_with_options(&card, PAID, &cents, options);
        match outcome {
            // Whether or not it was written: with its key, trying again is safe.
            Err(error) if error.is_retryable() && attempt < ATTEMPTS => attempt += 1,
            settled => return settled,
        }
    }
}
