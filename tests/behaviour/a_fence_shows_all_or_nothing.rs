//! What is written into a visibility fence is seen all at once when it is committed, and never when
//! it is cancelled, dropped, or ended by a crash: then every head, key and chain is as before.

use crate::harness::*;
use batpak::prelude::*;
use std::path::Path;

const KEY: u128 = 77;

fn keyed() -> AppendOptions {
    AppendOptions::new().with_idempotency(KEY)
}

/// A store with one event of `a`, and what it holds, to see that nothing changes.
fn store_with_one(directory: &Path) -> Store {
    let store = open(directory);
    append_numbers(&store, "a", 0..1);
    store
}

/// Writes three events, one of them of a new entity and one with a key.
fn write_three(fence: &VisibilityFence<'_>) -> [AppendTicket; 3] {
    [
        fence.submit(&at("a"), KIND, &1_u64).unwrap(),
        fence
            .submit_with_options(&at("a"), KIND, &2_u64, keyed())
            .unwrap(),
        fence.submit(&at("b"), KIND, &0_u64).unwrap(),
    ]
}

/// Demands that nothing of the three is there, and that their places and key are free.
fn assert_as_before(store: &Store) {
    assert_eq!(numbers(store, "a"), [0]);
    assert_eq!(numbers(store, "b"), [0; 0]);
    assert_sound(store, 1);
    let cas = AppendOptions::new().with_cas(0).with_idempotency(KEY);
    let receipt = store
        .append_with_options(&at("a"), KIND, &1_u64, cas)
        .unwrap();
    assert_eq!((receipt.clock, receipt.replay), (1, None));
    let empty = AppendOptions::new().with_expect_empty();
    let receipt = store
        .append_with_options(&at("b"), KIND, &5_u64, empty)
        .unwrap();
    assert_eq!(receipt.clock, 0);
    assert_sound(store, 3);
}

#[test]
fn a_commit_shows_everything_at_once() {
    let directory = temporary();
    let store = store_with_one(directory.path());
    let subscription = store.subscribe_lossy(&Region::all());
    let mut cursor = store.cursor_guaranteed(&Region::all());
    assert_eq!(cursor.poll_batch(10).len(), 1);

    let fence = store.begin_visibility_fence().unwrap();
    let tickets = write_three(&fence);
    let written: Vec<_> = tickets.iter().map(|t| t.wait_durable().unwrap()).collect();
    assert!(tickets.iter().all(|ticket| ticket.try_check().is_none()));
    assert_eq!(numbers(&store, "a"), [0]);
    assert!(store.get(KEY).is_err());
    assert!(cursor.poll().is_none());
    assert!(subscription.receiver().is_empty());
    let reader = open_read_only(directory.path());
    assert_eq!(reader.stats().event_count, 1);

    fence.commit().unwrap();
    let committed: Vec<_> = tickets.into_iter().map(|t| t.wait().unwrap()).collect();
    assert_eq!(committed, written);
    assert_eq!(numbers(&store, "a"), [0, 1, 2]);
    assert_eq!(numbers(&store, "b"), [0]);
    assert_eq!(cursor.poll_batch(10).len(), 3);
    assert_eq!(subscription.receiver().len(), 3);
    reader.refresh().unwrap();
    assert_eq!(numbers(&reader, "a"), [0, 1, 2]);
    let replayed = store.append_with_options(&at("a"), KIND, &2_u64, keyed());
    assert_eq!(replayed.unwrap().sequence, written[1].sequence);
    append_numbers(&store, "a", 3..4);
    assert_sound(&store, 5);
    store.close().unwrap();
    let store = open(directory.path());
    assert_eq!(numbers(&store, "a"), [0, 1, 2, 3]);
    assert_sound(&store, 5);
}

#[test]
fn a_cancel_or_a_drop_leaves_everything_as_before() {
    for drops in [false, true] {
        let directory = temporary();
        let store = store_with_one(directory.path());
        let fence = store.begin_visibility_fence().unwrap();
        let tickets = write_three(&fence);
        let used = tickets[2].wait_durable().unwrap().sequence;
        match drops {
            true => drop(fence),
            false => fence.cancel().unwrap(),
        }
        for ticket in tickets {
            let ended = ticket.wait();
            assert!(matches!(ended, Err(StoreError::VisibilityFenceCancelled)));
        }
        let next = store.stats().global_sequence;
        assert!(next > used, "what was used is told");
        assert_as_before(&store);
        let entries = store.query(&Region::all());
        assert!(entries.iter().skip(1).all(|e| e.global_sequence > used));
        store.close().unwrap();
        let store = open(directory.path());
        assert_eq!(numbers(&store, "a"), [0, 1]);
        assert_sound(&store, 3);
    }
}

#[test]
fn a_cancelled_fence_is_hidden_after_reopening() {
    for crash in [false, true] {
        let directory = temporary();
        let store = store_with_one(directory.path());
        let fence = store.begin_visibility_fence().unwrap();
        let used = write_three(&fence)[2].wait_durable().unwrap().sequence;
        fence.cancel().unwrap();
        let image = contents(directory.path());
        store.close().unwrap();
        let crashed = directory_of(&image);
        let store = open(if crash {
            crashed.path()
        } else {
            directory.path()
        });
        assert!(store.stats().global_sequence > used);
        assert_as_before(&store);
    }
}

#[test]
fn a_crash_ends_a_fence() {
    let directory = temporary();
    let store = store_with_one(directory.path());
    let fence = store.begin_visibility_fence().unwrap();
    let used = write_three(&fence)[2].wait_durable().unwrap().sequence;
    let open_fence = contents(directory.path());
    fence.commit().unwrap();
    let committed = contents(directory.path());
    drop(store);

    let crashed = directory_of(&open_fence);
    let store = open(crashed.path());
    let recovery = store.diagnostics().recovery;
    assert!(recovery.truncated_bytes > 0);
    assert!(recovery.set_aside.is_some());
    assert!(store.stats().global_sequence > used);
    assert_as_before(&store);

    let crashed = directory_of(&committed);
    let store = open(crashed.path());
    assert_eq!(store.diagnostics().recovery.truncated_bytes, 0);
    assert_eq!(numbers(&store, "a"), [0, 1, 2]);
    assert_sound(&store, 4);
}

#[test]
fn a_fence_that_is_forgotten_ends_with_the_store() {
    let directory = temporary();
    let store = store_with_one(directory.path());
    let fence = store.begin_visibility_fence().unwrap();
    let ticket = fence.submit(&at("a"), KIND, &1_u64).unwrap();
    std::mem::forget(fence);
    store.close().unwrap();
    let ended = ticket.wait();
    assert!(matches!(ended, Err(StoreError::VisibilityFenceCancelled)));
    let store = open(directory.path());
    assert!(!store.diagnostics().recovery.unclean);
    assert_as_before(&store);
}

#[test]
fn only_the_fence_writes_while_it_is_open() {
    let directory = temporary();
    let store = store_with_one(directory.path());
    let fence = store.begin_visibility_fence().unwrap();
    let active = |answer: Result<(), StoreError>| {
        assert!(matches!(answer, Err(StoreError::VisibilityFenceActive)));
    };
    active(store.append(&at("a"), KIND, &9_u64).map(|_| ()));
    active(store.submit(&at("a"), KIND, &9_u64).map(|_| ()));
    active(store.append_batch(vec![item("a", 9)]).map(|_| ()));
    active(store.submit_batch(vec![item("a", 9)]).map(|_| ()));
    active(store.begin_visibility_fence().map(|_| ()));
    store.sync().unwrap();
    fence.commit().unwrap();
    append_numbers(&store, "a", 1..2);
    store.begin_visibility_fence().unwrap().cancel().unwrap();
    append_numbers(&store, "a", 2..3);
    assert_sound(&store, 3);
}

#[test]
fn a_fence_sees_its_own_writes() {
    let directory = temporary();
    let store = store_with_one(directory.path());
    let fence = store.begin_visibility_fence().unwrap();
    let cas = |clock| AppendOptions::new().with_cas(clock);
    let coord = at("a");
    let first = fence.submit_with_options(&coord, KIND, &1_u64, cas(0));
    let second = fence.submit_with_options(&coord, KIND, &2_u64, cas(1).with_idempotency(KEY));
    let stale = fence.submit_with_options(&coord, KIND, &3_u64, cas(1));
    let stale = stale.unwrap();
    assert!(matches!(
        stale.wait_durable(),
        Err(StoreError::SequenceMismatch { actual: 2, .. })
    ));
    assert!(stale.wait().is_err(), "a refusal does not wait for the end");
    let again = fence.submit_with_options(&coord, KIND, &2_u64, keyed());
    let again = again.unwrap();
    let repeated = again.wait_durable().unwrap();
    assert!(repeated.replay.is_some());
    let batch = fence
        .submit_batch(vec![item("a", 3), item("b", 0)])
        .unwrap();
    let half = fence.submit_batch(vec![
        item("b", 1),
        item_with("a", 9, cas(0), CausationRef::None),
    ]);
    assert!(half.unwrap().wait_durable().is_err());
    assert_eq!(batch.wait_durable().unwrap().len(), 2);
    fence.commit().unwrap();
    assert_eq!(first.unwrap().wait().unwrap().clock, 1);
    assert_eq!(second.unwrap().wait().unwrap().clock, 2);
    assert_eq!(again.wait().unwrap(), repeated);
    assert_eq!(batch.wait().unwrap()[0].clock, 3);
    assert_eq!(numbers(&store, "a"), [0, 1, 2, 3]);
    assert_eq!(numbers(&store, "b"), [0]);
    assert_sound(&store, 5);
}

#[test]
fn a_fence_stands_in_one_segment_and_others_follow() {
    let directory = temporary();
    let small = config(directory.path()).with_segment_max_bytes(4 * 1024);
    let store = Store::open(small.clone()).unwrap();
    for round in 0..6_u64 {
        append_numbers(&store, "a", 0..20);
        let fence = store.begin_visibility_fence().unwrap();
        for number in 0..60 {
            let entity = format!("fenced:{}", number % 7);
            fence.submit(&at(&entity), KIND, &number).unwrap();
        }
        match round % 2 {
            0 => fence.commit().unwrap(),
            _ => fence.cancel().unwrap(),
        }
    }
    assert!(store.stats().segments > 3);
    assert_sound(&store, 6 * 20 + 3 * 60);
    store.close().unwrap();
    let store = Store::open(small).unwrap();
    assert_sound(&store, 6 * 20 + 3 * 60);
}

#[test]
fn a_fence_takes_so_much_and_no_more() {
    let directory = temporary();
    let store = open(directory.path());
    let fence = store.begin_visibility_fence().unwrap();
    let batch = |from: u64, to: u64| {
        let items = (from..to).map(|number| item("a", number)).collect();
        fence.submit_batch(items).unwrap()
    };
    for at in 0..255 {
        batch(at * 256, (at + 1) * 256).wait_durable().unwrap();
    }
    let over = batch(0, 256);
    let Err(StoreError::BatchFailed { source, .. }) = over.wait_durable() else {
        panic!("one event too many was taken");
    };
    assert!(matches!(*source, StoreError::VisibilityFenceFull { .. }));
    assert!(source.certainly_not_written());
    batch(255 * 256, 65_535).wait_durable().unwrap();
    let one_more = fence.submit(&at("a"), KIND, &0_u64).unwrap();
    assert!(one_more.wait_durable().is_err());
    fence.commit().unwrap();
    assert_sound(&store, 65_535);
    append_numbers(&store, "b", 0..300);
    store.close().unwrap();
    let store = open(directory.path());
    assert_sound(&store, 65_835);
}

#[test]
fn an_empty_fence_changes_nothing() {
    let directory = temporary();
    let store = open(directory.path());
    store.begin_visibility_fence().unwrap().commit().unwrap();
    store.begin_visibility_fence().unwrap().cancel().unwrap();
    drop(store.begin_visibility_fence().unwrap());
    store.close().unwrap();
    assert!(contents(directory.path()).is_empty());
}

#[test]
fn a_panic_of_the_writer_ends_a_fence() {
    let directory = temporary();
    let store = store_with_one(directory.path());
    let fence = store.begin_visibility_fence().unwrap();
    let tickets = write_three(&fence);
    let used = tickets[2].wait_durable().unwrap().sequence;
    store.panic_actor_for_test("writer");
    for ticket in tickets {
        assert!(ticket.wait().is_err());
    }
    assert!(matches!(
        fence.submit(&at("a"), KIND, &5_u64).unwrap().wait(),
        Err(StoreError::VisibilityFenceNotActive)
    ));
    assert!(matches!(
        fence.commit(),
        Err(StoreError::VisibilityFenceNotActive)
    ));
    assert_as_before(&store);
    let entries = store.query(&Region::all());
    assert!(entries.iter().skip(1).all(|e| e.global_sequence > used));
}

#[test]
fn an_index_covers_fences_and_the_gaps_of_cancelled_ones() {
    let directory = temporary();
    let config = StoreConfig::new(directory.path());
    let store = Store::open(config.clone()).unwrap();
    let mut expected = Vec::new();
    for round in 0..40_u64 {
        let fence = store.begin_visibility_fence().unwrap();
        let numbers = round * 200..(round + 1) * 200;
        let items = numbers.clone().map(|number| item("a", number)).collect();
        fence.submit_batch(items).unwrap();
        if round % 3 == 0 {
            fence.cancel().unwrap();
        } else {
            fence.commit().unwrap();
            expected.extend(numbers);
        }
    }
    let before: Vec<_> = store.stream("a");
    store.close().unwrap();
    let store = Store::open(config).unwrap();
    assert!(
        store.diagnostics().events_in_memory < 4_000,
        "it was indexed"
    );
    assert_eq!(store.stream("a"), before);
    assert_eq!(numbers(&store, "a"), expected);
    assert_sound(&store, expected.len());
}

#[test]
fn the_writer_goes_on_behind_a_cancelled_fence_when_it_crashes_there() {
    for before in [0, 3] {
        let directory = temporary();
        let config = config(directory.path()).with_restart_policy(RestartPolicy::Bounded {
            max_restarts: 10,
            within_ms: 1000,
        });
        let store = Store::open(config).unwrap();
        append_numbers(&store, "a", 0..before);
        let fence = store.begin_visibility_fence().unwrap();
        let items = (0..5).map(|number| item("a", number)).collect();
        let used = fence.submit_batch(items).unwrap();
        used.wait_durable().unwrap();
        fence.cancel().unwrap();
        for number in before..before + 4 {
            store.panic_actor_for_test("writer");
            append_numbers(&store, "a", number..number + 1);
        }
        assert_eq!(numbers(&store, "a"), (0..before + 4).collect::<Vec<_>>());
        let after = store.stream("a");
        assert!(
            after[before as usize].global_sequence >= before + 5,
            "none is given out twice"
        );
        assert_sound(&store, after.len());
    }
}
