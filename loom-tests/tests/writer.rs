//! Two callers race through the shipping writer: compare-and-swap has exactly one winner, a key
//! stands for one event and one receipt, and a crash between them loses nothing acknowledged.

#![cfg(loom)]

use batpak_actors::error::StoreError;
use batpak_actors::protocol::{Expectation, writer};
use batpak_loom_tests::model;
use batpak_loom_tests::single_writer::{Answer, Asks, SingleWriter, append};
use loom::thread;

/// Runs two appends on two threads against one writer.
fn race(store: &SingleWriter, one: (u128, Asks), other: (u128, Asks)) -> (Answer, Answer) {
    let address = store.address();
    let first = thread::spawn(move || append(&address, one.0, one.1));
    let second = append(&store.address(), other.0, other.1);
    (first.join().unwrap(), second)
}

#[test]
fn compare_and_swap_has_exactly_one_winner() {
    let winners = model("writer: compare-and-swap", || {
        let store = SingleWriter::start(1000);
        append(&store.address(), 1, Asks::default())
            .unwrap()
            .unwrap();
        let asks = Asks {
            expectation: Expectation::Clock(0),
            ..Asks::default()
        };
        let (one, other) = race(&store, (2, asks), (3, asks));
        let (winner, loser) = match (one.unwrap(), other.unwrap()) {
            (Ok(winner), Err(loser)) | (Err(loser), Ok(winner)) => (winner, loser),
            (one, other) => panic!("there must be one winner: {one:?} {other:?}"),
        };
        let learned = matches!(
            loser,
            StoreError::SequenceMismatch {
                expected: 0,
                actual: 1,
                ..
            }
        );
        assert!(learned, "the loser learns the actual clock: {loser:?}");
        let stored: Vec<_> = store.close().iter().map(|entry| entry.event_id).collect();
        assert_eq!(stored, [1, winner.event_id]);
        winner.event_id
    });
    assert_eq!(winners.len(), 2, "either caller won: {winners:?}");
}

#[test]
fn a_key_stands_for_one_event_and_one_receipt() {
    let replays = model("writer: idempotency", || {
        let store = SingleWriter::start(1000);
        let asks = Asks {
            keyed: true,
            expectation: Expectation::Empty,
        };
        let (one, other) = race(&store, (9, asks), (9, asks));
        let (one, other) = (one.unwrap().unwrap(), other.unwrap().unwrap());
        assert_eq!(
            (one.event_id, one.sequence),
            (other.event_id, other.sequence)
        );
        assert_eq!(one.disk_pos, other.disk_pos);
        assert_ne!(
            one.replay.is_some(),
            other.replay.is_some(),
            "one of them was first"
        );
        assert_eq!(store.close().len(), 1);
        one.replay.is_some()
    });
    assert_eq!(replays.len(), 2, "either caller was first: {replays:?}");
}

#[test]
fn a_crash_between_two_appends_loses_nothing_acknowledged() {
    let outcomes = model("writer: crash", || {
        let store = SingleWriter::start(1000);
        append(&store.address(), 1, Asks::default())
            .unwrap()
            .unwrap();
        let address = store.address();
        let crash = thread::spawn(move || address.tell(writer::Message::Panic).unwrap());
        let asks = Asks {
            keyed: true,
            ..Asks::default()
        };
        let answer = append(&store.address(), 2, asks);
        crash.join().unwrap();
        // Whatever became of the first try, a retry with the same key settles it.
        append(&store.address(), 2, asks).unwrap().unwrap();
        let stored: Vec<_> = store.close().iter().map(|entry| entry.event_id).collect();
        assert_eq!(stored, [1, 2]);
        answer.is_ok()
    });
    assert!(
        outcomes.contains(&true),
        "an append is answered beside a crash"
    );
}
