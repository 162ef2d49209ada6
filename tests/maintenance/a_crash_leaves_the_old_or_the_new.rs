//! Whatever crashes while segments are written again, the machine, the process or an actor: every
//! event that stays is where it was, what was removed stays removed, and every key is known.

use crate::harness::*;
use batpak::prelude::*;
use batpak::store::Replay;
use batpak::testkit::{
    CrashTest, Fault, FsCall, Keep, Loss, Machine, Notes, SimFs, When, snapshot_to,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What somebody relies on.
#[derive(Clone, Copy, Debug)]
enum Fact {
    /// A number was stored under this sequence.
    Stored(u64, u64),
    /// Every number below this that is to go is gone.
    Gone(u64),
}

fn small() -> StoreConfig {
    StoreConfig::new("simulated")
        .with_segment_max_bytes(1200)
        .with_sync_every_n_events(1)
}

fn goes(number: u64) -> bool {
    number.is_multiple_of(4)
}

fn retention() -> CompactionConfig {
    CompactionConfig {
        strategy: CompactionStrategy::Retention(Box::new(|event| {
            event
                .event
                .payload
                .as_u64()
                .is_none_or(|number| !goes(number))
        })),
        min_segments: 1,
    }
}

fn append(store: &Store, notes: &Notes<Fact>, numbers: std::ops::Range<u64>) {
    for number in numbers {
        let coord = at(&format!("entity:{}", number % 3));
        let options = AppendOptions::new().with_idempotency(key(number));
        match store.append_with_options(&coord, KIND, &number, options) {
            Ok(receipt) => notes.add(Fact::Stored(number, receipt.sequence)),
            Err(_) => return,
        }
    }
}

fn workload(machine: &Machine, notes: &Notes<Fact>) -> Result<(), StoreError> {
    let store = machine.open(small())?;
    append(&store, notes, 0..18);
    // All but the newest segment.
    store.compact(&retention())?;
    append(&store, notes, 18..22);
    store.close()?;
    // All of them: nothing was written since the opening.
    let store = machine.open(small().with_segment_max_bytes(4000))?;
    store.compact(&retention())?;
    notes.add(Fact::Gone(22));
    append(&store, notes, 22..28);
    snapshot_to(&store, Arc::new(SimFs::new()))?;
    store.compact(&CompactionConfig::default())?;
    store.close().map(drop)
}

fn check(store: &Store, facts: &[Fact]) -> Result<(), String> {
    let found = store.verify().map_err(|error| error.to_string())?;
    assert_eq!(found.first_bad, None);
    let gone = facts.iter().filter_map(|fact| match fact {
        Fact::Gone(below) => Some(*below),
        Fact::Stored(..) => None,
    });
    let gone = gone.max().unwrap_or(0);
    let shown = told(store);
    assert!(shown.windows(2).all(|pair| pair[0].0 < pair[1].0));
    for fact in facts {
        let Fact::Stored(number, sequence) = *fact else {
            continue;
        };
        match store.get_as::<u64>(key(number)) {
            Ok(event) => {
                assert_eq!(event.event.payload, number);
                assert!(!(goes(number) && number < gone), "{number} is back");
                let entry = shown.iter().find(|told| told.1 == key(number)).unwrap();
                assert_eq!(entry.0, sequence);
            }
            Err(StoreError::NotFound(_)) => assert!(goes(number), "{number} was lost"),
            Err(error) => return Err(error.to_string()),
        }
        let again = append_number(store, number);
        assert_eq!(again.replay, Some(Replay::SameEvent), "{number}");
        assert_eq!(again.sequence, sequence);
    }
    Ok(())
}

#[test]
fn of_the_machine_and_of_the_process() {
    let test = CrashTest::new(small()).with_seed(3).with_power_cuts(3);
    let report = test.run(workload, check).unwrap();
    assert!(report.points > 100, "{report:?}");
}

/// A store whose segments are all sealed, and what was stored in it.
fn sealed(seed: u64) -> (Machine, Store, Vec<Told>) {
    let machine = Machine::new(seed);
    let store = machine.open(small()).unwrap();
    append_numbers(&store, 0..32);
    store.close().unwrap();
    let store = machine.open(small().with_segment_max_bytes(5000)).unwrap();
    let before = told(&store);
    (machine, store, before)
}

fn assert_compacted(store: &Store, before: &[Told]) {
    let stays = |told: &&Told| !(0..32).any(|number| goes(number) && key(number) == told.1);
    let kept: Vec<Told> = before.iter().filter(stays).cloned().collect();
    assert_eq!(told(store), kept);
    assert_sound(store);
    for number in 0..32 {
        assert_eq!(append_number(store, number).replay, Some(Replay::SameEvent));
    }
}

#[test]
fn of_the_roller_at_any_call_of_the_disk() {
    for kind in [
        FsCall::WriteAt,
        FsCall::Rename,
        FsCall::SyncDirectory,
        FsCall::Open,
    ] {
        for nth in 0.. {
            let (machine, store, before) = sealed(nth);
            let disk = machine.disk();
            let injected = disk.injected();
            disk.fail_nth(kind, nth, Fault::Panic(When::Before));
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                store.compact(&retention())
            }));
            let struck = disk.injected() > injected;
            disk.clear_faults();
            if let Ok(done) = done {
                // Who asks again is told of what is done already, too.
                done.unwrap();
            }
            store.compact(&retention()).unwrap();
            assert_compacted(&store, &before);
            store.close().unwrap();
            let store = machine.open(small()).unwrap();
            assert_compacted(&store, &before);
            if !struck {
                assert!(nth > 1, "{kind:?}");
                break;
            }
        }
    }
}

#[test]
fn of_an_actor_beside_it() {
    for actor in ["indexer", "writer", "broker", "checkpointer", "roller"] {
        for steps in 0..12 {
            let (machine, store, before) = sealed(steps);
            let disk = machine.disk().clone();
            let calls = disk.calls() + steps * 9;
            let (watched, name) = (Arc::new(store), actor);
            let panics = Arc::downgrade(&watched);
            disk.observe(Some(Box::new(move |call| {
                if call.index == calls
                    && let Some(store) = panics.upgrade()
                {
                    store.panic_actor_for_test(name);
                }
            })));
            watched.compact(&retention()).unwrap();
            disk.observe(None);
            assert_compacted(&watched, &before);
            let store = Arc::into_inner(watched).unwrap();
            append_numbers(&store, 32..40);
            assert_sound(&store);
            store.close().unwrap();
            assert_sound(&machine.open(small()).unwrap());
        }
    }
}

#[test]
fn a_disk_that_fails_changes_nothing() {
    for kind in [
        FsCall::WriteAt,
        FsCall::SyncAll,
        FsCall::Rename,
        FsCall::CreateNew,
    ] {
        let (machine, store, before) = sealed(1);
        machine
            .disk()
            .fail_next(kind, Fault::Error(std::io::ErrorKind::StorageFull));
        let failed = store.compact(&retention());
        assert!(
            matches!(failed, Err(StoreError::StorageFull { .. })),
            "{kind:?} {failed:?}"
        );
        assert_eq!(told(&store), before);
        assert!(
            !machine
                .disk()
                .files()
                .iter()
                .any(|name| name == "merge.tmp")
        );
        store.compact(&retention()).unwrap();
        assert_compacted(&store, &before);
    }
}

#[test]
fn what_a_crash_has_left_of_a_new_segment_is_removed() {
    let (machine, store, before) = sealed(1);
    store.close().unwrap();
    machine.disk().set_bytes("merge.tmp", vec![1; 5000]);
    let store = machine.open(small()).unwrap();
    assert!(!machine.disk().files().contains(&"merge.tmp".to_owned()));
    assert_eq!(told(&store), before);
}

#[test]
fn the_index_of_a_large_segment_is_whole() {
    let machine = Machine::new(5);
    let store = machine.open(small()).unwrap();
    append_numbers(&store, 0..200);
    store.close().unwrap();
    let large = small().with_segment_max_bytes(1 << 20);
    let store = machine.open(large.clone()).unwrap();
    store.compact(&retention()).unwrap();
    assert_eq!(store.stats().segments, 1);
    for _opening in 0..2 {
        let store = machine.open_read_only(large.clone()).unwrap();
        assert_eq!(store.stats().event_count, 150);
        assert_eq!(told(&store).len(), 150);
        assert_eq!(store.diagnostics().events_in_memory, 0);
        // Its runs were merged: no more are left than would be merged next.
        assert!(store.diagnostics().tile_count < 6);
    }
}

#[test]
fn an_index_that_is_asked_for_later_is_there() {
    for seed in 0..8 {
        let machine = Machine::new(seed);
        let config = small().with_segment_max_bytes(600);
        let store = machine.open(config.clone()).unwrap();
        // Segments were left that the writer has not asked to be indexed yet.
        for round in 0..10_u64 {
            append_numbers(&store, round * 10..round * 10 + 10);
            store.compact(&retention()).unwrap();
        }
        assert!(store.diagnostics().events_in_memory <= 36);
        assert_eq!(store.stats().event_count, told(&store).len());
        assert_sound(&store);
        store.close().unwrap();
        assert_sound(&machine.open(config).unwrap());
    }
}

#[test]
fn sequences_that_a_loss_has_skipped_stay_skipped() {
    let machine = Machine::new(9);
    let store = machine
        .open(small().with_sync_every_n_events(1000))
        .unwrap();
    append_numbers(&store, 0..20);
    let loss = Loss::Power {
        sector: 512,
        keep: Keep::All,
    };
    let machine = machine.crash(loss, &mut fastrand::Rng::with_seed(1));
    drop(store);
    // The opening skips what may have been given out, and writes nothing.
    let large = small().with_segment_max_bytes(1 << 20);
    let store = machine.open(large).unwrap();
    let skipped = store.diagnostics().recovery.skipped_sequences;
    assert!(skipped > 1000);
    store.compact(&retention()).unwrap();
    assert_eq!(store.stats().segments, 1);
    let copy = SimFs::new();
    snapshot_to(&store, Arc::new(copy.clone())).unwrap();
    store.close().unwrap();
    for machine in [machine, Machine::with_disk(copy, 1)] {
        let store = machine.open(small()).unwrap();
        assert!(append_number(&store, 20).sequence >= skipped);
    }
}

#[test]
fn a_new_segment_that_was_not_shown_is_taken_up_by_the_next_compaction() {
    let mut left = 0;
    for nth in 0..12 {
        let machine = Machine::new(nth);
        let store = machine.open(small()).unwrap();
        for number in 0..60_u64 {
            let payload = (number, "x".repeat(150));
            store.append(&at("entity"), KIND, &payload).unwrap();
        }
        store.close().unwrap();
        let store = machine.open(small().with_segment_max_bytes(3000)).unwrap();
        let before = told(&store);
        let disk = machine.disk();
        let failing = Fault::ErrorAfter(std::io::ErrorKind::Other);
        disk.fail_nth(FsCall::SyncDirectory, nth, failing);
        let merged = store.compact(&CompactionConfig::default());
        disk.clear_faults();
        let files = disk.files();
        let segments = files.iter().filter(|name| name.ends_with(".fbat")).count();
        left += usize::from(merged.is_err() && segments > store.stats().segments);
        assert_eq!(told(&store), before);
        // What goes now makes for other neighbours than before.
        let most = CompactionConfig {
            strategy: CompactionStrategy::Retention(Box::new(|event| {
                let number = event.event.payload[0].as_u64();
                number.is_some_and(|number| number.is_multiple_of(5))
            })),
            min_segments: 1,
        };
        store.compact(&most).unwrap();
        assert_eq!(told(&store).len(), 12);
        assert_sound(&store);
        store.close().unwrap();
        let store = machine.open(small()).unwrap();
        assert_eq!(told(&store).len(), 12);
        assert_sound(&store);
    }
    assert!(left > 1);
}

#[test]
fn what_is_left_of_another_compaction_keeps_nothing_and_asks_nobody_twice() {
    let mut left = 0;
    for nth in 0..4 {
        let machine = Machine::new(nth);
        let store = machine.open(small()).unwrap();
        for number in 0..60 {
            append_number(&store, number);
        }
        store.close().unwrap();
        let store = machine
            .open(small().with_segment_max_bytes(1 << 20))
            .unwrap();
        let disk = machine.disk();
        let failing = Fault::ErrorAfter(std::io::ErrorKind::Other);
        disk.fail_nth(FsCall::SyncDirectory, nth, failing);
        left += usize::from(store.compact(&CompactionConfig::default()).is_err());
        disk.clear_faults();
        let segments = store.stats().segments;
        assert!(nth > 0 || segments > 2, "the new one is not shown yet");
        // Taking up what is left makes one segment of all.
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let none = CompactionConfig {
            strategy: CompactionStrategy::RawRetention(Box::new(move |_| {
                count.fetch_add(1, Ordering::Relaxed);
                false
            })),
            min_segments: segments - 1,
        };
        store.compact(&none).unwrap();
        assert_eq!(told(&store).len(), 0);
        assert_eq!(asked.load(Ordering::Relaxed), 60);
        assert_sound(&store);
    }
    assert!(left > 0);
}
