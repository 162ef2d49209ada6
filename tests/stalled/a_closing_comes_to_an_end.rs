//! Closing and dropping come to an end whatever the disk does, and lose nothing acknowledged.

use super::disk::{ALL, Call, Disk};
use super::*;
use batpak::store::Placement;
use std::path::Path;
use std::time::Instant;
use tempfile::TempDir;

/// How long a drop may take, with a margin for a busy machine.
const DROP_LIMIT: Duration = Duration::from_millis(7500);

fn store_of_ten(config: StoreConfig, disk: &Disk) -> Store {
    let store = open(config, disk);
    let tickets: Vec<_> = (0..10u64)
        .map(|number| store.submit(&at("a"), KIND, &number).unwrap())
        .collect();
    for ticket in tickets {
        ticket.receiver().recv().unwrap().unwrap();
    }
    store
}

/// Copies a store's files, as a kill of the process leaves them.
fn image(directory: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    copy
}

/// Demands that the ten are there, and returns how many more are.
fn assert_the_ten_are_there(directory: &Path) -> usize {
    let store = Store::open(StoreConfig::new(directory)).unwrap();
    let numbers = numbers(&store);
    assert!(numbers.iter().copied().eq(0..numbers.len() as u64));
    assert_eq!(store.verify().unwrap().first_bad, None);
    store.close().unwrap();
    numbers.len().checked_sub(10).expect("the ten are there")
}

/// Ends a store on a disk that hangs; it takes no longer than it may.
fn end_while_it_hangs(
    configure: impl Fn(StoreConfig) -> StoreConfig,
    hang: impl FnOnce(&Store, &Disk),
    end: impl FnOnce(Store) + Send + 'static,
) {
    let directory = tempfile::tempdir().unwrap();
    let disk = Disk::new(directory.path());
    let config = || configure(StoreConfig::new(directory.path()));
    let store = store_of_ten(config(), &disk);
    hang(&store, &disk);
    let begun = Instant::now();
    within(HANG, "ending a store on a disk that hangs", move || {
        end(store)
    });
    let took = begun.elapsed();
    println!("it took {took:?}");
    assert!(took < DROP_LIMIT, "it took {took:?}");

    assert_the_ten_are_there(image(directory.path()).path());
    // A hung call may still land: nobody may write beside it as long as the process lives.
    let locked = |when| match open_on_threads(config(), Arc::new(disk.clone())) {
        Err(StoreError::Locked { .. }) => {}
        outcome => panic!("{when}: {outcome:?}"),
    };
    locked("while it hangs");
    disk.release();
    locked("afterwards");
}

fn hang_in(calls: &'static [Call]) -> impl FnOnce(&Store, &Disk) {
    move |store, disk| {
        disk.hang(calls, "");
        let _ticket = store.submit(&at("a"), KIND, &10u64).unwrap();
        disk.wait_for_hang();
    }
}

#[test]
fn a_drop_while_a_write_hangs() {
    end_while_it_hangs(|config| config, hang_in(ALL), drop);
}

#[test]
fn a_drop_while_a_sync_hangs() {
    let each = |config: StoreConfig| config.with_sync_every_n_events(1);
    end_while_it_hangs(each, hang_in(&[Call::Sync]), drop);
}

#[test]
fn a_drop_while_a_sync_hangs_behind_the_writers_back() {
    let configure = |config: StoreConfig| {
        config
            .with_sync_every_n_events(1000)
            .with_sync_max_delay_ms(20)
            .with_placement(Placement::ThreadEach)
    };
    end_while_it_hangs(configure, hang_in(&[Call::Sync]), drop);
}

/// There is no room for the request to close: nobody is ended under the writer's feet, so that it
/// can do what it was asked once the disk works again.
#[test]
fn an_end_while_the_mailbox_is_full() {
    let (keep, kept) = channel();
    let hang = move |store: &Store, disk: &Disk| {
        disk.hang(ALL, "");
        // One is being written; then as many are queued as the mailbox holds.
        keep.send(store.submit(&at("a"), KIND, &10u64).unwrap())
            .unwrap();
        disk.wait_for_hang();
        for number in 11..15u64 {
            let ticket = store.submit(&at("a"), KIND, &number).unwrap();
            keep.send(ticket).unwrap();
        }
        assert_eq!(store.writer_pressure().headroom(), 0);
    };
    let configure = |config: StoreConfig| {
        config
            .with_writer_channel_capacity(4)
            .with_reply_timeout(Some(Duration::from_millis(20)))
            .with_placement(Placement::ThreadEach)
    };
    end_while_it_hangs(configure, hang, assert_close_times_out);
    let tickets: Vec<_> = kept.iter().collect();
    assert_eq!(tickets.len(), 5);
    for ticket in tickets {
        let answer = ticket.receiver().recv_timeout(HANG);
        answer.expect("an answer").unwrap();
    }
}

fn assert_close_times_out(store: Store) {
    let error = store.close().err().unwrap();
    assert!(matches!(error, StoreError::TimedOut { .. }), "{error}");
}

/// All but the last actor end in good order, and it hangs.
#[test]
fn a_drop_while_the_checkpoint_hangs() {
    let hang = |_: &Store, disk: &Disk| disk.hang(ALL, "checkpoint");
    end_while_it_hangs(|config| config, hang, drop);
}

#[test]
fn a_close_with_a_reply_timeout() {
    let timeout = Some(Duration::from_millis(20));
    end_while_it_hangs(
        |config| config.with_reply_timeout(timeout),
        hang_in(ALL),
        assert_close_times_out,
    );
}

/// A timeout that is good for one answer does not cut a closing short.
#[test]
fn a_close_with_a_reply_timeout_shorter_than_it_takes() {
    let directory = tempfile::tempdir().unwrap();
    let disk = Disk::new(directory.path());
    let config = StoreConfig::new(directory.path()).with_reply_timeout(Some(Duration::ZERO));
    let store = store_of_ten(config, &disk);
    store.close().unwrap();
    assert_eq!(assert_the_ten_are_there(directory.path()), 0);
}

#[test]
fn a_close_without_one_waits_for_the_disk() {
    let directory = tempfile::tempdir().unwrap();
    let disk = Disk::new(directory.path());
    let store = store_of_ten(StoreConfig::new(directory.path()), &disk);
    disk.hang(ALL, "");
    let tickets: Vec<_> = (10..100u64)
        .map(|number| store.submit(&at("a"), KIND, &number).unwrap())
        .collect();
    disk.wait_for_hang();
    let (told, closed) = channel();
    let closing = std::thread::spawn(move || told.send(store.close().map(drop)).unwrap());
    let early = closed.recv_timeout(Duration::from_millis(300));
    assert_eq!(early.err(), Some(RecvTimeoutError::Timeout));
    disk.release();
    closed.recv_timeout(HANG).expect("it closes").unwrap();
    closing.join().unwrap();
    for ticket in tickets {
        ticket.wait().unwrap();
    }
    assert_eq!(assert_the_ten_are_there(directory.path()), 90);
}

#[test]
fn a_close_or_a_drop_of_a_poisoned_writer() {
    for close in [true, false] {
        let directory = tempfile::tempdir().unwrap();
        let disk = Disk::new(directory.path());
        let config = StoreConfig::new(directory.path()).with_sync_every_n_events(1);
        let store = store_of_ten(config, &disk);
        disk.fail(&[Call::Sync]);
        let open = store.append(&at("a"), KIND, &10u64).unwrap_err();
        assert!(matches!(open, StoreError::FateUnknown { .. }), "{open}");
        let after = store.append(&at("a"), KIND, &11u64).unwrap_err();
        assert!(matches!(after, StoreError::Poisoned { .. }), "{after}");
        disk.release();
        let begun = Instant::now();
        within(HANG, "ending a poisoned store", move || match close {
            true => {
                let error = store.close().err().unwrap();
                assert!(matches!(error, StoreError::Poisoned { .. }), "{error}");
            }
            false => drop(store),
        });
        assert!(begun.elapsed() < Duration::from_secs(2));
        // It has ended, so the directory is free.
        assert!(assert_the_ten_are_there(directory.path()) <= 1);
    }
}
