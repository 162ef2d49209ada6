//! An entity whose clock has come to its end takes no event more, in any form, and costs no other
//! entity anything. Nobody appends four billion events here: a log is written whose last event has
//! a late clock.

use crate::harness::*;
use batpak::event::hash::{CanonicalHeader, event_hash, payload_hash};
use batpak::prelude::*;
use batpak_log::log_position::LogPosition;
use batpak_log::position::Hlc;
use batpak_log::segment::{
    EventRecord, GroupBuilder, Removals, SegmentHeader, SegmentName, Tie, encode_footer,
};
use std::path::Path;

/// The last clock there is.
const LAST: u32 = u32::MAX - 1;
/// The id of the event that the log begins with.
const FIRST_ID: u128 = 5;

/// Writes a closed log of one event of `full`, which has this clock.
fn write_log(directory: &Path, clock: u32) {
    let hlc = Hlc {
        wall_us: 1_700_000_000_000_000,
        counter: 0,
    };
    let header = SegmentHeader {
        store_id: *b"store of a test!",
        segment: SegmentName::first_generation(1),
        last_id: 1,
        first_sequence: 0,
        boot_id: [0; 16],
        hlc,
        events_before: 0,
        predecessor: None,
        replaced: Vec::new(),
        removals: Removals::default(),
        required_features: 0,
        optional_features: 0,
    };
    let canonical = CanonicalHeader {
        event_id: FIRST_ID,
        correlation_id: FIRST_ID,
        causation_id: None,
        entity: "full",
        scope: "scope",
        kind: KIND,
        flags: 0,
        hlc,
        clock,
        depth: 0,
        lane: 0,
    };
    let payload = rmp_serde::to_vec_named(&0u64).unwrap();
    let record = EventRecord {
        event_id: FIRST_ID,
        name: 0,
        clock,
        kind: KIND,
        flags: 0,
        hlc,
        event_hash: event_hash(&canonical, &payload_hash(&payload), &[0; 32]),
        correlation_id: FIRST_ID,
        causation_id: None,
        keyed: true,
        depth: 0,
        lane: 0,
        tie: Tie::Hashed,
        payload: &payload,
        removed: None,
    };
    let mut bytes = header.encode();
    let start = bytes.len() as u64;
    let mut group = GroupBuilder::start(header.binding(), hlc.wall_us, start, Vec::new());
    group.push_name(&at("full"));
    group.push_event(&record);
    bytes.extend(group.finish(0, start));
    let mut end = LogPosition::at_start_of(&header);
    end.count(0, hlc, &record.event_hash);
    end.offset = bytes.len() as u64;
    bytes.extend(encode_footer(&header.binding(), &end.as_trailer(true)));
    std::fs::write(directory.join(header.segment.file_name()), bytes).unwrap();
}

/// Opens a log whose entity `full` has its latest event at a clock.
fn open_at(directory: &Path, clock: u32) -> Store {
    write_log(directory, clock);
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
