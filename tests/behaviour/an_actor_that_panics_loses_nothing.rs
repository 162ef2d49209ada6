//! An actor that panics under load is restarted: every call gets one answer, a retry with the same
//! key settles what an answer leaves open, and nothing acknowledged is lost or doubled.

use crate::harness::*;
use batpak::prelude::*;
use batpak::store::Placement;
use std::time::Instant;

const THREADS: usize = 4;
const ACTORS: [&str; 5] = ["writer", "roller", "indexer", "broker", "checkpointer"];

fn restarts(store: &Store, actor: &str) -> u32 {
    let health = store.diagnostics().actors;
    health
        .iter()
        .find(|health| health.name == actor)
        .unwrap()
        .restarts
}

fn key(thread: usize, number: u64) -> u128 {
    (thread as u128 + 1) << 64 | u128::from(number + 1)
}

/// Appends until it is acknowledged; returns how many answers left it open.
fn append_until_settled(store: &Store, thread: usize, number: u64) -> usize {
    let coord = at(&format!("thread:{thread}"));
    let options = AppendOptions::new()
        .with_idempotency(key(thread, number))
        .with_strict_idempotency();
    for open in 0.. {
        match store.append_with_options(&coord, KIND, &number, options) {
            Ok(receipt) => {
                assert_eq!(
                    u64::from(receipt.clock),
                    number,
                    "another place than its own"
                );
                return open;
            }
            Err(error @ (StoreError::WriterCrashed | StoreError::FateUnknown { .. })) => {
                assert!(!error.certainly_not_written());
            }
            Err(error) => panic!("{error}"),
        }
    }
    unreachable!("it is settled or it fails")
}

fn check(actor: &'static str, placement: Placement, every_n: u32) {
    let directory = temporary();
    let configured = config(directory.path())
        .with_segment_max_bytes(8 * 1024)
        .with_sync_every_n_events(every_n)
        .with_placement(placement)
        .with_restart_policy(RestartPolicy::Bounded {
            max_restarts: 10_000,
            within_ms: 1000,
        });
    let each = scaled(150) as u64;
    let store = Store::open(configured).unwrap();
    let subscription = store.subscribe_lossy(&Region::all());
    let mut cursor = store.cursor_guaranteed(&Region::all());
    let outcomes = race(THREADS, |thread| {
        let (mut panics, mut open) = (0, 0);
        for number in 0..each {
            if number % 10 == thread as u64 {
                store.panic_actor_for_test(actor);
                panics += 1;
            }
            open += append_until_settled(&store, thread, number);
        }
        (panics, open)
    });
    let panics: u32 = outcomes.iter().map(|outcome| outcome.0).sum();
    let open: usize = outcomes.iter().map(|outcome| outcome.1).sum();
    println!("{actor}, {placement:?}: {panics} panics, {open} answers left it open");
    let begun = Instant::now();
    while restarts(&store, actor) < panics {
        assert!(
            begun.elapsed() < HANG,
            "{} of {panics} restarts",
            restarts(&store, actor)
        );
        std::thread::yield_now();
    }
    assert_all_there(&store, each);
    let sequences: Vec<_> = store
        .query(&Region::all())
        .iter()
        .map(|entry| entry.global_sequence)
        .collect();
    let told: Vec<_> = subscription
        .receiver()
        .try_iter()
        .map(|told| told.sequence)
        .collect();
    assert_eq!(told, sequences, "each subscriber is told once, in order");
    let polled: Vec<_> = cursor
        .poll_batch(usize::MAX)
        .iter()
        .map(|entry| entry.global_sequence)
        .collect();
    assert_eq!(polled, sequences);
    for health in store.diagnostics().actors {
        assert!(health.alive, "{health:?}");
        let expected = if health.name == actor { panics } else { 0 };
        assert_eq!(health.restarts, expected, "{health:?}");
        assert_eq!(
            health.last_fault.is_some(),
            health.name == actor,
            "{health:?}"
        );
    }
    store.close().unwrap();
    let store = open_checked(&directory);
    assert_all_there(&store, each);
}

fn open_checked(directory: &tempfile::TempDir) -> Store {
    let store = open(directory.path());
    assert!(
        !store.diagnostics().recovery.unclean,
        "it was closed in good order"
    );
    store
}

fn assert_all_there(store: &Store, each: u64) {
    for thread in 0..THREADS {
        let stored = numbers(store, &format!("thread:{thread}"));
        assert_eq!(stored, (0..each).collect::<Vec<_>>(), "thread {thread}");
    }
    assert_sound(store, THREADS * each as usize);
}

#[test]
fn the_writer() {
    check("writer", Placement::Shared, 1000);
    check("writer", Placement::ThreadEach, 1);
}

#[test]
fn the_roller() {
    check("roller", Placement::Shared, 7);
    check("roller", Placement::ThreadEach, 1000);
}

#[test]
fn the_indexer() {
    check("indexer", Placement::Shared, 1000);
    check("indexer", Placement::ThreadEach, 3);
}

#[test]
fn the_broker() {
    check("broker", Placement::Shared, 1000);
    check("broker", Placement::ThreadEach, 1000);
}

#[test]
fn the_checkpointer() {
    check("checkpointer", Placement::Shared, 1000);
    check("checkpointer", Placement::ThreadEach, 1000);
}

#[test]
fn one_that_is_idle() {
    for actor in ACTORS {
        let directory = temporary();
        let store = open(directory.path());
        store.panic_actor_for_test(actor);
        append_numbers(&store, "a", 0..5);
        store.sync().unwrap();
        assert_sound(&store, 5);
        store.close().unwrap();
        assert_eq!(numbers(&open_checked(&directory), "a"), [0, 1, 2, 3, 4]);
    }
}

#[test]
fn a_batch_is_whole_over_a_restart_of_the_writer() {
    let directory = temporary();
    let configured = config(directory.path()).with_restart_policy(RestartPolicy::Bounded {
        max_restarts: 10_000,
        within_ms: 1000,
    });
    let store = Store::open(configured).unwrap();
    let rounds = scaled(40) as u64;
    race(THREADS, |thread| {
        for round in 0..rounds {
            if thread == 0 && round % 3 == 0 {
                store.panic_actor_for_test(if round % 2 == 0 { "writer" } else { "indexer" });
            }
            let items = || {
                (0..5u64).map(|place| {
                    let key = AppendOptions::new().with_idempotency(key(thread, round * 5 + place));
                    item_with(
                        &format!("thread:{thread}"),
                        round * 5 + place,
                        key,
                        CausationRef::None,
                    )
                })
            };
            while let Err(error) = store.append_batch(items().collect()) {
                assert!(!error.certainly_not_written(), "{error}");
            }
        }
    });
    assert_all_there(&store, rounds * 5);
}
