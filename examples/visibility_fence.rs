//! Imports a file line by line and shows it all at once; an import that fails leaves no trace.
//!
//! Run it with `cargo run --example visibility_fence`.

use batpak::prelude::*;
use std::error::Error;

const IMPORTED: EventKind = EventKind::custom(0x1, 1);

fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let store = Store::open(StoreConfig::new(dir.path()))?;

    if let Err(error) = import(&store, "ann 20\nbob 30\neve a lot\n") {
        println!("the first import failed: {error}");
    }
    println!("people after it: {}", store.by_fact(IMPORTED).len());
    // Not even the clocks of ann and bob have gone on.
    assert_eq!(store.entity_generation("person:ann"), None);

    import(&store, "ann 20\nbob 30\neve 40\n")?;
    println!("people after the second: {}", store.by_fact(IMPORTED).len());
    assert_eq!(store.entity_generation("person:ann"), Some(1));

    store.close()?;
    Ok(())
}

/// Imports lines of a name and an age, all or none.
fn import(store: &Store, lines: &str) -> Result<(), Box<dyn Error>> {
    // Returning early drops the fence, which cancels it.
    let fence = store.begin_visibility_fence()?;
    for line in lines.lines() {
        let (name, age) = line.split_once(' ').ok_or("a line has a name and an age")?;
        let age: u32 = age.parse().map_err(|_| format!("{age:?} is no age"))?;
        let person = Coordinate::new(format!("person:{name}"), "people")?;
        let ticket = fence.submit(&person, IMPORTED, &age)?;
        // `wait` answers when the fence ends; this, once the event is written.
        ticket.wait_durable()?;
    }
    // Nobody has seen anything yet: no query, no cursor, no subscriber.
    assert!(store.by_fact(IMPORTED).is_empty());
    fence.commit()?;
    Ok(())
}
