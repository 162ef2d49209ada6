//! Copies a store while it is written to, and goes on from the copy after the original is lost.

use batpak::prelude::*;
use serde_json::json;
use std::sync::Arc;
use std::thread;

const NOTED: EventKind = EventKind::custom(0x1, 1);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = tempfile::tempdir()?;
    let backups = tempfile::tempdir()?;
    let store = Arc::new(Store::open(StoreConfig::new(directory.path()))?);
    let journal = Coordinate::new("journal:1", "house")?;
    for day in 1..=100 {
        store.append(&journal, NOTED, &json!({"day": day}))?;
    }

    // Somebody goes on writing while the copy is made.
    let writer = {
        let (store, journal) = (Arc::clone(&store), journal.clone());
        thread::spawn(move || {
            (101..=200).try_for_each(|day| {
                store
                    .append(&journal, NOTED, &json!({"day": day}))
                    .map(drop)
            })
        })
    };
    // A new directory for each copy: a snapshot never writes over anything.
    let monday = backups.path().join("monday");
    store.snapshot(&monday)?;
    writer.join().expect("the writer has no bug")?;
    let lost = store.stats().event_count;
    drop(store);
    directory.close()?;

    // The copy is a store: it opens, and every hash in it holds.
    let copy = Store::open(StoreConfig::new(&monday))?;
    let checked = copy.verify()?;
    assert!(checked.first_bad.is_none());
    assert!(
        checked.events >= 100,
        "what was there at the call is in the copy"
    );
    println!("{} of {lost} events were saved", checked.events);
    copy.append(&journal, NOTED, &json!({"restored": true}))?;
    copy.close()?;
    Ok(())
}
