//! With a reply timeout, who waits for a hanging disk is told that the append's fate is open, and
//! who finds no room that nothing was written. Once the disk works again, all goes on.

use super::disk::{ALL, Call, Disk};
use super::*;
use batpak::store::Placement;

const TIMEOUT: Duration = Duration::from_millis(50);
const CAPACITY: usize = 8;

fn keyed(number: u64) -> AppendOptions {
    AppendOptions::new().with_idempotency(u128::from(number) + 1)
}

fn assert_times_out<T: std::fmt::Debug>(outcome: Result<T, StoreError>) {
    let error = outcome.unwrap_err();
    assert!(matches!(error, StoreError::TimedOut { .. }), "{error}");
    assert!(!error.certainly_not_written() && error.is_retryable());
}

fn check(hanging: &'static [Call], placement: Placement) {
    let directory = tempfile::tempdir().unwrap();
    let disk = Disk::new(directory.path());
    let config = StoreConfig::new(directory.path())
        .with_placement(placement)
        .with_sync_every_n_events(1)
        .with_writer_channel_capacity(CAPACITY)
        .with_reply_timeout(Some(TIMEOUT));
    let store = open(config, &disk);
    let coord = at("a");
    let append = |number| store.append_with_options(&coord, KIND, &number, keyed(number));
    // Everything of these was acknowledged before the disk hangs.
    for number in 0..10u64 {
        while append(number).is_err() {}
    }

    disk.hang(hanging, "");
    assert_times_out(append(10));
    disk.wait_for_hang();
    let mut number = 11;
    let mut tickets = Vec::new();
    let refused = loop {
        match store.submit_with_options(&coord, KIND, &number, keyed(number)) {
            Ok(ticket) => tickets.push((number, ticket)),
            Err(error) => break error,
        }
        number += 1;
        assert!(tickets.len() <= 2 * CAPACITY, "the mailbox has no end");
    };
    assert!(matches!(refused, StoreError::Busy { .. }), "{refused}");
    assert!(refused.certainly_not_written() && refused.is_retryable());
    assert!(tickets.len() >= CAPACITY, "{} found room", tickets.len());
    assert!(matches!(store.sync(), Err(StoreError::Busy { .. })));
    assert!(matches!(append(number), Err(StoreError::Busy { .. })));
    for (_, ticket) in tickets {
        assert_times_out(ticket.wait());
    }
    // Who reads does not wait for who writes.
    assert!(numbers(&store).starts_with(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));

    disk.release();
    // A retry with the same key settles what was open, and what was refused was not written.
    for number in 10..number {
        while append(number).is_err() {}
    }
    assert_eq!(numbers(&store), (0..number).collect::<Vec<_>>());
    for number in number..number + 10 {
        while append(number).is_err() {}
    }
    let verified = store.verify().unwrap();
    assert_eq!((verified.first_bad, verified.events), (None, number + 10));
    store.close().unwrap();
}

#[test]
fn when_a_write_hangs() {
    for placement in [Placement::Shared, Placement::ThreadEach] {
        within(HANG, "callers of a disk that hangs", move || {
            check(ALL, placement);
        });
    }
}

#[test]
fn when_a_sync_hangs() {
    for placement in [Placement::Shared, Placement::ThreadEach] {
        within(HANG, "callers of a disk that does not sync", move || {
            check(&[Call::Sync], placement);
        });
    }
}

/// On one thread with the writer, the broker hangs with the disk.
#[test]
fn when_somebody_subscribes_meanwhile() {
    within(HANG, "subscribing while the disk hangs", || {
        let directory = tempfile::tempdir().unwrap();
        let disk = Disk::new(directory.path());
        let config = StoreConfig::new(directory.path()).with_reply_timeout(Some(TIMEOUT));
        let store = Arc::new(open(config, &disk));
        disk.hang(ALL, "");
        let ticket = store.submit(&at("a"), KIND, &0u64).unwrap();
        disk.wait_for_hang();
        let subscription = store.subscribe_lossy(&Region::all());
        let error = subscription.recv_or_end().unwrap_err();
        assert!(matches!(error, StoreError::TimedOut { .. }), "{error}");
        let config = CursorWorkerConfig::default();
        let worker =
            store.cursor_worker(&Region::all(), config, |_, _| CursorWorkerAction::Continue);
        assert_times_out(worker);
        disk.release();
        ticket.receiver().recv().unwrap().unwrap();
    });
}
