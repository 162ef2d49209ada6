//! Callers race through the shipping writer: compare-and-swap has exactly one winner, and a key
//! stands for one event and one receipt, also when the first answer is lost.
//!
//! Writer and roller are the shipping ones, on one thread with a stub that answers for all that is
//! right of the writer. Two preemptions, and 3 threads with the main one in each model; starting
//! and closing the store runs in one order. A caller whose reply closes asks again with its key.
//! - `compare-and-swap`: of two callers that expect the same clock one wins, and the other learns
//!   the clock. 2 appends; 626 executions.
//! - `compare-and-swap, writer crashes`: the same when the writer panics between writing the first
//!   group and answering it; the winner's retry gets its original receipt. 2 appends and their
//!   retries, 1 crash; 11,486 executions.
//! - `compare-and-swap, reply closes`: the same when the actor that holds the first answer crashes.
//!   2 appends and their retries, 1 crash; 6,976 executions.
//! - `compare-and-swap, caller leaves`: the same when a caller gives up its reply and asks again
//!   at once. 3 appends; 840 executions.
//! - `key`: two appends with one key store one event, and both get its receipt. 2 appends;
//!   997 executions.
//! - `key, writer crashes`: the same when the writer panics between writing the first group and
//!   answering it. 2 appends and their retries, 1 crash; 11,486 executions.
//! - `key, reply closes`: the same when the actor that holds the first answer crashes. 2 appends
//!   and their retries, 1 crash; 6,976 executions.
//! - `crash between appends`: a crash beside an append loses nothing that was acknowledged, and a
//!   retry stores nothing twice. 1 append and its retry, 1 crash; 1,691 executions.

#![cfg(loom)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use batpak_actors::error::StoreError;
use batpak_actors::protocol::{AppendReceipt, Expectation, Replay, writer};
use batpak_loom_tests::store::{
    Answer, Asks, Right, Store, StoreOptions, append, append_until_answered, event,
};
use batpak_loom_tests::{in_one_order, model};
use loom::thread;

/// The event that the entity has before two callers race: its clock is 0.
const FIRST: u128 = 1;

/// A key that two callers share, or that the first of them has for itself.
const KEY: u128 = 2;

/// The key of the second caller.
const OTHER_KEY: u128 = 3;

/// How the answer to the first racing append gets lost: the one group before it is [`FIRST`]'s.
#[derive(Clone, Copy)]
enum Lost {
    /// The writer crashes when it has written the group.
    WithTheWriter,
    /// The reply closes, because the actor that had it in hand has crashed.
    WithTheReply,
}

/// Starts a store with [`FIRST`] in it.
fn start(lost: Option<Lost>) -> Store {
    let mut options = StoreOptions::default();
    match lost {
        Some(Lost::WithTheWriter) => options.panics_after_groups = Some(1),
        Some(Lost::WithTheReply) => options.right = Right::IndexerCrashesOver(1),
        None => {}
    }
    in_one_order(|| {
        let store = Store::start(options);
        append(&store.writer, FIRST, Asks::default())
            .unwrap()
            .unwrap();
        store
    })
}

/// Runs two appends on two threads against one writer.
fn race(store: &Store, one: (u128, Asks), other: (u128, Asks)) -> (Answer, Answer) {
    let writer = store.writer.clone();
    let first = thread::spawn(move || append(&writer, one.0, one.1));
    let second = append(&store.writer, other.0, other.1);
    (first.join().unwrap(), second)
}

type Settled = Result<AppendReceipt, StoreError>;

/// Returns the winner's receipt; the loser must have learned the entity's clock.
fn only_winner(one: Settled, other: Settled) -> AppendReceipt {
    let (winner, loser) = match (one, other) {
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
    winner
}

/// Takes the mark of a replay off a receipt.
fn original(receipt: AppendReceipt) -> AppendReceipt {
    AppendReceipt {
        replay: None,
        ..receipt
    }
}

fn keyed(expectation: Expectation) -> Asks {
    Asks {
        keyed: true,
        expectation,
    }
}

#[test]
fn compare_and_swap_has_exactly_one_winner() {
    let winners = model("caller_writer: compare-and-swap", || {
        let store = start(None);
        let asks = Asks {
            expectation: Expectation::Clock(0),
            ..Asks::default()
        };
        let (one, other) = race(&store, (2, asks), (3, asks));
        let winner = only_winner(one.unwrap(), other.unwrap());
        assert_eq!(in_one_order(|| store.close()), [FIRST, winner.event_id]);
        winner.event_id
    });
    assert_eq!(winners.len(), 2, "either caller won: {winners:?}");
}

/// Lets two callers race for one clock while the winner's answer gets lost; returns who won.
fn compare_and_swap_with_a_lost_reply(lost: Lost) -> u128 {
    let store = start(Some(lost));
    let writer = store.writer.clone();
    let expected = Expectation::Clock(0);
    let first = thread::spawn(move || append_until_answered(&writer, KEY, expected));
    let other = append_until_answered(&store.writer, OTHER_KEY, expected);
    let winner = only_winner(first.join().unwrap(), other);
    assert_eq!(
        winner.replay,
        Some(Replay::SameEvent),
        "its first answer was lost"
    );
    assert_eq!(in_one_order(|| store.close()), [FIRST, winner.event_id]);
    winner.event_id
}

#[test]
fn compare_and_swap_has_one_winner_when_the_writer_crashes_before_it_answers() {
    let winners = model("caller_writer: compare-and-swap, writer crashes", || {
        compare_and_swap_with_a_lost_reply(Lost::WithTheWriter)
    });
    assert_eq!(winners.len(), 2, "either caller won: {winners:?}");
}

#[test]
fn compare_and_swap_has_one_winner_when_the_reply_closes() {
    let winners = model("caller_writer: compare-and-swap, reply closes", || {
        compare_and_swap_with_a_lost_reply(Lost::WithTheReply)
    });
    assert_eq!(winners.len(), 2, "either caller won: {winners:?}");
}

#[test]
fn compare_and_swap_has_one_winner_when_a_caller_leaves_and_comes_back() {
    let outcomes = model("caller_writer: compare-and-swap, caller leaves", || {
        let store = start(None);
        let writer = store.writer.clone();
        let asks = keyed(Expectation::Clock(0));
        let first = thread::spawn(move || {
            let left = event(KEY, asks).into();
            let reply = writer.ask(|reply| writer::Message::Append {
                append: left,
                reply,
            });
            drop(reply.expect("an open writer takes every append"));
            append(&writer, KEY, asks).unwrap()
        });
        let other = append(&store.writer, OTHER_KEY, asks).unwrap();
        let winner = only_winner(first.join().unwrap(), other);
        let replayed = winner.replay.is_some();
        assert_eq!(
            replayed,
            winner.event_id == KEY,
            "who came back gets the receipt of its first try"
        );
        assert_eq!(in_one_order(|| store.close()), [FIRST, winner.event_id]);
        winner.event_id
    });
    assert_eq!(outcomes.len(), 2, "either caller won: {outcomes:?}");
}

#[test]
fn a_key_stands_for_one_event_and_one_receipt() {
    let replays = model("caller_writer: key", || {
        let store = in_one_order(|| Store::start(StoreOptions::default()));
        let asks = keyed(Expectation::Empty);
        let (one, other) = race(&store, (KEY, asks), (KEY, asks));
        let (one, other) = (one.unwrap().unwrap(), other.unwrap().unwrap());
        assert_eq!(original(one), original(other));
        assert_ne!(
            one.replay.is_some(),
            other.replay.is_some(),
            "one of them was first"
        );
        assert_eq!(in_one_order(|| store.close()), [KEY]);
        one.replay.is_some()
    });
    assert_eq!(replays.len(), 2, "either caller was first: {replays:?}");
}

/// Lets two callers with one key race while the first answer gets lost.
fn key_with_a_lost_reply(lost: Lost) {
    let store = start(Some(lost));
    let writer = store.writer.clone();
    let first = thread::spawn(move || append_until_answered(&writer, KEY, Expectation::Any));
    let other = append_until_answered(&store.writer, KEY, Expectation::Any).unwrap();
    let one = first.join().unwrap().unwrap();
    assert_eq!(one, other, "both get the receipt of the one event");
    assert_eq!(
        one.replay,
        Some(Replay::SameEvent),
        "its first answer was lost"
    );
    assert_eq!(in_one_order(|| store.close()), [FIRST, KEY]);
}

#[test]
fn a_key_stands_for_one_event_when_the_writer_crashes_before_it_answers() {
    model("caller_writer: key, writer crashes", || {
        key_with_a_lost_reply(Lost::WithTheWriter);
    });
}

#[test]
fn a_key_stands_for_one_event_when_the_reply_closes() {
    model("caller_writer: key, reply closes", || {
        key_with_a_lost_reply(Lost::WithTheReply);
    });
}

#[test]
fn a_crash_between_two_appends_loses_nothing_acknowledged() {
    let outcomes = model("caller_writer: crash between appends", || {
        let store = start(None);
        let writer = store.writer.clone();
        let crash = thread::spawn(move || writer.tell(writer::Message::Panic).unwrap());
        let answer = append(&store.writer, KEY, keyed(Expectation::Any));
        crash.join().unwrap();
        // Whatever became of the first try, a retry with the same key settles it.
        append(&store.writer, KEY, keyed(Expectation::Any))
            .unwrap()
            .unwrap();
        assert_eq!(in_one_order(|| store.close()), [FIRST, KEY]);
        answer.is_ok()
    });
    assert!(
        outcomes.contains(&true),
        "an append is answered beside a crash"
    );
}
