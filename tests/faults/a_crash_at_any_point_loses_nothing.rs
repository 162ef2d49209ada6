//! The writer panics at a point, as by a bug, and is restarted: nothing acknowledged is lost, and a
//! retry settles the rest.

use crate::harness::*;
use batpak::prelude::*;
use batpak::store::{CountdownAction, CountdownInjector, RestartPolicy};
use std::sync::Arc;

#[test]
fn and_a_retry_settles_what_it_left_open() {
    for point in POINTS {
        println!("{point}");
        let directory = tempfile::tempdir().unwrap();
        let injector = CountdownInjector::new(1, CountdownAction::Crash("asked for"))
            .with_filter(move |passed| name(passed) == point)
            .once();
        let config = StoreConfig::new(directory.path())
            .with_segment_max_bytes(1)
            .with_fault_injector(Some(Arc::new(injector)));
        let store = Store::open(config).unwrap();
        let mut crashes = 0_usize;
        for number in 0..4 {
            let first = 10 * (number + 1);
            let single = || store.append_with_options(&at("a"), KIND, &first_of(first), key(first));
            if let Err(error) = single() {
                assert!(matches!(error, StoreError::WriterCrashed), "{error}");
                crashes += 1;
                single().unwrap();
            }
            let items = || vec![item("a", first + 1), item("b", first + 2)];
            if let Err(error) = store.append_batch(items()) {
                assert!(!error.certainly_not_written(), "{error}");
                crashes += 1;
                let receipts = store.append_batch(items()).unwrap();
                // Only behind the write there was something to find.
                let written = ["BatchCommitWritten", "BatchFsync", "BatchPrePublish"];
                let is_replay = receipts.iter().all(|receipt| receipt.replay.is_some());
                assert_eq!(is_replay, written.contains(&point), "{receipts:?}");
            }
        }
        // At a rotation no command was taken up yet: it is carried out by the next incarnation.
        assert_eq!(crashes, usize::from(point != "SegmentRotation"));
        assert_sound(&store, 12);
        let writer = store
            .diagnostics()
            .actors
            .into_iter()
            .find(|actor| actor.name == "writer");
        assert_eq!(writer.unwrap().restarts, 1);
        store.close().unwrap();
        assert_sound(&open(directory.path()), 12);
    }
}

fn first_of(number: u128) -> u64 {
    u64::try_from(number).unwrap()
}

#[test]
fn panic_writer_for_test_returns_once_the_writer_is_back() {
    let directory = tempfile::tempdir().unwrap();
    let policy = RestartPolicy::Bounded {
        max_restarts: 2,
        within_ms: 60_000,
    };
    let config = StoreConfig::new(directory.path()).with_restart_policy(policy);
    let store = Store::open(config).unwrap();
    let writer = || {
        let actors = store.diagnostics().actors;
        actors
            .into_iter()
            .find(|actor| actor.name == "writer")
            .unwrap()
    };
    store.append(&at("a"), KIND, &0_u64).unwrap();
    for restarts in 1..=2 {
        store.panic_writer_for_test().unwrap();
        assert_eq!((writer().alive, writer().restarts), (true, restarts));
        store.append(&at("a"), KIND, &0_u64).unwrap();
    }
    for _ in 0..2 {
        let error = store.panic_writer_for_test().unwrap_err();
        assert!(
            matches!(
                error,
                StoreError::ActorEnded {
                    actor: "writer",
                    ..
                }
            ),
            "{error}"
        );
        assert!(!writer().alive);
    }
    assert!(store.append(&at("a"), KIND, &0_u64).is_err());
    assert_sound(&store, 3);
    drop(store);
    assert_sound(&open(directory.path()), 3);
}

#[test]
fn panic_writer_for_test_ends_an_open_fence() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let fence = store.begin_visibility_fence().unwrap();
    fence
        .submit(&at("a"), KIND, &0_u64)
        .unwrap()
        .wait_durable()
        .unwrap();
    store.panic_writer_for_test().unwrap();
    assert!(matches!(
        fence.commit(),
        Err(StoreError::VisibilityFenceNotActive)
    ));
    assert_sound(&store, 0);
}
