//! Folds an account's events into its balance, keeps the balance in a cache, and watches it.

use batpak::prelude::*;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

const DEPOSITED: EventKind = EventKind::custom(0x1, 1);
const WITHDRAWN: EventKind = EventKind::custom(0x1, 2);

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Balance {
    cents: i64,
    bookings: u32,
}

impl EventSourced for Balance {
    // The payload as JSON; `RawMsgpackInput` hands over the bytes that were stored.
    type Input = ValueInput;

    fn from_events(events: &[ProjectionEvent<Self>]) -> Option<Self> {
        let mut balance = Self::default();
        for event in events {
            balance.apply_event(event);
        }
        (balance.bookings > 0).then_some(balance)
    }

    fn apply_event(&mut self, event: &ProjectionEvent<Self>) {
        let cents = event.payload.get("cents").and_then(|cents| cents.as_i64());
        let cents = cents.unwrap_or(0);
        self.cents += match event.event_kind() {
            DEPOSITED => cents,
            _ => -cents,
        };
        self.bookings += 1;
    }

    fn relevant_event_kinds() -> &'static [EventKind] {
        &[DEPOSITED, WITHDRAWN]
    }

    // A kept balance may be carried on with the events that came since.
    fn supports_incremental_apply() -> bool {
        true
    }

    // Under this name it is kept, whatever becomes of the type's path.
    fn projection_name() -> &'static str {
        "balance"
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let config = StoreConfig::new(dir.path().join("bank")).with_incremental_projection(true);
    let cache = dir.path().join("balances");
    let store = Arc::new(Store::open_with_native_cache(config, &cache)?);
    let account = Coordinate::new("account:7", "bank")?;
    let book =
        |kind, cents: i64| store.append(&account, kind, &serde_json::json!({"cents": cents}));

    book(DEPOSITED, 1000)?;
    book(WITHDRAWN, 300)?;
    let balance: Option<Balance> = store.project("account:7", &Freshness::Consistent)?;
    println!("{balance:?}");
    assert_eq!(balance.map(|balance| balance.cents), Some(700));

    // Work that is only to be done when something has changed asks with the last generation.
    let changed = store.project_if_changed::<Balance>("account:7", 0, &Freshness::Consistent)?;
    let (generation, _) = changed.ok_or("there are events")?;
    let again =
        store.project_if_changed::<Balance>("account:7", generation, &Freshness::Consistent)?;
    assert!(again.is_none());

    // Who can do with an old balance gets it without a look at the new events.
    let minute = Freshness::MaybeStale {
        max_stale_ms: 60_000,
    };
    book(DEPOSITED, 1)?;
    let old: Option<Balance> = store.project("account:7", &minute)?;
    assert_eq!(old.map(|balance| balance.cents), Some(700));

    // A watcher waits for the next change, on a thread of its own.
    let mut watcher = store.watch_projection::<Balance>("account:7", Freshness::Consistent);
    let watching = std::thread::spawn(move || -> Result<usize, StoreError> {
        let mut seen = 0;
        while let Some(balance) = watcher.recv()? {
            println!("now it is {balance:?}");
            seen += 1;
        }
        Ok(seen)
    });
    book(WITHDRAWN, 1)?;
    Arc::into_inner(store)
        .ok_or("watchers hold no store")?
        .close()?;
    let seen = watching.join().map_err(|_| "the watcher panicked")??;
    assert_eq!(seen, 1, "and it has ended with the store");
    Ok(())
}
