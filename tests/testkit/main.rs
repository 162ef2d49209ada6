//! The test kit finds what it should find, and nothing where there is nothing.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod found;

use batpak::prelude::*;
use batpak::testkit::{CrashFailure, CrashTest, Loss, Machine, Notes};

const COUNTED: EventKind = EventKind::custom(0x1, 1);

fn config(every_n_events: u32) -> StoreConfig {
    StoreConfig::new("simulated")
        .with_segment_max_bytes(1500)
        .with_sync_every_n_events(every_n_events)
}

fn counter() -> Coordinate {
    Coordinate::new("counter:1", "test").unwrap()
}

/// Counts to thirty over three openings, and notes each number once it was acknowledged.
fn count(machine: &Machine, notes: &Notes<u64>, config: &StoreConfig) -> Result<(), StoreError> {
    for session in 0..3 {
        let store = machine.open(config.clone())?;
        for number in session * 10..session * 10 + 10 {
            store.append(&counter(), COUNTED, &number)?;
            notes.add(number);
        }
        store.close()?;
    }
    Ok(())
}

/// Finds exactly the numbers from 0 on, and at least those noted.
fn find(store: &Store, noted: &[u64]) -> Result<(), String> {
    let stored = store.stream("counter:1").len();
    for (number, entry) in store.stream("counter:1").iter().enumerate() {
        let event = store.get_as::<u64>(entry.event_id).unwrap();
        assert_eq!(event.event.payload, number as u64);
    }
    match noted.len() <= stored {
        true => Ok(()),
        false => Err(format!("{} were noted, {stored} are there", noted.len())),
    }
}

fn run(every_n_events: u32, seed: u64) -> Result<batpak::testkit::CrashReport, CrashFailure> {
    let config = config(every_n_events);
    let test = CrashTest::new(config.clone()).with_seed(seed);
    test.run(|machine, notes| count(machine, notes, &config), find)
}

#[test]
fn what_was_acknowledged_as_durable_is_found_after_every_crash() {
    let report = run(1, 1).unwrap();
    assert!(report.points > 100, "{report:?}");
    assert_eq!(report.images, report.points * 6);
}

#[test]
fn what_was_not_durable_is_missed_and_the_same_seed_misses_it_again() {
    let failure = run(10, 1).unwrap_err();
    assert!(
        matches!(failure.loss, Some(Loss::Power { .. })),
        "{failure}"
    );
    assert!(!failure.calls.is_empty());
    assert!(failure.to_string().contains("with seed 1"), "{failure}");
    assert_eq!(run(10, 1).unwrap_err(), failure);
}

#[test]
fn a_killed_process_misses_nothing_however_seldom_is_synced() {
    let config = config(1000);
    let test = CrashTest::new(config.clone()).with_power_cuts(0);
    let report = test.run(|machine, notes| count(machine, notes, &config), find);
    let report = report.unwrap();
    assert!(
        report.points > 30 && report.images == report.points,
        "{report:?}"
    );
}

#[test]
fn a_check_that_panics_is_a_failure_and_so_is_a_workload_that_fails() {
    let config = config(1);
    let test = CrashTest::new(config.clone());
    let workload = |machine: &Machine, notes: &Notes<u64>| count(machine, notes, &config);
    let failure = test
        .run(workload, |_, _| panic!("not as expected"))
        .unwrap_err();
    assert_eq!(failure.detail, "not as expected");
    let failure = test
        .run(
            |_, _: &Notes<u64>| Err(StoreError::WriterCrashed),
            |_, _| Ok(()),
        )
        .unwrap_err();
    assert_eq!(failure.loss, None);
}

#[test]
fn what_is_noted_last_is_looked_for_too() {
    let config = config(1);
    let workload = |machine: &Machine, notes: &Notes<&str>| {
        let store = machine.open(config.clone())?;
        store.append(&counter(), COUNTED, &0_u64)?;
        store.close()?;
        notes.add("closed");
        Ok(())
    };
    let check = |_: &Store, noted: &[&str]| match noted {
        [] => Ok(()),
        _ => Err("noted".to_owned()),
    };
    let failure = CrashTest::new(config.clone()).run(workload, check);
    assert_eq!(failure.unwrap_err().detail, "noted");
}

#[test]
fn a_workload_that_does_nothing_or_something_else_each_time_is_told() {
    let test = CrashTest::new(config(1));
    let nothing = |_: &Machine, _: &Notes<()>| Ok(());
    let failure = test.run(nothing, |_, _| Ok(())).unwrap_err();
    assert!(failure.detail.contains("changed nothing"), "{failure}");
    let runs = std::cell::Cell::new(0);
    let restless = |machine: &Machine, notes: &Notes<u64>| {
        runs.set(runs.get() + 1);
        count(machine, notes, &config(1 + runs.get()))
    };
    let failure = test.run(restless, |_, _| Ok(())).unwrap_err();
    assert!(failure.detail.contains("the same again"), "{failure}");
}

#[test]
fn what_a_check_appends_has_an_id_of_its_own() {
    for seed in 0..25 {
        let config = config(1);
        let test = CrashTest::new(config.clone())
            .with_seed(seed)
            .with_power_cuts(0);
        let report = test.run(
            |machine, notes: &Notes<u64>| count(machine, notes, &config),
            |store, _| {
                let receipt = store.append(&counter(), COUNTED, &99_u64);
                let receipt = receipt.map_err(|error| error.to_string())?;
                let all = store.query(&Region::all());
                let same = all
                    .iter()
                    .filter(|entry| entry.event_id == receipt.event_id);
                assert_eq!(same.count(), 1);
                Ok(())
            },
        );
        report.unwrap();
    }
}
