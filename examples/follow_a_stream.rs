//! Follows events as they come: with a cursor whose position is saved, with one call that catches
//! up and goes on live, and with a worker that is resumed after a restart.
//!
//! Run it with `cargo run --example follow_a_stream`.

use batpak::prelude::*;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;

const MEASURED: EventKind = EventKind::custom(0x1, 1);
const BATCH: usize = 10;

fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let saved = dir.path().join("position");
    let store = Store::open(StoreConfig::new(dir.path().join("store")))?;
    measure(&store, 0..25)?;
    println!("a cursor: {} handled", poll_once(&store, &saved)?);
    store.close()?;

    // Another run of the program goes on where the last one stopped.
    let store = Store::open(StoreConfig::new(dir.path().join("store")))?;
    println!("after a restart: {} handled", poll_once(&store, &saved)?);
    println!("at the end: {} handled", poll_once(&store, &saved)?);
    follow(&store)?;
    work(store)
}

/// Handles what there is, up to one batch, and saves how far it has come.
fn poll_once(store: &Store, saved: &Path) -> Result<usize, Box<dyn Error>> {
    let position = match std::fs::read_to_string(saved) {
        Ok(text) => text.parse()?,
        Err(_) => CursorPosition::start(),
    };
    let mut cursor = store.cursor_at(&Region::scope("lab"), &position)?;
    let batch = cursor.try_poll_batch(BATCH)?;
    // The events are handled here: before the position is saved, so that none is missed.
    std::fs::write(saved, cursor.position().to_string())?;
    Ok(batch.len())
}

/// Shows what there is, then what comes.
fn follow(store: &Store) -> Result<(), Box<dyn Error>> {
    let mut follow = store.follow(&Region::entity_exact("sensor:1"))?;
    let mut handed_over = 0;
    while let Followed::Event(_) = follow.recv()? {
        handed_over += 1;
    }
    println!("a follower: {handed_over} were there, now live");
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| measure(store, 25..28).map_err(|error| error.to_string()));
        for _ in 0..3 {
            if let Followed::Event(entry) = follow.recv()? {
                println!("a follower: sequence {} came", entry.global_sequence);
            }
        }
        writing
            .join()
            .map_err(|_| "the writing thread panicked")??;
        Ok(())
    })
}

/// Handles events on a thread of the store's, stops, and goes on in another worker.
fn work(store: Store) -> Result<(), Box<dyn Error>> {
    let store = Arc::new(store);
    let region = Region::scope("lab");
    let config = CursorWorkerConfig {
        batch_size: BATCH,
        ..CursorWorkerConfig::default()
    };
    let (told, batches) = std::sync::mpsc::channel();
    let first = told.clone();
    let mut worker = store.cursor_worker(&region, config.clone(), move |batch, _| {
        // Whoever listens may have gone.
        let _ = first.send(batch.len());
        CursorWorkerAction::Stop
    })?;
    println!("a worker: a batch of {}", batches.recv()?);
    worker.wait()?;
    let position = worker.handled();

    let again = store.cursor_worker_from(&region, &position, config, move |batch, _| {
        let _ = told.send(batch.len());
        CursorWorkerAction::Continue
    })?;
    let mut left = 28 - BATCH;
    while left > 0 {
        left -= batches.recv()?;
    }
    again.join()?;
    println!("a second worker: the rest, none twice");
    let store = Arc::into_inner(store).ok_or("somebody else holds the store")?;
    store.close()?;
    Ok(())
}

fn measure(store: &Store, numbers: std::ops::Range<u64>) -> Result<(), Box<dyn Error>> {
    let sensor = Coordinate::new("sensor:1", "lab")?;
    for number in numbers {
        store.append(&sensor, MEASURED, &number)?;
    }
    Ok(())
}
