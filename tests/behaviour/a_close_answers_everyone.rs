//! Whenever a store ends, what was submitted before is carried out, what comes later is refused,
//! and nobody is left without an answer.

use crate::harness::*;
use batpak::prelude::*;
use batpak::store::{CursorWorkerAction, Placement};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(5);
const WORKERS: u64 = 4;

/// Closes a store, or drops it; it takes no longer than it may.
fn end(store: Store, close: bool) {
    let begun = Instant::now();
    within(HANG, "the end of a store", move || match close {
        true => drop(store.close().unwrap()),
        false => drop(store),
    });
    let took = begun.elapsed();
    assert!(took < LIMIT, "it took {took:?}");
}

#[test]
fn of_a_thousand_queued_tickets() {
    for placement in [Placement::Shared, Placement::ThreadEach] {
        for close in [true, false] {
            let directory = temporary();
            let configured = config(directory.path()).with_placement(placement);
            let store = Store::open(configured).unwrap();
            let submit = |number: u64| store.submit(&at("a"), KIND, &number).unwrap();
            let tickets: Vec<_> = (0..1000).map(submit).collect();
            end(store, close);
            for (clock, ticket) in (0..).zip(tickets) {
                // The store has ended, so every answer is there.
                let answer = ticket.try_check().expect("an answer");
                assert_eq!(answer.unwrap().clock, clock);
            }
            let store = open(directory.path());
            assert!(!store.diagnostics().recovery.unclean);
            assert_eq!(numbers(&store, "a"), (0..1000).collect::<Vec<_>>());
            assert_sound(&store, 1000);
        }
    }
}

/// Workers append as fast as they can until they are refused, and the store ends at any moment.
fn end_under_appends(placement: Placement, close: bool, after: usize) {
    let directory = temporary();
    let configured = config(directory.path())
        .with_segment_max_bytes(16 * 1024)
        .with_placement(placement);
    let store = Arc::new(Store::open(configured).unwrap());
    let (told, acked) = channel();
    let workers: Vec<_> = (0..WORKERS)
        .map(|worker| {
            let told = told.clone();
            let handler = move |_: &[IndexEntry], store: &Store| {
                let coord = at(&format!("worker:{worker}"));
                for number in 0u64.. {
                    match store.append(&coord, KIND, &number) {
                        Ok(receipt) => told.send((worker, number, receipt.event_id)).unwrap(),
                        Err(StoreError::Closed) => break,
                        Err(error) => panic!("{error}"),
                    }
                }
                // It has ended for good, for every call that writes.
                let batch = store.append_batch(vec![item("late", 0)]).unwrap_err();
                assert!(matches!(batch, StoreError::Closed), "{batch}");
                assert!(matches!(store.sync(), Err(StoreError::Closed)));
                let late = store.subscribe_lossy(&Region::all()).recv_or_end();
                assert!(matches!(late, Err(StoreError::Closed)), "{late:?}");
                CursorWorkerAction::Stop
            };
            let config = CursorWorkerConfig::default();
            let started = store.cursor_worker(&Region::entity("start"), config, handler);
            started.unwrap()
        })
        .collect();
    drop(told);
    append_numbers(&store, "start", 0..1);
    let mut receipts: Vec<_> = acked.iter().take(after).collect();
    end(Arc::into_inner(store).expect("workers hold none"), close);
    for worker in workers {
        within(HANG, "a worker of a store that has ended", || worker.join()).unwrap();
    }
    receipts.extend(acked);

    let store = open(directory.path());
    assert!(!store.diagnostics().recovery.unclean);
    for worker in 0..WORKERS {
        let own = receipts.iter().filter(|(by, ..)| *by == worker);
        let stored = store.stream(&format!("worker:{worker}"));
        let ids: Vec<_> = stored.iter().map(|entry| entry.event_id).collect();
        let acked: Vec<_> = own.map(|(.., id)| *id).collect();
        assert_eq!(ids, acked, "acknowledged is stored, and refused is not");
    }
    assert_sound(&store, receipts.len() + 1);
}

#[test]
fn of_threads_that_append_meanwhile() {
    let mut random = seeded("closing under appends");
    for round in 0..scaled(16) {
        let placement = [Placement::Shared, Placement::ThreadEach][round % 2];
        end_under_appends(placement, round % 4 < 2, random.usize(1..300));
    }
}

#[test]
fn of_a_store_whose_actors_panic_over_the_request_to_close() {
    let mut random = seeded("closing under panics");
    let actors = ["writer", "roller", "indexer", "broker", "checkpointer"];
    for _ in 0..scaled(30) {
        let directory = temporary();
        let policy = RestartPolicy::Bounded {
            max_restarts: 100,
            within_ms: 1000,
        };
        let configured = config(directory.path()).with_restart_policy(policy);
        let store = Store::open(configured).unwrap();
        let tickets: Vec<_> = (0..100u64)
            .map(|number| {
                if random.u8(..10) == 0 {
                    store.panic_actor_for_test(actors[random.usize(..actors.len())]);
                }
                let options = AppendOptions::new().with_idempotency(u128::from(number) + 1);
                let ticket = store.submit_with_options(&at("a"), KIND, &number, options);
                ticket.unwrap()
            })
            .collect();
        for actor in actors {
            store.panic_actor_for_test(actor);
        }
        end(store, random.bool());
        let answers = tickets.iter().map(|ticket| ticket.try_check());
        let answers: Vec<_> = answers.map(|answer| answer.expect("an answer")).collect();
        let store = open(directory.path());
        for receipt in answers.iter().flatten() {
            store.get(receipt.event_id).unwrap();
        }
        for error in answers.iter().filter_map(|answer| answer.as_ref().err()) {
            assert!(!error.certainly_not_written(), "{error}");
        }
        assert_sound(&store, store.stats().event_count);
    }
}
