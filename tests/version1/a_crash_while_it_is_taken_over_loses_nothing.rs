//! Taking over is one step: a crash leaves what was there, or all of it in the new form.

use crate::harness::*;
use batpak::prelude::*;
use batpak::testkit::{CrashTest, Machine, Notes, SimFs};

const APPENDS: u64 = 5;

fn simulated() -> StoreConfig {
    StoreConfig::new("simulated")
        .with_segment_max_bytes(1500)
        .with_sync_every_n_events(1)
}

fn put(files: &Files, disk: &SimFs) {
    for (name, bytes) in files {
        disk.set_bytes(name, bytes.clone());
    }
}

/// Opens the fixture twice, appends each time, and notes what was acknowledged.
fn take_over(fixture: &str, machine: &Machine, notes: &Notes<u64>) -> Result<(), StoreError> {
    let files = files_of(fixture);
    put(&files, machine.disk());
    let coord = Coordinate::new("order:1", "shop").unwrap();
    for session in 0..2 {
        let store = machine.open(simulated())?;
        for number in session * APPENDS..(session + 1) * APPENDS {
            store.append(&coord, EventKind::DATA, &number)?;
            notes.add(number);
        }
        store.close()?;
        for (name, bytes) in &files {
            assert!(
                machine
                    .disk()
                    .bytes(name)
                    .is_ok_and(|found| found == *bytes)
            );
        }
    }
    Ok(())
}

fn check(fixture: &str, store: &Store, noted: &[u64]) -> Result<(), String> {
    let old = listing_of(fixture);
    let found = listing(store);
    assert_same(&found[..old.len()], &old, fixture);
    let new: Vec<_> = found[old.len()..]
        .iter()
        .map(|line| line["payload"].as_u64())
        .collect();
    let counted: Vec<_> = (0..new.len() as u64).map(Some).collect();
    if new != counted || new.len() < noted.len() {
        return Err(format!("{noted:?} were acknowledged, {new:?} are there"));
    }
    let verified = store.verify().map_err(|error| error.to_string())?;
    match verified.first_bad {
        None if verified.version1_events == old.len() as u64 => Ok(()),
        _ => Err(format!("{verified:?}")),
    }
}

#[test]
fn wherever_it_happens() {
    for fixture in ["closed", "crashed"] {
        let test = CrashTest::new(simulated()).with_power_cuts(3);
        let report = test
            .run(
                |machine, notes| take_over(fixture, machine, notes),
                |store, noted| check(fixture, store, noted),
            )
            .unwrap();
        assert!(report.points > 50, "{report:?}");
    }
}

#[test]
fn and_what_an_index_stands_for_is_the_same() {
    for fixture in FIXTURES {
        let machine = Machine::new(7);
        put(&files_of(fixture), machine.disk());
        let old = listing_of(fixture);
        machine.open(simulated()).unwrap().close().unwrap();
        for round in 0..3 {
            let store = machine.open(simulated()).unwrap();
            let coord = Coordinate::new("order:1", "shop").unwrap();
            for number in 0..20 {
                store.append(&coord, EventKind::DATA, &number).unwrap();
            }
            assert_same(&listing(&store)[..old.len()], &old, fixture);
            let mut cursor = store.cursor_guaranteed(&Region::scope("shop"));
            assert_eq!(cursor.poll_batch(1000).len(), store.by_scope("shop").len());
            assert_eq!(
                store.verify().unwrap().first_bad,
                None,
                "{fixture}, {round}"
            );
            store.close().unwrap();
        }
        let indexes = machine.disk().files();
        let of_old = |name: &&String| name.starts_with("000001-1.") && name.ends_with(".fbix");
        let indexed = indexes.iter().filter(of_old).count();
        assert!(indexed > 0 || old.len() < 10, "{fixture}: {indexes:?}");
    }
}

#[test]
fn and_where_there_is_no_space_nothing_is_begun() {
    let files = files_of("closed");
    let machine = Machine::new(7);
    put(&files, machine.disk());
    let used = machine.disk().total_bytes();
    for room in (0..6_000).step_by(500) {
        machine.disk().set_quota(Some(used + room));
        let refused = machine.open(simulated()).map(drop);
        assert!(
            matches!(refused, Err(StoreError::StorageFull { .. })),
            "{room}: {refused:?}"
        );
        let mut left = machine.disk().files();
        left.retain(|name| name != "store.lock");
        assert!(left.iter().eq(files.keys()), "{left:?}");
    }
    machine.disk().set_quota(None);
    let store = machine.open(simulated()).unwrap();
    assert_same(&listing(&store), &listing_of("closed"), "with space again");
}
