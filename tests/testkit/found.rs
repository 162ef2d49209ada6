//! Faults that the simulator has found, each in its shortest form.

use super::{COUNTED, config, counter};
use batpak::prelude::*;
use batpak::store::{AppendTicket, Store};
use batpak::testkit::{Fault, FsCall, Keep, Loss, Machine, SimFs, snapshot_to, step, watch};
use std::cell::Cell;
use std::io::ErrorKind;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

/// Has an actor panic at one moment of its work; returns how many moments there were.
fn panic_at(moment: u64) -> Rc<Cell<u64>> {
    let moments = Rc::new(Cell::new(0));
    let counted = Rc::clone(&moments);
    watch(Some(Box::new(move || {
        let now = counted.replace(counted.get() + 1);
        assert!(now != moment, "the test makes an actor panic");
    })));
    moments
}

fn submit(store: &Store, number: u64) -> AppendTicket {
    store.submit(&counter(), COUNTED, &number).unwrap()
}

fn answer(store: &Store, ticket: AppendTicket) -> Result<(), StoreError> {
    while step(store) {}
    ticket.try_check().unwrap().map(drop)
}

/// An actor that panicked between its answer to `close` and its end was restarted and never ended:
/// closing waited for it for ever.
#[test]
fn a_panic_at_any_moment_of_closing_does_not_keep_a_store_from_closing() {
    let mut moment = 0;
    loop {
        let machine = Machine::new(moment);
        let store = machine.open(config(1)).unwrap();
        for number in 0..10_u64 {
            store.append(&counter(), COUNTED, &number).unwrap();
        }
        let moments = panic_at(moment);
        let closed = store.close();
        watch(None);
        closed.unwrap_or_else(|error| panic!("moment {moment}: {error}"));
        let store = machine.open(config(1)).unwrap();
        assert_eq!(store.stats().event_count, 10, "moment {moment}");
        if moments.get() <= moment {
            break;
        }
        moment += 1;
    }
    assert!(moment > 10, "closing has only {moment} moments");
}

/// A writer that panicked after it had answered was restarted, took the clean mark back, could not
/// sync, and was poisoned; closing said that all was well.
#[test]
fn a_close_that_ends_in_poison_does_not_say_that_all_is_well() {
    for moment in 0..12 {
        for nth in 0..4 {
            let machine = Machine::new(1);
            let store = machine.open(config(1)).unwrap();
            store.append(&counter(), COUNTED, &0_u64).unwrap();
            let failed = Fault::Error(ErrorKind::Other);
            machine.disk().fail_nth(FsCall::SyncAll, nth, failed);
            panic_at(moment);
            let closed = store.close();
            watch(None);
            let is_poisoned = machine.disk().bytes("poisoned.fbpm").is_ok();
            assert!(
                !(closed.is_ok() && is_poisoned),
                "moment {moment}, sync {nth}"
            );
        }
    }
}

/// A failure to prepare the next file ahead of time was kept, and refused an append that came when
/// there was room again.
#[test]
fn a_disk_that_was_full_when_the_next_file_was_prepared_refuses_nothing_later() {
    let machine = Machine::new(1);
    let store = machine.open(config(1)).unwrap();
    answer(&store, submit(&store, 0)).unwrap();
    machine
        .disk()
        .fail_next(FsCall::CreateNew, Fault::Error(ErrorKind::StorageFull));
    // Half of a segment is written, so the next file is asked for; at its end it is needed.
    for number in 1..30 {
        answer(&store, submit(&store, number)).unwrap();
    }
    assert_eq!(machine.disk().injected(), 1);
    assert!(store.stats().segments > 1);
}

/// A write that reached the disk and failed all the same was cut back and called certainly not
/// written; a power cut kept its bytes and forgot the cutting.
#[test]
fn a_group_that_was_cut_back_does_not_come_back_after_a_power_cut() {
    for seed in 0..200 {
        let machine = Machine::new(seed);
        let store = machine.open(config(1000)).unwrap();
        answer(&store, submit(&store, 0)).unwrap();
        store.sync().unwrap();
        machine
            .disk()
            .fail_next(FsCall::WriteAt, Fault::ErrorAfter(ErrorKind::StorageFull));
        let error = answer(&store, submit(&store, 1)).unwrap_err();
        assert!(error.certainly_not_written(), "{error}");
        let loss = Loss::Power {
            sector: 512,
            keep: Keep::Some,
        };
        let after = machine.crash(loss, &mut fastrand::Rng::with_seed(seed));
        let store = after.open(config(1000)).unwrap();
        assert_eq!(store.stats().event_count, 1, "seed {seed}");
    }
}

/// The sector with a footer's marker was lost and the next one, with its trailer, was kept: the
/// store was refused as damaged.
#[test]
fn a_footer_of_which_a_power_cut_kept_the_end_does_not_keep_a_store_from_opening() {
    for filler in 0..200_usize {
        let machine = Machine::new(1);
        let store = machine.open(config(1)).unwrap();
        store
            .append(&counter(), COUNTED, &"x".repeat(filler))
            .unwrap();
        store.close().unwrap();
        let mut bytes = machine.disk().bytes("000001.fbat").unwrap();
        // The trailer is the last 88 bytes, the marker the 8 before it.
        let trailer_at = bytes.len() - 88;
        bytes[trailer_at - 8..trailer_at].fill(0);
        machine.disk().set_bytes("000001.fbat", bytes);
        let store = machine.open(config(1)).unwrap();
        assert_eq!(store.stats().event_count, 1);
        assert!(store.diagnostics().recovery.unclean);
    }
}

/// A cancelled fence moves what readers know of the log's end beyond its last event; a writer that
/// panicked then took that for events that were gone, and was poisoned.
#[test]
fn a_writer_that_panics_after_a_cancelled_fence_goes_on() {
    let machine = Machine::new(1);
    let store = machine.open(config(1)).unwrap();
    let first = store.append(&counter(), COUNTED, &0_u64).unwrap();
    let fence = store.begin_visibility_fence().unwrap();
    let hidden = fence.submit(&counter(), COUNTED, &1_u64).unwrap();
    let hidden = hidden.wait_durable().unwrap();
    fence.cancel().unwrap();
    store.panic_actor_for_test("writer");
    while step(&store) {}
    let next = store.append(&counter(), COUNTED, &2_u64).unwrap();
    assert!(first.sequence < hidden.sequence && hidden.sequence < next.sequence);
    assert_eq!((first.clock, next.clock), (0, 1));
}

/// A store whose segments are sealed, with about three numbers in each.
fn sealed(machine: &Machine) -> Store {
    let config = config(1).with_segment_max_bytes(700);
    let store = machine.open(config.clone()).unwrap();
    for number in 0..12_u64 {
        let numbered = (number, "x".repeat(120));
        store.append(&counter(), COUNTED, &numbered).unwrap();
    }
    store.close().unwrap();
    let store = machine.open(config).unwrap();
    assert!((3..7).contains(&store.stats().segments));
    store
}

/// Keeps the numbers for which this is true.
fn keeping(keep: impl Fn(u64) -> bool + Send + 'static) -> CompactionConfig {
    let keep = move |event: &StoredEvent<serde_json::Value>| {
        let number = event.event.payload.get(0);
        number
            .and_then(serde_json::Value::as_u64)
            .is_some_and(&keep)
    };
    CompactionConfig {
        strategy: CompactionStrategy::Retention(Box::new(keep)),
        min_segments: 1,
    }
}

fn numbers(store: &Store) -> Vec<u64> {
    let all = store.query(&Region::all());
    let read = |entry: &IndexEntry| store.get_as::<(u64, String)>(entry.event_id).unwrap();
    all.iter()
        .map(|entry| read(entry).event.payload.0)
        .collect()
}

/// A compaction had failed once its segment was in its place; the next one took that over, said
/// that all was well, and what it was to remove itself was still there.
#[test]
fn a_compaction_after_a_failed_one_removes_what_it_is_to_remove() {
    let machine = Machine::new(1);
    let store = sealed(&machine);
    let failed = Fault::Error(ErrorKind::Other);
    machine.disk().fail_next(FsCall::SyncDirectory, failed);
    store.compact(&keeping(|number| number != 0)).unwrap_err();
    store.compact(&keeping(|number| number != 1)).unwrap();
    assert!(!numbers(&store).contains(&1));
    store.close().unwrap();
    let store = machine.open(config(1)).unwrap();
    assert!(!numbers(&store).contains(&1));
}

/// So had one of a later segment; the next one wrote a segment over that and over those before, and
/// the store was refused, because two covered the same numbers.
#[test]
fn a_compaction_of_more_neighbours_after_a_failed_one_leaves_a_store_that_opens() {
    for gone in 0..9 {
        let machine = Machine::new(1);
        let store = sealed(&machine);
        let failed = Fault::Error(ErrorKind::Other);
        machine.disk().fail_next(FsCall::SyncDirectory, failed);
        let first = store.compact(&keeping(move |number| number != gone));
        first.unwrap_err();
        // Without their payloads neighbours fit into one.
        store.compact(&keeping(|_| false)).unwrap();
        store.close().unwrap();
        let store = machine.open(config(1)).unwrap();
        assert_eq!(numbers(&store), Vec::<u64>::new());
    }
}

/// A file that could not be removed was forgotten when its replacement was replaced: the store was
/// refused, because two segments covered the same numbers.
#[test]
fn what_could_not_be_removed_does_not_keep_a_store_from_opening() {
    let machine = Machine::new(1);
    let store = sealed(&machine);
    let disk = machine.disk().clone();
    let failing = disk.clone();
    disk.observe(Some(Box::new(move |call| {
        if call.call == FsCall::Remove && call.name == "000001.fbat" {
            failing.fault(call.index, Fault::Error(ErrorKind::Other));
        }
    })));
    store.compact(&keeping(|number| number != 0)).unwrap();
    disk.observe(None);
    assert!(disk.bytes("000001.fbat").is_ok());
    store.compact(&keeping(|number| number != 1)).unwrap();
    assert_eq!(numbers(&store), (2..12).collect::<Vec<_>>());
    store.close().unwrap();
    let store = machine.open(config(1)).unwrap();
    assert_eq!(numbers(&store), (2..12).collect::<Vec<_>>());
}

/// The roller crashed once the copy was there and before it was said; asked again, it found a
/// directory that was not empty, and refused it.
#[test]
fn a_snapshot_is_there_at_whatever_moment_the_roller_panics() {
    let mut moment = 0;
    loop {
        let machine = Machine::new(moment);
        let store = sealed(&machine);
        let copy = SimFs::new();
        let moments = panic_at(moment);
        let copied = snapshot_to(&store, Arc::new(copy.clone()));
        watch(None);
        copied.unwrap_or_else(|error| panic!("moment {moment}: {error}"));
        let copied = Machine::with_disk(copy, 1).open(config(1)).unwrap();
        assert_eq!(numbers(&copied), numbers(&store));
        if moments.get() <= moment {
            break;
        }
        moment += 1;
    }
    assert!(moment > 2, "a snapshot has only {moment} moments");
}

/// An opening cut off the events of a fence that a kill had left open, and was killed before it
/// came to its end: the next one gave their sequences out again.
#[test]
fn what_a_fence_has_used_stays_used_through_openings_that_are_killed() {
    for calls in 0.. {
        let machine = Machine::new(1);
        let store = machine.open(config(1)).unwrap();
        store.append(&counter(), COUNTED, &0_u64).unwrap();
        let fence = store.begin_visibility_fence().unwrap();
        let hidden = fence.submit(&counter(), COUNTED, &1_u64).unwrap();
        let hidden = hidden.wait_durable().unwrap();
        let mut random = fastrand::Rng::with_seed(1);
        let killed = machine.crash(Loss::Kill, &mut random);
        let disk = killed.disk();
        disk.fail_from(disk.calls() + calls, None, Fault::Dead);
        let ended = killed.open(config(1)).is_ok();
        let again = killed.crash(Loss::Kill, &mut random);
        let store = again.open(config(1)).unwrap();
        let next = store.append(&counter(), COUNTED, &2_u64).unwrap();
        assert!(
            next.sequence > hidden.sequence,
            "after {calls} calls: {next:?}"
        );
        if ended {
            assert!(calls > 10);
            break;
        }
    }
}

/// A snapshot whose last step failed was removed without its mark: what a crash left of that was
/// taken for a store.
#[test]
fn a_snapshot_that_fails_at_its_end_is_refused_until_it_is_gone() {
    let machine = Machine::new(1);
    let store = sealed(&machine);
    let copy = SimFs::new();
    let images = Arc::new(Mutex::new(Vec::new()));
    let (disk, kept) = (copy.clone(), Arc::clone(&images));
    let (mut removed, mut failed) = (0, false);
    copy.observe(Some(Box::new(move |call| {
        removed += u64::from(call.call == FsCall::Remove);
        if removed == 1 && call.call == FsCall::SyncDirectory && !failed {
            failed = true;
            disk.fault(call.index, Fault::Error(ErrorKind::Other));
        }
        if removed > 0 && call.changes() {
            let mut random = fastrand::Rng::with_seed(1);
            kept.lock()
                .unwrap()
                .push(disk.crash(Loss::Kill, &mut random));
        }
    })));
    snapshot_to(&store, Arc::new(copy.clone())).unwrap_err();
    copy.observe(None);
    let images = std::mem::take(&mut *images.lock().unwrap());
    assert!(images.len() > 5);
    for image in images {
        match Machine::with_disk(image, 1).open(config(1)) {
            Ok(found) => assert!([0, 12].contains(&found.stats().event_count)),
            Err(error) => assert!(matches!(error, StoreError::UnfinishedSnapshot), "{error}"),
        }
    }
}
