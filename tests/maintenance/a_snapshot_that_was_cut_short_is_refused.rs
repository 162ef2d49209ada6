//! A crash while a snapshot is written leaves a directory that no opening takes for a store, or a
//! snapshot that is whole; a disk that fails leaves nothing.

use crate::harness::*;
use batpak::prelude::*;
use batpak::testkit::{Call, Fault, Fs, FsCall, Keep, Loss, Machine, SimFs, snapshot_to};
use std::sync::{Arc, Mutex};

fn machine_config() -> StoreConfig {
    StoreConfig::new("simulated").with_segment_max_bytes(2000)
}

/// A store with several segments and index runs.
fn filled(events: u64) -> (Machine, Store) {
    let machine = Machine::new(7);
    let store = machine.open(machine_config()).unwrap();
    append_numbers(&store, 0..events);
    (machine, store)
}

#[test]
fn after_any_crash_of_the_copy_s_disk() {
    for events in [1, 60] {
        let (_machine, store) = filled(events);
        let expected = told(&store);
        let copy = SimFs::new();
        let images = Arc::new(Mutex::new(Vec::new()));
        let (disk, kept) = (copy.clone(), Arc::clone(&images));
        copy.observe(Some(Box::new(move |call: &Call<'_>| {
            if call.changes() {
                let mut random = fastrand::Rng::with_seed(call.index);
                for keep in [Keep::Nothing, Keep::Some, Keep::Some] {
                    let loss = Loss::Power { sector: 512, keep };
                    kept.lock().unwrap().push(disk.crash(loss, &mut random));
                }
                kept.lock()
                    .unwrap()
                    .push(disk.crash(Loss::Kill, &mut random));
            }
        })));
        snapshot_to(&store, Arc::new(copy.clone())).unwrap();
        copy.observe(None);
        let images = std::mem::take(&mut *images.lock().unwrap());
        let (mut whole, mut refused, mut empty) = (0, 0, 0);
        let unfinished = images.len();
        assert!(unfinished > 40);
        for image in images {
            let found = Machine::with_disk(image.clone(), 1).open(machine_config());
            match found {
                Ok(found) if image.files().iter().all(|name| name == "store.lock") => {
                    // The power went before anything was there.
                    assert_eq!(found.stats().event_count, 0);
                    empty += 1;
                }
                Ok(found) => {
                    assert_eq!(told(&found), expected);
                    assert!(!found.diagnostics().recovery.unclean);
                    whole += 1;
                }
                Err(error) => {
                    assert!(matches!(error, StoreError::UnfinishedSnapshot), "{error}");
                    refused += 1;
                }
            }
        }
        assert!(
            refused > 20 && whole > 0,
            "{refused} refused, {whole} whole, {empty} empty"
        );
        // What the answer rests on is durable.
        let mut random = fastrand::Rng::with_seed(1);
        let loss = Loss::Power {
            sector: 512,
            keep: Keep::Nothing,
        };
        let found = Machine::with_disk(copy.crash(loss, &mut random), 1);
        let found = found.open(machine_config()).unwrap();
        assert_eq!(told(&found), expected);
        assert_sound(&found);
    }
}

#[test]
fn a_disk_that_fails_is_told_and_left_empty() {
    let (_machine, store) = filled(40);
    let expected = told(&store);
    for nth in 0.. {
        let copy = SimFs::new();
        copy.fail_nth(
            FsCall::WriteAt,
            nth,
            Fault::Error(std::io::ErrorKind::StorageFull),
        );
        match snapshot_to(&store, Arc::new(copy.clone())) {
            Ok(()) => {
                assert!(nth > 5);
                let found = Machine::with_disk(copy, 1).open(machine_config()).unwrap();
                assert_eq!(told(&found), expected);
                break;
            }
            Err(error) => {
                assert!(matches!(error, StoreError::StorageFull { .. }), "{error}");
                assert_eq!(copy.list("").unwrap(), Vec::<String>::new());
            }
        }
    }
    assert_sound(&store);
}

#[test]
fn a_roller_that_crashes_over_it_begins_again() {
    let (_machine, store) = filled(60);
    let expected = told(&store);
    store.panic_actor_for_test("roller");
    let copy = SimFs::new();
    snapshot_to(&store, Arc::new(copy.clone())).unwrap();
    let found = Machine::with_disk(copy, 1).open(machine_config()).unwrap();
    assert_eq!(told(&found), expected);
}

#[test]
fn and_one_that_is_whole_is_not_touched_by_another_into_the_same_place() {
    let machine = Machine::new(4);
    let store = machine.open(StoreConfig::new("simulated")).unwrap();
    append_numbers(&store, 0..10);
    let to = SimFs::new();
    snapshot_to(&store, Arc::new(to.clone())).unwrap();
    let before = told(&store);
    append_numbers(&store, 10..20);
    let changes = Arc::new(Mutex::new(0));
    let seen = Arc::clone(&changes);
    to.observe(Some(Box::new(move |call| {
        *seen.lock().unwrap() += usize::from(call.changes());
    })));
    let refused = snapshot_to(&store, Arc::new(to.clone())).unwrap_err();
    assert!(matches!(refused, StoreError::Io(_)), "{refused}");
    to.observe(None);
    // Not even for a moment, in which a crash could come.
    assert_eq!(*changes.lock().unwrap(), 0);
    let copy = Machine::with_disk(to, 5);
    assert_eq!(
        told(&copy.open(StoreConfig::new("simulated")).unwrap()),
        before
    );
}

#[test]
fn of_many_at_once_into_one_directory_one_is_whole() {
    let (directory, copies) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = Store::open(StoreConfig::new(directory.path())).unwrap();
    append_numbers(&store, 0..50);
    let to = copies.path().join("copy");
    let results: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..6)
            .map(|_| scope.spawn(|| store.snapshot(&to)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    for refused in results.into_iter().filter_map(Result::err) {
        assert!(matches!(refused, StoreError::NotEmpty { .. }), "{refused}");
    }
    assert_eq!(
        told(&Store::open(StoreConfig::new(&to)).unwrap()),
        told(&store)
    );
}
