//! While a visibility fence is open, callers that would not wait are told that it is, and its own
//! outbox flushes into it.

use crate::harness::*;
use batpak::prelude::*;

fn told<T>(outcome: Outcome<T>) -> String {
    match outcome {
        Outcome::Cancelled { reason } => reason,
        _ => panic!("it was not turned away"),
    }
}

#[test]
fn those_who_try() {
    let directory = temporary();
    let store = open(directory.path());
    let fence = store.begin_visibility_fence().unwrap();
    let reasons = [
        told(store.try_submit(&at("a"), KIND, &1u64).unwrap()),
        told(
            store
                .try_submit_reaction(&at("a"), KIND, &1u64, 1, 2)
                .unwrap(),
        ),
        told(store.try_submit_batch(vec![item("a", 1)]).unwrap()),
    ];
    assert!(reasons.iter().all(|reason| reason.contains("fence")));
    let mut outbox = store.outbox();
    outbox.stage(at("a"), KIND, &1u64).unwrap();
    let error = outbox.flush().unwrap_err();
    assert!(
        matches!(error, StoreError::VisibilityFenceActive),
        "{error}"
    );
    fence.cancel().unwrap();
    // Now it is stored, once.
    outbox.flush().unwrap();
    let tried = store.try_submit(&at("a"), KIND, &2u64).unwrap();
    tried.into_result().unwrap().wait().unwrap();
    assert_eq!(numbers(&store, "a"), [1, 2]);
}

#[test]
fn and_its_outbox_flushes_into_it() {
    let directory = temporary();
    let store = open(directory.path());
    for commits in [false, true] {
        let fence = store.begin_visibility_fence().unwrap();
        let mut outbox = fence.outbox();
        for number in 0..3u64 {
            let options = AppendOptions::new().with_idempotency(u128::from(number) + 1);
            outbox
                .stage_with_options(at("a"), KIND, &number, options)
                .unwrap();
        }
        // It does not wait for an end that comes later.
        let receipts = outbox.flush().unwrap();
        assert_eq!(receipts.len(), 3);
        let ticket = outbox.stage(at("a"), KIND, &3u64).unwrap().submit_flush();
        let ticket = ticket.unwrap();
        assert!(ticket.try_check().is_none());
        assert_eq!(store.stream("a").len(), 0);
        match commits {
            true => fence.commit().unwrap(),
            false => fence.cancel().unwrap(),
        }
        assert_eq!(ticket.wait().is_ok(), commits);
    }
    assert_eq!(numbers(&store, "a"), [0, 1, 2, 3]);
}
