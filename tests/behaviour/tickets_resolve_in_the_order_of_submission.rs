//! What one thread submits is committed and answered in that order, refusals included.

use crate::harness::*;
use batpak::prelude::*;
use std::time::Duration;

#[test]
fn every_submission_is_answered_in_order() {
    let directory = temporary();
    let store = open(directory.path());
    let tickets: Vec<_> = (0..2000u64)
        .map(|number| store.submit(&at("a"), KIND, &number).unwrap())
        .collect();
    // The last is answered after all before it.
    let last = tickets
        .last()
        .unwrap()
        .receiver()
        .recv_timeout(HANG)
        .unwrap()
        .unwrap();
    assert_eq!(last.clock, 1999);
    let answered: Vec<_> = tickets[..1999]
        .iter()
        .map(|ticket| {
            ticket
                .try_check()
                .expect("it was submitted before")
                .unwrap()
        })
        .collect();
    for (sequence, receipt) in (0..).zip(answered) {
        assert_eq!(receipt.sequence, sequence);
    }
    assert_eq!(numbers(&store, "a"), (0..2000).collect::<Vec<_>>());
}

#[test]
fn a_look_keeps_the_answer_for_a_later_wait() {
    let directory = temporary();
    let store = open(directory.path());
    let ticket = store.submit(&at("a"), KIND, &0u64).unwrap();
    store.append(&at("a"), KIND, &1u64).unwrap();
    let looked = ticket.try_check().unwrap().unwrap();
    assert_eq!(ticket.try_check().unwrap().unwrap(), looked);
    assert_eq!(ticket.wait().unwrap(), looked);

    let refused = store
        .submit_with_options(&at("a"), KIND, &2u64, AppendOptions::new().with_cas(7))
        .unwrap();
    store.append(&at("a"), KIND, &3u64).unwrap();
    for _ in 0..2 {
        let error = refused.try_check().unwrap().unwrap_err();
        assert!(matches!(
            error,
            StoreError::SequenceMismatch {
                expected: 7,
                actual: 1,
                ..
            }
        ));
    }
    let error = refused.wait().unwrap_err();
    assert!(matches!(
        error,
        StoreError::SequenceMismatch {
            expected: 7,
            actual: 1,
            ..
        }
    ));

    let batch = store
        .submit_batch(vec![item("b", 0), item("b", 1)])
        .unwrap();
    store.append(&at("a"), KIND, &4u64).unwrap();
    let looked = batch.try_check().unwrap().unwrap();
    assert_eq!(looked.len(), 2);
    assert_eq!(batch.wait().unwrap(), looked);
}

#[test]
fn a_receiver_can_be_selected_over() {
    let directory = temporary();
    let store = open(directory.path());
    let ticket = store.submit(&at("a"), KIND, &0u64).unwrap();
    let receipt = ticket.receiver().recv_timeout(HANG).unwrap().unwrap();
    assert_eq!(store.stream("a")[0].event_id, receipt.event_id);
    assert!(
        matches!(ticket.wait(), Err(StoreError::WriterCrashed)),
        "the answer was taken"
    );
    let batch = store.submit_batch(vec![item("a", 1)]).unwrap();
    assert_eq!(
        batch.receiver().recv_timeout(HANG).unwrap().unwrap().len(),
        1
    );
}

#[test]
fn a_ticket_that_nobody_waits_for_is_carried_out() {
    let directory = temporary();
    let store = open(directory.path());
    for number in 0..100u64 {
        drop(store.submit(&at("a"), KIND, &number).unwrap());
    }
    store.close().unwrap();
    assert_eq!(numbers(&open(directory.path()), "a").len(), 100);
}

#[test]
fn a_refused_command_does_not_stop_later_ones() {
    let directory = temporary();
    let store = open(directory.path());
    let tickets: Vec<_> = (0..300u64)
        .map(|number| {
            let options = if number % 3 == 1 {
                AppendOptions::new().with_cas(u32::MAX)
            } else {
                AppendOptions::new()
            };
            store
                .submit_with_options(&at("a"), KIND, &number, options)
                .unwrap()
        })
        .collect();
    for (number, ticket) in tickets.into_iter().enumerate() {
        assert_eq!(ticket.wait().is_err(), number % 3 == 1, "{number}");
    }
    let expected: Vec<_> = (0..300).filter(|number| number % 3 != 1).collect();
    assert_eq!(numbers(&store, "a"), expected);
    assert_sound(&store, 200);
}

#[test]
fn closing_answers_whatever_is_queued() {
    let directory = temporary();
    let store = Store::open(config(directory.path()).with_sync_every_n_events(1)).unwrap();
    let tickets: Vec<_> = (0..1000u64)
        .map(|number| store.submit(&at("a"), KIND, &number).unwrap())
        .collect();
    within(HANG, "closing with a full queue", move || store.close()).unwrap();
    for (sequence, ticket) in (0..).zip(tickets) {
        // No waiting: whatever close left open would stay open.
        let receipt = ticket
            .try_check()
            .expect("answered by the end of close")
            .unwrap();
        assert_eq!(receipt.sequence, sequence);
    }
    assert_eq!(numbers(&open(directory.path()), "a").len(), 1000);
}

#[test]
fn a_full_mailbox_makes_callers_wait_and_loses_nothing() {
    let directory = temporary();
    let configured = config(directory.path())
        .with_writer_channel_capacity(2)
        .with_sync_every_n_events(1);
    let store = Store::open(configured).unwrap();
    let answers = race(8, |thread| {
        let tickets: Vec<_> = (0..50u64)
            .map(|number| {
                store
                    .submit(&at(&format!("t:{thread}")), KIND, &number)
                    .unwrap()
            })
            .collect();
        tickets
            .into_iter()
            .filter(|_| true)
            .map(AppendTicket::wait)
            .filter(Result::is_ok)
            .count()
    });
    assert_eq!(answers, [50; 8]);
    assert_sound(&store, 400);
}

#[test]
fn a_reply_timeout_is_typed_and_leaves_the_fate_open() {
    let directory = temporary();
    let configured = config(directory.path())
        .with_sync_every_n_events(1)
        .with_reply_timeout(Some(Duration::ZERO));
    let store = Store::open(configured).unwrap();
    let keyed = AppendOptions::new().with_idempotency(9);
    match store.append_with_options(&at("a"), KIND, &0u64, keyed) {
        // A disk that is faster than nothing at all.
        Ok(_) => {}
        Err(error @ StoreError::TimedOut { after_ms: 0 }) => {
            assert!(!error.certainly_not_written() && error.is_retryable());
        }
        Err(error) => panic!("{error}"),
    }
    store.close().unwrap();
    let store = open(directory.path());
    let again = store
        .append_with_options(&at("a"), KIND, &0u64, keyed)
        .unwrap();
    assert!(again.replay.is_some(), "close carries out what is queued");
    assert_sound(&store, 1);
}
