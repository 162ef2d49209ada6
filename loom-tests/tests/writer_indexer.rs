//! What was answered is visible, and a batch becomes visible as a whole.
//!
//! Writer, roller and indexer are the shipping ones: writer and roller on one thread, the indexer
//! on another, together with a stub for the broker. Threads count the main one. Starting and
//! closing the store runs in one order.
//! - `own write`: a caller that was answered finds its event by id, in its entity and on disk.
//!   4 threads, 2 appends, one preemption; 654 executions.
//! - `batch`: a reader beside an append of a batch sees all of it or nothing. 4 threads, 1 batch of
//!   2 events, two preemptions; 6,292 executions.
//! - `writer crashes`: what a crashed writer wrote is visible once its retry is answered, and the
//!   first retry is. 3 threads, 1 append and its retry, 1 crash, two preemptions;
//!   2,644 executions.
//! - `indexer crashes`: a restarted indexer shows every event, each once. 4 threads, 2 appends and
//!   their retries, 1 crash, one preemption; 1,342 executions.

#![cfg(loom)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::Arc;

use batpak_actors::protocol::indexer::{self, WrittenGroup};
use batpak_actors::protocol::{AppendReceipt, Expectation, writer};
use batpak_actors::reader::Reader;
use batpak_actors::recovery::empty_position;
use batpak_log::Region;
use batpak_loom_tests::store::{
    Asks, ENTITY, Right, Store, StoreOptions, append, append_until_answered, event,
};
use batpak_loom_tests::{in_one_order, model, model_within};
use loom::thread;

/// The shipping writer and indexer on a thread each, and what the indexer tells is answered by a
/// stub.
const OPTIONS: StoreOptions = StoreOptions {
    right: Right::StubBroker,
    thread_each: true,
    panics_after_groups: None,
};

/// The event that opens the segment, before a model begins.
const FIRST: u128 = 1;

fn start(options: StoreOptions) -> Store {
    in_one_order(|| {
        let store = Store::start(options);
        append(&store.writer, FIRST, Asks::default())
            .unwrap()
            .unwrap();
        store
    })
}

/// Asserts that an answered event can be found in every way.
fn assert_visible(reader: &Reader, receipt: &AppendReceipt) {
    let found = reader
        .find(receipt.event_id)
        .expect("an index in memory is read");
    let found = found.expect("an answered event is found by its id");
    assert_eq!(found.global_sequence, receipt.sequence);
    assert_eq!(found.disk_pos, receipt.disk_pos);
    assert!(reader.view().visible() > receipt.sequence);
    let head = reader.head(ENTITY).expect("an index in memory is read");
    let head = head.expect("the entity has events");
    assert!(head.clock >= receipt.clock, "its history reaches that far");
}

/// Returns the sequences of the events that a region has now.
fn sequences(reader: &Reader, region: &Region) -> Vec<u64> {
    let events = reader.events(region, 0);
    let entries = events.map(|entry| entry.expect("an index in memory is read"));
    entries.map(|entry| entry.global_sequence).collect()
}

/// Makes the indexer crash without a panic: all threads of a model share one of the system, so a
/// lock that another of them gives back during an unwinding would count as poisoned.
fn behind_a_group_that_never_arrived() -> WrittenGroup {
    WrittenGroup {
        events_before: u64::MAX,
        opened: None,
        entries: Vec::new(),
        position: empty_position(),
        proven: empty_position(),
        acknowledgements: Vec::new(),
    }
}

fn append_and_read(store: &Store, id: u128) -> impl FnOnce() + use<> {
    let (writer, reader) = (store.writer.clone(), Arc::clone(&store.reader));
    move || {
        let receipt = append(&writer, id, Asks::default()).unwrap().unwrap();
        assert_visible(&reader, &receipt);
        let event = reader.get(id).expect("an answered event is read");
        assert_eq!(event.event.header.event_id, id);
    }
}

#[test]
fn a_caller_reads_its_own_write() {
    model_within("writer_indexer: own write", 1, || {
        let store = start(OPTIONS);
        let other = thread::spawn(append_and_read(&store, 2));
        append_and_read(&store, 3)();
        other.join().unwrap();
        let mut stored = in_one_order(|| store.close());
        stored.sort_unstable();
        assert_eq!(stored, [FIRST, 2, 3]);
    });
}

#[test]
fn a_batch_appears_whole() {
    let seen = model("writer_indexer: batch", || {
        let store = start(OPTIONS);
        let reader = {
            let reader = Arc::clone(&store.reader);
            thread::spawn(move || {
                let found = sequences(&reader, &Region::all());
                let stream = sequences(&reader, &Region::entity_exact(ENTITY));
                assert!(stream.len() >= found.len());
                found
            })
        };
        let items = vec![event(2, Asks::default()), event(3, Asks::default())];
        let asked = store
            .writer
            .ask(|reply| writer::Message::AppendBatch { items, reply });
        let receipts = asked.unwrap().wait().unwrap().unwrap();
        for receipt in &receipts {
            assert_visible(&store.reader, receipt);
        }
        let found = reader.join().unwrap();
        in_one_order(|| store.close());
        found
    });
    let whole_or_nothing = [vec![0], vec![0, 1, 2]];
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), whole_or_nothing);
}

#[test]
fn what_a_crashed_writer_wrote_is_visible_once_its_retry_is_answered() {
    model("writer_indexer: writer crashes", || {
        let store = start(StoreOptions {
            panics_after_groups: Some(1),
            ..OPTIONS
        });
        let asks = Asks {
            keyed: true,
            ..Asks::default()
        };
        let lost = append(&store.writer, 2, asks);
        assert!(lost.is_err(), "the writer crashes between write and answer");
        let retried = append(&store.writer, 2, asks);
        let receipt = retried.expect("the first retry is answered").unwrap();
        assert!(receipt.replay.is_some());
        assert_visible(&store.reader, &receipt);
        assert_eq!(in_one_order(|| store.close()), [FIRST, 2]);
    });
}

#[test]
fn an_indexer_that_crashes_misses_nothing() {
    model_within("writer_indexer: indexer crashes", 1, || {
        let store = start(OPTIONS);
        let indexer = store.indexer.clone();
        let crash = thread::spawn(move || {
            let never_arrived = Box::new(behind_a_group_that_never_arrived());
            let message = indexer::Message::Publish(never_arrived);
            indexer.tell(message).unwrap();
        });
        for id in [2, 3] {
            let receipt = append_until_answered(&store.writer, id, Expectation::Any).unwrap();
            assert_visible(&store.reader, &receipt);
        }
        crash.join().unwrap();
        let found = sequences(&store.reader, &Region::all());
        assert_eq!(found.len(), 3, "each of them once");
        assert_eq!(in_one_order(|| store.close()), [FIRST, 2, 3]);
    });
}
