//! A follower is handed all that is there, told that it has caught up, and handed what comes: every
//! event once, in order, from the start or from a saved position, until the store closes.

use crate::harness::*;
use batpak::prelude::*;
use batpak::testkit::Machine;
use std::time::Duration;

/// Receives until it has caught up.
fn caught_up(follow: &mut Follow) -> Vec<IndexEntry> {
    let mut found = Vec::new();
    loop {
        match follow.recv_timeout(HANG).unwrap().expect("it goes on") {
            Followed::Event(entry) => found.push(entry),
            Followed::CaughtUp => return found,
        }
    }
}

fn event(followed: Followed) -> IndexEntry {
    match followed {
        Followed::Event(entry) => entry,
        Followed::CaughtUp => panic!("it has caught up before"),
    }
}

#[test]
fn beside_threads_that_write() {
    let directory = temporary();
    let store = open(directory.path());
    let each = scaled(3_000) as u64;
    append_numbers(&store, "before", 0..1000);
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let store = &store;
            scope.spawn(move || append_numbers(store, &format!("thread:{thread}"), 0..each));
        }
        let mut follow = store.follow(&Region::all()).unwrap();
        let mut seen = caught_up(&mut follow);
        assert!(seen.len() >= 1000 && follow.is_caught_up());
        while (seen.len() as u64) < 1000 + 3 * each {
            seen.push(event(follow.recv_timeout(HANG).unwrap().unwrap()));
        }
        assert_eq!(sequences(&seen), (0..1000 + 3 * each).collect::<Vec<_>>());
        assert_eq!(follow.try_recv().unwrap(), None);
    });
}

#[test]
fn an_idle_one_is_woken_by_its_region_alone() {
    let directory = temporary();
    let store = open(directory.path());
    let mut follow = store.follow(&Region::entity_exact("a")).unwrap();
    assert_eq!(follow.recv().unwrap(), Followed::CaughtUp);
    std::thread::scope(|scope| {
        let received = scope.spawn(|| (0..3).map(|_| event(follow.recv().unwrap())).collect());
        for number in 0..3 {
            append_numbers(&store, "b", 0..10);
            append_numbers(&store, "a", number..number + 1);
        }
        let received: Vec<IndexEntry> = received.join().unwrap();
        assert_eq!(received, store.stream("a"));
    });
}

#[test]
fn waiting_with_a_limit_comes_back() {
    let directory = temporary();
    let store = open(directory.path());
    let mut follow = store.follow(&Region::all()).unwrap();
    assert_eq!(follow.try_recv().unwrap(), Some(Followed::CaughtUp));
    let limit = Duration::from_millis(30);
    let begun = std::time::Instant::now();
    assert_eq!(follow.recv_timeout(limit).unwrap(), None);
    assert!(begun.elapsed() >= limit);
    append_numbers(&store, "a", 0..1);
    event(follow.try_recv().unwrap().unwrap());
    // The wake-up of the event that was taken already does not end the wait before its time.
    let begun = std::time::Instant::now();
    assert_eq!(follow.recv_timeout(limit).unwrap(), None);
    assert!(begun.elapsed() >= limit);
    assert_eq!(follow.recv_timeout(Duration::ZERO).unwrap(), None);
    append_numbers(&store, "a", 1..2);
    let received = follow.recv_timeout(Duration::ZERO).unwrap().unwrap();
    assert_eq!(event(received).clock, 1);
}

#[test]
fn it_ends_with_the_store_once_all_was_handed_over() {
    let directory = temporary();
    let store = open(directory.path());
    append_numbers(&store, "a", 0..5);
    let mut behind = store.follow(&Region::all()).unwrap();
    let mut waiting = store.follow(&Region::all()).unwrap();
    caught_up(&mut waiting);
    let waits = std::thread::spawn(move || waiting.map(Result::unwrap).collect::<Vec<_>>());
    append_numbers(&store, "a", 5..10);
    store.close().unwrap();
    let received = waits.join().unwrap();
    let received: Vec<_> = received.into_iter().map(event).collect();
    assert_eq!(sequences(&received), [5, 6, 7, 8, 9]);
    let all: Vec<_> = behind.by_ref().map(Result::unwrap).collect();
    assert_eq!(all.len(), 11);
    assert_eq!(all[10], Followed::CaughtUp);
    let error = behind.recv().unwrap_err();
    assert!(matches!(error, StoreError::Closed), "{error}");
    let error = behind.recv_timeout(HANG).unwrap_err();
    assert!(matches!(error, StoreError::Closed), "{error}");
}

#[test]
fn from_a_saved_position() {
    let directory = temporary();
    let store = open(directory.path());
    append_numbers(&store, "a", 0..300);
    let mut follow = store.follow(&Region::all()).unwrap();
    for _ in 0..7 {
        event(follow.recv().unwrap());
    }
    // What it has read ahead is not behind its position.
    let position = follow.position();
    assert_eq!(position.sequence(), Some(6));
    store.close().unwrap();

    let store = open(directory.path());
    append_numbers(&store, "a", 300..310);
    let mut follow = store.follow_from(&Region::all(), &position).unwrap();
    assert_eq!(follow.position(), position);
    let found = caught_up(&mut follow);
    assert_eq!(sequences(&found), (7..310).collect::<Vec<_>>());
    let other = temporary();
    let other = open(other.path());
    append_numbers(&other, "a", 0..300);
    let error = other.follow_from(&Region::all(), &position).unwrap_err();
    assert!(
        matches!(error, StoreError::ForeignPosition { .. }),
        "{error}"
    );
}

#[test]
fn through_crashes_of_every_actor() {
    let directory = temporary();
    let policy = RestartPolicy::Bounded {
        max_restarts: 100,
        within_ms: 60_000,
    };
    let config = StoreConfig::new(directory.path()).with_restart_policy(policy);
    let store = Store::open(config).unwrap();
    let mut follow = store.follow(&Region::all()).unwrap();
    assert_eq!(follow.recv().unwrap(), Followed::CaughtUp);
    let mut seen = 0;
    for round in 0..20_u64 {
        for actor in ["broker", "indexer", "writer"] {
            store.panic_actor_for_test(actor);
            let options = AppendOptions::new().with_idempotency(u128::from(seen) + 1);
            while let Err(error) = store.append_with_options(&at("a"), KIND, &round, options) {
                assert!(error.is_retryable(), "{error}");
            }
            let received = follow
                .recv_timeout(HANG)
                .unwrap()
                .expect("no wake-up is lost");
            assert_eq!(event(received).clock, seen);
            seen += 1;
        }
    }
    assert_eq!(follow.try_recv().unwrap(), None);
}

#[test]
fn what_came_after_the_broker_ended_is_handed_over_before_it_is_told() {
    let directory = temporary();
    let config = StoreConfig::new(directory.path()).with_restart_policy(RestartPolicy::Once);
    let store = Store::open(config).unwrap();
    let mut follow = store.follow(&Region::all()).unwrap();
    assert_eq!(follow.recv().unwrap(), Followed::CaughtUp);
    let ended = || {
        let actors = store.diagnostics().actors;
        actors
            .iter()
            .any(|actor| actor.name == "broker" && !actor.alive)
    };
    while !ended() {
        store.panic_actor_for_test("broker");
    }
    append_numbers(&store, "a", 0..3);
    for clock in 0..3 {
        assert_eq!(event(follow.recv().unwrap()).clock, clock);
    }
    let error = follow.recv().unwrap_err();
    assert!(matches!(error, StoreError::ActorEnded { .. }), "{error}");
    assert!(matches!(
        follow.next(),
        Some(Err(StoreError::ActorEnded { .. }))
    ));
    append_numbers(&store, "a", 3..4);
    assert_eq!(event(follow.recv().unwrap()).clock, 3);
}

#[test]
fn on_a_machine_that_is_stepped() {
    let random = &mut seeded("followers");
    let machine = Machine::new(random.u64(..));
    let store = history(&machine, 60, random);
    let mut follow = store.follow(&Region::all()).unwrap();
    let found = caught_up(&mut follow);
    assert_eq!(found, store.query(&Region::all()));
    assert_eq!(follow.recv_timeout(Duration::from_secs(1)).unwrap(), None);
    append_numbers(&store, "a", 0..1);
    assert_eq!(event(follow.recv().unwrap()), store.stream("a")[0]);
}
