//! `kill -9` while four threads append: every acknowledged event is there, nothing is invented,
//! nothing is doubled.

use crate::harness::*;
use batpak::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const CHILD: &str = "a_killed_process_loses_nothing_it_acknowledged::child_appends";
const THREADS: usize = 4;

/// The key of a thread's n-th event: a retry of the same round must not store it again.
fn key(thread: usize, number: u64) -> u128 {
    (thread as u128 + 1) << 64 | u128::from(number)
}

#[test]
fn child_appends() {
    let Some((role, directory)) = part_to_play() else {
        return;
    };
    let every_n = role.parse().unwrap();
    let config = config(&directory)
        .with_segment_max_bytes(16 * 1024)
        .with_sync_every_n_events(every_n);
    let store = Store::open(config).unwrap();
    race(THREADS, |thread| {
        let entity = format!("thread:{thread}");
        let next = store.stream(&entity).len() as u64;
        for number in next.. {
            if number % 8 == 7 {
                // A batch of the event and one of an entity that the threads share.
                let keyed = AppendOptions::new().with_idempotency(key(thread, number));
                let items = vec![
                    item_with(&entity, number, keyed, CausationRef::None),
                    item("shared", number),
                ];
                store.append_batch(items).unwrap();
            } else {
                let keyed = AppendOptions::new().with_idempotency(key(thread, number));
                store
                    .append_with_options(&at(&entity), KIND, &number, keyed)
                    .unwrap();
            }
            tell_parent(&format!("{thread} {number}"));
        }
    });
}

fn kill_after(acks: usize, every_n: &str, directory: &Path, acked: &mut BTreeSet<(usize, u64)>) {
    let mut child = Playing::start(CHILD, every_n, directory);
    let mut heard = 0;
    while let Some(line) = child.hear() {
        let (thread, number) = line.split_once(' ').unwrap();
        let told = (thread.parse().unwrap(), number.parse().unwrap());
        assert!(acked.insert(told), "{told:?} was acknowledged twice");
        heard += 1;
        if heard == acks {
            child.kill();
        }
    }
    assert!(
        heard >= acks,
        "the child ended by itself after {heard} acknowledgements"
    );
}

fn check(every_n: &str, rounds: usize, acks: usize) {
    let directory = temporary();
    let mut random = seeded("rounds of kill -9");
    let mut acked = BTreeSet::new();
    for round in 0..rounds {
        kill_after(random.usize(1..acks), every_n, directory.path(), &mut acked);
        let store = open(directory.path());
        assert!(
            store.diagnostics().recovery.unclean,
            "round {round}: the child was killed"
        );
        let mut found = 0;
        let mut batches = 0;
        for thread in 0..THREADS {
            let stored = numbers(&store, &format!("thread:{thread}"));
            let expected: Vec<_> = (0..stored.len() as u64).collect();
            assert_eq!(
                stored, expected,
                "round {round}: thread {thread} lost or doubled"
            );
            let acked_here = acked.iter().filter(|(by, _)| *by == thread).count();
            assert!(
                stored.len() >= acked_here,
                "round {round}: lost an acknowledged event"
            );
            let invented = stored.len() - acked_here;
            // A thread has one append in flight when it is killed.
            assert!(
                invented <= 1,
                "round {round}: {invented} events nobody asked for"
            );
            // What was stored without its acknowledgement counts as acknowledged from now on.
            acked.extend(expected.iter().map(|number| (thread, *number)));
            found += stored.len();
            batches += stored.iter().filter(|number| *number % 8 == 7).count();
            assert!(
                stored
                    .iter()
                    .all(|number| store.get(key(thread, *number)).is_ok())
            );
        }
        let shared = numbers(&store, "shared");
        assert_eq!(shared.len(), batches, "round {round}: a batch was torn");
        assert_sound(&store, found + batches);
        let mut sequences: BTreeMap<_, _> = BTreeMap::new();
        for entry in store.query(&Region::all()) {
            assert_eq!(
                sequences.insert(entry.global_sequence, entry.event_id),
                None
            );
        }
        store.close().unwrap();
    }
}

#[test]
fn with_the_default_syncs() {
    check("1000", scaled(12), 400);
}

#[test]
fn with_a_sync_for_every_event() {
    check("1", scaled(8), 120);
}
