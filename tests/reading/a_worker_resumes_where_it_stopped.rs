//! A worker's position moves once a batch was handled, and another worker goes on there.

use crate::harness::*;
use batpak::prelude::*;
use std::sync::Arc;
use std::sync::mpsc::channel;

use batpak::store::CursorWorkerAction::{Continue, Stop};

fn sized(batch_size: usize) -> CursorWorkerConfig {
    CursorWorkerConfig {
        batch_size,
        ..CursorWorkerConfig::default()
    }
}

#[test]
fn after_closing_and_opening() {
    let directory = temporary();
    let random = &mut seeded("stops");
    let mut position = CursorPosition::start();
    let (told, handled) = channel();
    let mut written = 0;
    while written < 200 {
        let store = Arc::new(open(directory.path()));
        append_numbers(&store, "a", written..written + 20);
        written += 20;
        let (told, mut left) = (told.clone(), random.usize(1..5));
        let handler = move |batch: &[IndexEntry], _: &Store| {
            told.send(sequences(batch)).unwrap();
            left -= 1;
            if left == 0 { Stop } else { Continue }
        };
        let mut worker = store
            .cursor_worker_from(&Region::all(), &position, sized(3), handler)
            .unwrap();
        // How far it comes before it is stopped is a matter of chance.
        if random.bool() {
            std::thread::yield_now();
        }
        worker.wait().unwrap();
        position = worker.handled().to_string().parse().unwrap();
        drop(worker);
        Arc::into_inner(store).unwrap().close().unwrap();
    }
    let store = Arc::new(open(directory.path()));
    let last = told.clone();
    let handler = move |batch: &[IndexEntry], _: &Store| {
        last.send(sequences(batch)).unwrap();
        let at_end = batch.iter().any(|entry| entry.global_sequence == 199);
        if at_end { Stop } else { Continue }
    };
    let mut worker = store
        .cursor_worker_from(&Region::all(), &position, sized(100), handler)
        .unwrap();
    drop(told);
    let mut seen = Vec::new();
    for batch in handled.iter() {
        seen.extend(batch);
    }
    assert_eq!(seen, (0..200).collect::<Vec<_>>());
    worker.wait().unwrap();
    assert_eq!(worker.handled().sequence(), Some(199));
}

#[test]
fn a_batch_is_handled_before_the_position_moves() {
    let directory = temporary();
    let store = Arc::new(open(directory.path()));
    append_numbers(&store, "a", 0..10);
    let (told, begun) = channel();
    let (go_on, wait) = channel();
    let handler = move |batch: &[IndexEntry], store: &Store| {
        let position = store.position_behind(batch.last().unwrap());
        told.send(position).unwrap();
        wait.recv().unwrap();
        Continue
    };
    let worker = store
        .cursor_worker(&Region::all(), sized(5), handler)
        .unwrap();
    let first = begun.recv_timeout(HANG).unwrap();
    assert_eq!(worker.handled(), CursorPosition::start());
    go_on.send(()).unwrap();
    let second = begun.recv_timeout(HANG).unwrap();
    assert_eq!(worker.handled(), first);
    assert_eq!((first.sequence(), second.sequence()), (Some(4), Some(9)));
    go_on.send(()).unwrap();
    worker.join().unwrap();
}

#[test]
fn one_that_panicked_too_often_says_so_to_whoever_asks_and_resumes_at_the_same_batch() {
    let directory = temporary();
    let store = Arc::new(open(directory.path()));
    append_numbers(&store, "a", 0..10);
    let start = |position: &CursorPosition, bad: bool| {
        let (told, handled) = channel();
        let handler = move |batch: &[IndexEntry], _: &Store| {
            told.send(sequences(batch)).unwrap();
            assert!(!bad || batch[0].clock < 4, "the handler panics on purpose");
            Continue
        };
        let worker = store.cursor_worker_from(&Region::all(), position, sized(2), handler);
        (worker.unwrap(), handled)
    };
    let (mut worker, handled) = start(&CursorPosition::start(), true);
    let calls: Vec<_> = handled.iter().collect();
    assert_eq!(calls, [[0, 1], [2, 3], [4, 5], [4, 5]]);
    let error = worker.wait().unwrap_err();
    assert!(matches!(error, StoreError::WriterCrashed), "{error}");
    let (again, handled) = start(&worker.handled(), false);
    assert_eq!(handled.recv_timeout(HANG).unwrap(), [4, 5]);
    again.join().unwrap();
    // Whoever only wants it to be gone is not told.
    let (worker, handled) = start(&worker.handled(), true);
    assert_eq!(handled.iter().count(), 2);
    worker.join().unwrap();
}

#[test]
fn a_position_of_another_store_is_refused() {
    let (one, other) = (temporary(), temporary());
    let (one, other) = (open(one.path()), Arc::new(open(other.path())));
    append_numbers(&one, "a", 0..5);
    append_numbers(&other, "a", 0..5);
    let position = one.position_behind(&one.stream("a")[1]);
    let error = other
        .cursor_worker_from(&Region::all(), &position, sized(1), |_, _| Continue)
        .unwrap_err();
    assert!(
        matches!(error, StoreError::ForeignPosition { .. }),
        "{error}"
    );
}
