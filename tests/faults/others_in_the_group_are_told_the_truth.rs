//! Several commands go to disk as one group: what a fault of one of them means to the others.

use crate::harness::*;
use batpak::prelude::*;
use batpak::store::InjectionPoint;
use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::channel;

const OLD: u128 = 10;

/// The answers of one group, in which something fails.
struct Answers {
    single: Result<AppendReceipt, StoreError>,
    batch: Result<Vec<AppendReceipt>, StoreError>,
    /// Expects the event of `single`.
    follower: Result<AppendReceipt, StoreError>,
    /// Is stored since before the group.
    replay: Result<AppendReceipt, StoreError>,
    /// Expects what was never so.
    refused: Result<AppendReceipt, StoreError>,
}

fn entity(point: InjectionPoint) -> Option<&'static str> {
    if let InjectionPoint::SingleAppendStart { entity }
    | InjectionPoint::SingleAppendWritten { entity } = point
    {
        return Some(entity);
    }
    None
}

/// Has one group of several commands written, and fail in it at these points, of a batch
/// or of the entity `single`.
fn fail_at(directory: &Path, points: &'static [&'static str]) -> (Store, Answers) {
    let (reached, is_reached) = channel();
    let (go_on, may_go_on) = channel::<()>();
    let may_go_on = Mutex::new(may_go_on);
    let store = open_with(
        directory,
        By(move |passed| {
            let entity = entity(passed);
            if entity == Some("gate") && name(passed) == "SingleAppendStart" {
                reached.send(()).unwrap();
                may_go_on.lock().unwrap().recv().unwrap();
            }
            let fails =
                points.contains(&name(passed)) && entity.is_none_or(|entity| entity == "single");
            fails.then(|| StoreError::FaultInjected(format!("asked for at {passed:?}")))
        }),
    );
    store
        .append_with_options(&at("old"), KIND, &OLD_PAYLOAD, key(OLD))
        .unwrap();
    // While the writer stands at the gate, the others gather behind it.
    let gate = store.submit(&at("gate"), KIND, &0_u64).unwrap();
    is_reached.recv().unwrap();
    let submit = |entity, options| store.submit_with_options(&at(entity), KIND, &0_u64, options);
    let single = submit("single", key(1).with_expect_empty()).unwrap();
    let batch = store
        .submit_batch(vec![item("batch", 2), item("batch", 3)])
        .unwrap();
    let follower = submit("single", AppendOptions::new().with_cas(0)).unwrap();
    let replay = submit("old", key(OLD)).unwrap();
    let refused = submit("old", AppendOptions::new().with_cas(5)).unwrap();
    go_on.send(()).unwrap();
    gate.wait().unwrap();
    let answers = Answers {
        single: single.wait(),
        batch: batch.wait(),
        follower: follower.wait(),
        replay: replay.wait(),
        refused: refused.wait(),
    };
    (store, answers)
}

const OLD_PAYLOAD: u64 = 0;

/// Demands that the entities have so many events each, now and after opening again.
fn assert_events(store: Store, directory: &Path, single: usize, batch: usize) {
    let count = |store: &Store| (store.stream("single").len(), store.stream("batch").len());
    assert_eq!(count(&store), (single, batch));
    store.close().unwrap();
    let store = open(directory);
    assert_eq!(count(&store), (single, batch));
    assert_sound(&store, 2 + single + batch);
}

fn assert_injected(error: StoreError) {
    let source = if let StoreError::BatchFailed { source, .. } = error {
        *source
    } else {
        error
    };
    assert!(matches!(source, StoreError::FaultInjected(_)), "{source}");
    assert!(source.certainly_not_written());
}

fn assert_untouched(answers: &Answers) {
    assert!(answers.replay.as_ref().unwrap().replay.is_some());
    let refused = answers.refused.as_ref().unwrap_err();
    assert!(
        matches!(refused, StoreError::SequenceMismatch { .. }),
        "{refused}"
    );
}

#[test]
fn a_batch_that_is_refused_leaves_the_others() {
    for point in [
        &["BatchStart"],
        &["BatchBeginWritten"],
        &["BatchItemWritten"],
        &["BatchItemsComplete"],
    ] {
        let directory = tempfile::tempdir().unwrap();
        let (store, answers) = fail_at(directory.path(), point);
        assert_untouched(&answers);
        assert_injected(answers.batch.unwrap_err());
        answers.single.unwrap();
        answers.follower.unwrap();
        assert_events(store, directory.path(), 2, 0);
    }
}

#[test]
fn a_single_append_that_is_refused_leaves_the_others_and_is_not_there_for_them() {
    let directory = tempfile::tempdir().unwrap();
    let (store, answers) = fail_at(directory.path(), &["SingleAppendStart"]);
    assert_untouched(&answers);
    assert_injected(answers.single.unwrap_err());
    // It comes after an event that is not there.
    let refused = answers.follower.unwrap_err();
    let StoreError::SequenceMismatch { actual, .. } = refused else {
        panic!("{refused}")
    };
    assert_eq!(actual, StoreError::NO_EVENTS);
    assert_eq!(answers.batch.unwrap().len(), 2);
    assert_events(store, directory.path(), 0, 2);
}

#[test]
fn a_group_that_is_cut_back_takes_all_of_its_writes_with_it() {
    for point in [&["BatchCommitWritten"], &["SingleAppendWritten"]] {
        let directory = tempfile::tempdir().unwrap();
        let (store, answers) = fail_at(directory.path(), point);
        assert_untouched(&answers);
        assert_injected(answers.single.unwrap_err());
        assert_injected(answers.batch.unwrap_err());
        assert_injected(answers.follower.unwrap_err());
        assert_events(store, directory.path(), 0, 0);
    }
}

/// Demands that all are told that nobody knows; a refusal that rests on what was there before
/// stands.
fn assert_unknown(answers: Answers) {
    let refused = answers.refused.unwrap_err();
    assert!(
        matches!(refused, StoreError::SequenceMismatch { .. }),
        "{refused}"
    );
    for error in [
        answers.single.unwrap_err(),
        answers.batch.unwrap_err(),
        answers.follower.unwrap_err(),
    ] {
        assert!(!error.certainly_not_written(), "{error}");
    }
}

#[test]
fn a_sync_that_fails_leaves_the_fate_of_all_open_and_loses_them() {
    let directory = tempfile::tempdir().unwrap();
    let (store, answers) = fail_at(directory.path(), &["BatchFsync"]);
    assert_unknown(answers);
    assert_sound(&store, 2);
    drop(store);
    assert_sound(&open(directory.path()), 2);
}

#[test]
fn an_end_before_the_publication_leaves_the_fate_of_all_open_and_keeps_them() {
    let directory = tempfile::tempdir().unwrap();
    let (store, answers) = fail_at(directory.path(), &["BatchPrePublish"]);
    assert_unknown(answers);
    assert_sound(&store, 2);
    drop(store);
    let store = open(directory.path());
    assert_sound(&store, 6);
    assert_eq!(store.stream("single").len(), 2);
}

#[test]
fn what_was_refused_for_itself_alone_is_certain_whatever_becomes_of_the_group() {
    let directory = tempfile::tempdir().unwrap();
    let points = &["SingleAppendStart", "BatchFsync"];
    let (store, answers) = fail_at(directory.path(), points);
    assert_injected(answers.single.unwrap_err());
    assert!(!answers.batch.unwrap_err().certainly_not_written());
    drop(store);
    assert_sound(&open(directory.path()), 2);
}
