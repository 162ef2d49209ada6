//! Fails one write at each point, looks at the answer, at the log while the store is open, after a
//! kill and after a close, and tries the write again.

use crate::harness::*;
use batpak::prelude::*;
use batpak::store::{CountdownAction, CountdownInjector};
use std::path::Path;
use std::sync::Arc;

const BASE: usize = 2;

/// What becomes of the write.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    /// It is certainly not written, and the store goes on.
    NotWritten,
    /// Nobody knows, the writer has ended, and it is lost.
    Lost,
    /// Nobody knows, the writer has ended, and it is there.
    Kept,
}

#[derive(Clone, Copy, Debug)]
struct Case {
    point: &'static str,
    /// The point fails for the nth time that it is passed.
    nth: usize,
    write: Write,
    /// Where a batch says that it failed.
    failed_at: Option<(usize, BatchStage)>,
    fate: Fate,
}

fn cases() -> Vec<Case> {
    use BatchStage::{Indexing, Syncing, Validation, Writing};
    use Fate::{Kept, Lost, NotWritten};
    let batch = |point, nth, item_index, stage, fate| Case {
        point,
        nth,
        write: Write::Batch,
        failed_at: Some((item_index, stage)),
        fate,
    };
    let single = |point, nth| Case {
        point,
        nth,
        write: Write::Single,
        failed_at: None,
        fate: NotWritten,
    };
    vec![
        batch("BatchStart", 1, 0, Validation, NotWritten),
        batch("BatchBeginWritten", 1, 0, Writing, NotWritten),
        batch("BatchItemWritten", 1, 0, Writing, NotWritten),
        batch("BatchItemWritten", 3, 2, Writing, NotWritten),
        batch("BatchItemsComplete", 1, 2, Writing, NotWritten),
        batch("BatchCommitWritten", 1, 0, Writing, NotWritten),
        batch("BatchFsync", 1, 0, Syncing, Lost),
        batch("BatchPrePublish", 1, 0, Indexing, Kept),
        // One single append comes before.
        single("SingleAppendStart", 2),
        single("SingleAppendWritten", 2),
        single("SegmentRotation", 1),
        batch("SegmentRotation", 1, 0, Validation, NotWritten),
    ]
}

impl Case {
    /// Opens a store of three events whose next write fails, once.
    fn open(self, directory: &Path, every_n_events: u32) -> Store {
        let store = open(directory);
        let appended = (0..BASE as u64).map(|number| store.append(&at("a"), KIND, &number));
        appended.for_each(|receipt| assert!(receipt.is_ok()));
        store.close().unwrap();
        let point = self.point;
        let injector = CountdownInjector::new(self.nth, CountdownAction::Fail("asked for"))
            .with_filter(move |passed| name(passed) == point)
            .once();
        let segment_max_bytes = if point == "SegmentRotation" {
            1
        } else {
            1 << 20
        };
        let config = StoreConfig::new(directory)
            .with_segment_max_bytes(segment_max_bytes)
            .with_sync_every_n_events(every_n_events)
            .with_fault_injector(Some(Arc::new(injector)));
        let store = Store::open(config).unwrap();
        // From now on a segment is open, with zeros behind what is written, or full.
        store
            .append_with_options(&at("c"), KIND, &0_u64, key(5))
            .unwrap();
        store
    }

    /// How many events there are before the write.
    fn before(self) -> usize {
        BASE + 1
    }

    fn after(self) -> usize {
        self.before() + self.write.events()
    }

    fn check_answer(self, error: &StoreError) {
        let unknown = self.fate != Fate::NotWritten;
        assert_eq!(error.certainly_not_written(), !unknown, "{error}");
        let source = match (self.failed_at, error) {
            (
                Some(failed_at),
                StoreError::BatchFailed {
                    item_index,
                    stage,
                    source,
                },
            ) => {
                assert_eq!((*item_index, *stage), failed_at, "{error}");
                source
            }
            (None, error) => error,
            _ => panic!("not the error of a batch: {error}"),
        };
        let is_as_promised = match unknown {
            false => matches!(source, StoreError::FaultInjected(_)),
            true => matches!(source, StoreError::FateUnknown { .. }),
        };
        assert!(is_as_promised, "{source}");
        assert!(source.to_string().contains("asked for"), "{source}");
        assert!(source.to_string().contains(self.point), "{source}");
    }
}

fn each_case(check: impl Fn(Case, &Path, Store)) {
    for every_n_events in [1, 1000] {
        for case in cases() {
            println!("{case:?}, a sync for every {every_n_events} events");
            let directory = tempfile::tempdir().unwrap();
            let store = case.open(directory.path(), every_n_events);
            let error = case.write.run(&store).unwrap_err();
            case.check_answer(&error);
            assert_eq!(
                store.query(&Region::all()).len(),
                case.before(),
                "nobody sees it"
            );
            check(case, directory.path(), store);
        }
    }
}

fn assert_settled(case: Case, store: &Store, kept: bool) {
    assert_sound(store, if kept { case.after() } else { case.before() });
    assert_eq!(
        case.write.run(store).unwrap(),
        kept,
        "a retry replays what was kept"
    );
    assert_sound(store, case.after());
    assert!(
        case.write.run(store).unwrap(),
        "and is a replay from then on"
    );
}

#[test]
fn while_the_store_is_open() {
    each_case(|case, directory, store| {
        if case.fate == Fate::NotWritten {
            assert_settled(case, &store, false);
            store.close().unwrap();
        } else {
            let error = case.write.run(&store).unwrap_err();
            assert!(error.certainly_not_written() && error.to_string().contains("poisoned"));
            assert!(store.close().is_err());
        }
        // What it was settled to is what the next opening finds.
        let store = open(directory);
        let kept = case.fate != Fate::Lost;
        assert_settled(case, &store, kept);
    });
}

#[test]
fn after_a_close() {
    each_case(|case, directory, store| {
        assert_eq!(store.close().is_ok(), case.fate == Fate::NotWritten);
        assert_settled(case, &open(directory), case.fate == Fate::Kept);
    });
}

#[test]
fn behind_a_kill() {
    each_case(|case, directory, store| {
        let copy = after_a_kill(directory);
        assert_settled(case, &open(copy.path()), case.fate == Fate::Kept);
        drop(store);
    });
}

#[test]
fn in_a_fence_whose_publication_fails() {
    let directory = tempfile::tempdir().unwrap();
    let injector = CountdownInjector::new(1, CountdownAction::Fail("asked for"))
        .with_filter(|point| name(point) == "BatchPrePublish");
    let store = open_with(directory.path(), injector);
    let fence = store.begin_visibility_fence().unwrap();
    let single = fence.submit(&at("a"), KIND, &0_u64).unwrap();
    let batch = fence.submit_batch(vec![item("a", 1)]).unwrap();
    batch.wait_durable().unwrap();
    assert!(!fence.commit().unwrap_err().certainly_not_written());
    assert!(!single.wait().unwrap_err().certainly_not_written());
    assert!(!batch.wait().unwrap_err().certainly_not_written());
    assert_sound(&store, 0);
    drop(store);
    // The record that commits it had been written.
    assert_sound(&open(directory.path()), 2);
}

#[test]
fn in_a_fence_that_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let injector = CountdownInjector::new(1, CountdownAction::Fail("asked for"))
        .with_filter(|point| name(point) == "BatchCommitWritten")
        .once();
    let store = open_with(directory.path(), injector);
    let fence = store.begin_visibility_fence().unwrap();
    let failed = fence.submit_batch(vec![item("a", 1)]).unwrap();
    assert!(failed.wait_durable().unwrap_err().certainly_not_written());
    assert!(failed.wait().unwrap_err().certainly_not_written());
    let stored = fence.submit_batch(vec![item("a", 1)]).unwrap();
    stored.wait_durable().unwrap();
    fence.commit().unwrap();
    stored.wait().unwrap();
    assert_sound(&store, 1);
    store.close().unwrap();
    assert_sound(&open(directory.path()), 1);
}
