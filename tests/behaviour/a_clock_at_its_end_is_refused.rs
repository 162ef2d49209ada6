//! An entity whose clock has come to its end takes no event more, in any form, and costs no other
//! entity anything. Nobody appends four billion events here: a log is written whose last event has
//! a late clock.

use crate::forged_log::{Forged, write_log};
use crate::harness::*;
use batpak::prelude::*;
use std::path::Path;

/// The last clock there is.
const LAST: u32 = u32::MAX - 1;
/// The id of the event that the log begins with.
const FIRST_ID: u128 = 5;

/// Opens a log whose entity `full` has its latest event at a clock.
fn open_at(directory: &Path, clock: u32) -> Store {
    let latest = Forged {
        event_id: FIRST_ID,
        entity: "full",
        clock,
        after_us: 0,
        payload: [0],
        event_hash: [0; 32],
    };
    write_log(directory, &[latest.chained(&[0; 32])]);
    let store = open(directory);
    assert_eq!(store.stream("full")[0].clock, clock);
    store
}

fn assert_exhausted(error: &StoreError) {
    assert!(
        error.certainly_not_written() && !error.is_retryable(),
        "{error}"
    );
    let StoreError::ClockExhausted { entity } = error else {
        panic!("{error}");
    };
    assert_eq!(entity, "full");
}

/// Demands that a batch fails over its item of this index.
fn assert_exhausted_at(index: usize, error: StoreError) {
    let StoreError::BatchFailed {
        item_index, source, ..
    } = error
    else {
        panic!("{error}");
    };
    assert_eq!(item_index, index);
    assert_exhausted(&source);
}

/// Demands that `full` takes nothing more and that its neighbours go on.
fn assert_full(store: &Store, latest: u32) {
    let events = store.stats().event_count;
    assert_eq!(
        store.entity_generation("full"),
        Some(u64::from(latest) + 1),
        "how many it has had"
    );
    let plain = AppendOptions::new();
    for options in [plain, plain.with_cas(latest), plain.with_idempotency(77)] {
        let refused = store.append_with_options(&at("full"), KIND, &1u64, options);
        assert_exhausted(&refused.unwrap_err());
    }
    assert_exhausted(
        &store
            .submit(&at("full"), KIND, &1u64)
            .unwrap()
            .wait()
            .unwrap_err(),
    );
    assert_exhausted_at(
        1,
        store
            .append_batch(vec![item("other", 1), item("full", 1)])
            .unwrap_err(),
    );
    let fence = store.begin_visibility_fence().unwrap();
    let refused = fence.submit(&at("full"), KIND, &1u64).unwrap();
    assert_exhausted(&refused.wait_durable().unwrap_err());
    fence.commit().unwrap();
    assert_eq!(store.stats().event_count, events);
    // A wrong expectation is told before the end is.
    let refused = store.append_with_options(&at("full"), KIND, &1u64, plain.with_cas(0));
    assert!(matches!(
        refused,
        Err(StoreError::SequenceMismatch { actual, .. }) if actual == latest
    ));
    // What is there already can be repeated.
    let again = plain.with_idempotency(FIRST_ID);
    let replay = store.append_with_options(&at("full"), KIND, &0u64, again);
    assert!(replay.unwrap().replay.is_some());
    append_numbers(store, "beside", 0..1);
}

#[test]
fn the_last_clock_is_given_out_and_none_after_it() {
    let directory = temporary();
    let store = open_at(directory.path(), LAST - 2);
    let clocks = |receipts: &[AppendReceipt]| -> Vec<_> {
        receipts.iter().map(|receipt| receipt.clock).collect()
    };
    // Two more find room, three do not: nothing of such a batch is stored.
    let items = |count| (0..count).map(|number| item("full", number)).collect();
    assert_exhausted_at(2, store.append_batch(items(3)).unwrap_err());
    let receipts = store.append_batch(items(2)).unwrap();
    assert_eq!(clocks(&receipts), [LAST - 1, LAST]);
    assert_full(&store, LAST);
    store.close().unwrap();
    let store = open(directory.path());
    assert_full(&store, LAST);
    assert_eq!(store.stream("full").len(), 3);
    let region = Region::entity_exact("full").with_clock_range((LAST, u32::MAX));
    assert_eq!(store.query(&region).len(), 1);
}

#[test]
fn a_log_that_is_beyond_its_end_is_read_and_takes_nothing_more() {
    let directory = temporary();
    let store = open_at(directory.path(), u32::MAX);
    assert_full(&store, u32::MAX);
    store.close().unwrap();
    assert_full(&open(directory.path()), u32::MAX);
}
