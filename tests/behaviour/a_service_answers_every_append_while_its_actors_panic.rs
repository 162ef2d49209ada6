//! Threads append one at a time, in batches and by tickets while chance makes one actor after the
//! other panic: every append has one answer, a retry with the same keys settles what an answer
//! leaves open, and in the end each key stands for one event.

use crate::harness::*;
use batpak::prelude::*;
use batpak::store::Placement;
use std::sync::atomic::{AtomicBool, Ordering};

const THREADS: usize = 4;
const ACTORS: [&str; 5] = ["writer", "roller", "indexer", "broker", "checkpointer"];

/// The key of an event, from which its entity and its payload follow.
fn key(thread: usize, number: u64) -> u128 {
    (thread as u128 + 1) << 64 | u128::from(number + 1)
}

fn entity(thread: usize) -> String {
    format!("thread:{thread}")
}

fn keyed(thread: usize, number: u64) -> AppendOptions {
    AppendOptions::new()
        .with_idempotency(key(thread, number))
        .with_strict_idempotency()
}

/// What one thread has seen: how many answers left it open, and what it was acknowledged.
#[derive(Default)]
struct Seen {
    answers: usize,
    open: usize,
    acked: Vec<AppendReceipt>,
}

impl Seen {
    /// Takes an answer; returns whether it settles the append.
    fn take<T>(
        &mut self,
        answer: Result<T, StoreError>,
        receipts: impl Fn(T) -> Vec<AppendReceipt>,
    ) -> bool {
        self.answers += 1;
        match answer {
            Ok(answer) => self.acked.extend(receipts(answer)),
            Err(error) => {
                let typed = matches!(
                    error,
                    StoreError::WriterCrashed | StoreError::FateUnknown { .. }
                );
                assert!(typed && !error.certainly_not_written(), "{error}");
                self.open += 1;
                return false;
            }
        }
        true
    }

    fn one(&mut self, store: &Store, thread: usize, number: u64) {
        let coord = at(&entity(thread));
        loop {
            let options = keyed(thread, number);
            let answer = store.append_with_options(&coord, KIND, &number, options);
            if self.take(answer, |receipt| vec![receipt]) {
                return;
            }
        }
    }

    fn batch(&mut self, store: &Store, thread: usize, numbers: std::ops::Range<u64>) {
        loop {
            let items = numbers.clone().map(|number| {
                let options = keyed(thread, number);
                item_with(&entity(thread), number, options, CausationRef::None)
            });
            if self.take(store.append_batch(items.collect()), |receipts| receipts) {
                return;
            }
        }
    }

    /// Submits all, then takes the answers; what is left open is settled one by one.
    fn tickets(&mut self, store: &Store, thread: usize, numbers: std::ops::Range<u64>) {
        let coord = at(&entity(thread));
        let submitted: Vec<_> = numbers
            .map(|number| {
                let options = keyed(thread, number);
                let ticket = store.submit_with_options(&coord, KIND, &number, options);
                (number, ticket.unwrap())
            })
            .collect();
        for (number, ticket) in submitted {
            let early = ticket.try_check();
            let answer = ticket.wait();
            if let Some(early) = early {
                assert_eq!(early.is_ok(), answer.is_ok(), "one answer, not two");
            }
            if !self.take(answer, |receipt| vec![receipt]) {
                self.one(store, thread, number);
            }
        }
    }
}

/// Appends so many events by chance's choice of call.
fn serve(store: &Store, thread: usize, each: u64, mut random: fastrand::Rng) -> Seen {
    let mut seen = Seen::default();
    let mut next = 0;
    while next < each {
        let end = (next + random.u64(1..12)).min(each);
        match random.u8(..3) {
            0 => (next..end).for_each(|number| seen.one(store, thread, number)),
            1 => seen.batch(store, thread, next..end),
            _ => seen.tickets(store, thread, next..end),
        }
        next = end;
    }
    seen
}

/// Makes an actor of chance's choice panic until all is served, and each has panicked; returns how
/// often each did.
fn strike(store: &Store, served: &AtomicBool, mut random: fastrand::Rng) -> [u32; ACTORS.len()] {
    let mut panics = [0; ACTORS.len()];
    while !served.load(Ordering::Acquire) || panics.contains(&0) {
        let actor = random.usize(..ACTORS.len());
        let before = restarts(store);
        store.panic_actor_for_test(ACTORS[actor]);
        panics[actor] += 1;
        // The next blow falls once this one has been dealt with, and some work was done.
        while restarts(store)[actor] == before[actor] {
            std::thread::yield_now();
        }
        for _ in 0..random.u8(..50) {
            std::thread::yield_now();
        }
    }
    panics
}

fn restarts(store: &Store) -> [u32; ACTORS.len()] {
    let actors = store.diagnostics().actors;
    let restarts = |name| actors.iter().find(|health| health.name == name).unwrap();
    ACTORS.map(|name| restarts(name).restarts)
}

fn assert_each_key_stands_for_one_event(store: &Store, each: u64) {
    for thread in 0..THREADS {
        let mut keys: Vec<_> = store
            .stream(&entity(thread))
            .iter()
            .map(|entry| entry.event_id)
            .collect();
        let numbers = numbers(store, &entity(thread));
        for (id, number) in keys.iter().zip(&numbers) {
            assert_eq!(*id, key(thread, *number), "thread {thread}");
        }
        keys.sort_unstable();
        let all: Vec<_> = (0..each).map(|number| key(thread, number)).collect();
        assert_eq!(keys, all, "thread {thread}");
    }
    assert_sound(store, THREADS * each as usize);
}

fn check(placement: Placement, every_n: u32) {
    let mut random = seeded("panics under load");
    let directory = temporary();
    let configured = config(directory.path())
        .with_segment_max_bytes(8 * 1024)
        .with_sync_every_n_events(every_n)
        .with_placement(placement)
        .with_restart_policy(RestartPolicy::Bounded {
            max_restarts: u32::MAX,
            within_ms: 1000,
        });
    let each = scaled(600) as u64;
    let configured = configured.with_broadcast_capacity(THREADS * each as usize);
    let store = Store::open(configured).unwrap();
    let subscription = store.subscribe_lossy(&Region::all());
    let mut seeds: Vec<_> = (0..=THREADS).map(|_| random.fork()).collect();
    let struck_with = seeds.pop().unwrap();
    let served = AtomicBool::new(false);
    let (seen, panics) = std::thread::scope(|scope| {
        let striking = scope.spawn(|| strike(&store, &served, struck_with));
        let seen = race(THREADS, |thread| {
            serve(&store, thread, each, seeds[thread].clone())
        });
        served.store(true, Ordering::Release);
        (seen, striking.join().unwrap())
    });
    let answers: usize = seen.iter().map(|seen| seen.answers).sum();
    let open: usize = seen.iter().map(|seen| seen.open).sum();
    println!("{placement:?}: {panics:?} panics, {answers} answers, {open} left it open");

    assert_eq!(restarts(&store), panics, "a restart for each panic");
    for health in store.diagnostics().actors {
        assert!(health.alive && health.last_fault.is_some(), "{health:?}");
        assert_eq!(health.refused, 0, "{health:?}");
    }
    for (thread, seen) in seen.iter().enumerate() {
        assert_eq!(seen.acked.len() as u64, each, "thread {thread}");
        for receipt in &seen.acked {
            let stored = store.get(receipt.event_id).unwrap();
            assert_eq!(stored.event.header.event_id, receipt.event_id);
        }
    }
    let told: Vec<_> = subscription.receiver().try_iter().collect();
    assert!(told.is_sorted_by(|one, next| one.sequence < next.sequence));
    assert_eq!(told.len(), THREADS * each as usize, "told of each once");
    assert_each_key_stands_for_one_event(&store, each);
    store.close().unwrap();
    let store = open_checked(&directory);
    assert_each_key_stands_for_one_event(&store, each);
}

fn open_checked(directory: &tempfile::TempDir) -> Store {
    let store = open(directory.path());
    let recovery = store.diagnostics().recovery;
    assert!(!recovery.unclean, "it was closed in good order");
    store
}

#[test]
fn on_shared_threads() {
    within(
        HANG * scaled(1) as u32,
        "a service on shared threads",
        || {
            check(Placement::Shared, 1000);
        },
    );
}

#[test]
fn on_a_thread_each() {
    within(
        HANG * scaled(1) as u32,
        "a service on a thread each",
        || {
            check(Placement::ThreadEach, 5);
        },
    );
}

#[test]
fn with_every_append_durable() {
    within(
        HANG * scaled(1) as u32,
        "a service that syncs each append",
        || {
            check(Placement::Shared, 1);
        },
    );
}
