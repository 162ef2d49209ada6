//! A store keeps the latest events in memory and finds the others through index runs, also while it
//! is written; one that ends without closing opens by what is not indexed.

use crate::harness::{assert_sound, config, item};
use batpak::prelude::*;
use std::fs;
use std::io::ErrorKind;

const EVENTS: u64 = 150_000;
const BATCH: u64 = 2_000;
/// Twice the number of events after which an index run is written.
const IN_MEMORY_MAX: u64 = 64 * 1024;

#[test]
fn while_it_is_written_and_after_it_was_left() {
    let directory = tempfile::tempdir().unwrap();
    let config = |path| config(path).with_batch_max_size(4096);
    let store = Store::open(config(directory.path())).unwrap();
    for batch in 0..EVENTS / BATCH {
        let numbers = batch * BATCH..(batch + 1) * BATCH;
        let entity = |number| format!("entity:{}", number % 500);
        let items = numbers
            .map(|number| item(&entity(number), number))
            .collect();
        store.append_batch(items).unwrap();
        let in_memory = store.diagnostics().events_in_memory;
        assert!(
            in_memory <= IN_MEMORY_MAX + BATCH,
            "{in_memory} events are in memory"
        );
    }
    // A copy is what a killed process leaves: everything that it wrote.
    let left = tempfile::tempdir().unwrap();
    for file in fs::read_dir(directory.path()).unwrap() {
        let file = file.unwrap();
        match fs::copy(file.path(), left.path().join(file.file_name())) {
            // An index was given its name, or merged with others, meanwhile.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            copied => drop(copied.unwrap()),
        }
    }
    assert_sound(&store, EVENTS as usize);
    store.close().unwrap();
    let store = Store::open(config(left.path())).unwrap();
    let opened = store.diagnostics().open_report.unwrap();
    assert!(opened.restored_entries > 0);
    assert!(
        opened.tail_entries as u64 <= IN_MEMORY_MAX + BATCH,
        "{opened:?}"
    );
    assert_sound(&store, EVENTS as usize);
    store.close().unwrap();
}

#[test]
fn an_index_that_was_lost_is_written_before_the_store_opens() {
    let directory = tempfile::tempdir().unwrap();
    let config = |path| config(path).with_batch_max_size(4096);
    let store = Store::open(config(directory.path())).unwrap();
    for batch in 0..EVENTS / BATCH {
        let numbers = batch * BATCH..(batch + 1) * BATCH;
        store
            .append_batch(numbers.map(|number| item("one", number)).collect())
            .unwrap();
    }
    store.close().unwrap();
    for file in fs::read_dir(directory.path()).unwrap() {
        let path = file.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "fbix")
        {
            fs::remove_file(path).unwrap();
        }
    }
    let store = Store::open(config(directory.path())).unwrap();
    let in_memory = store.diagnostics().events_in_memory;
    assert!(
        in_memory <= IN_MEMORY_MAX,
        "{in_memory} events are in memory"
    );
    assert_sound(&store, EVENTS as usize);
    store.close().unwrap();
}
