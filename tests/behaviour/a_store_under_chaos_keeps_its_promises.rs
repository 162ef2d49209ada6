//! Everything at once, by chance: threads that append, rotate, compare and swap and repeat keys;
//! files that are cut and flipped; and after each storm the store is sound or says why not.

use crate::harness::*;
use batpak::prelude::*;
use std::collections::HashMap;

/// Four threads do whatever chance says to eight entities; returns what was acknowledged.
fn storm(store: &Store, seed: u64, steps: usize) -> HashMap<u128, u64> {
    let acked = race(4, |thread| {
        let mut random = fastrand::Rng::with_seed(seed ^ thread as u64);
        let mut acked = HashMap::new();
        for _ in 0..steps {
            let entity = format!("entity:{}", random.u8(..8));
            let number = random.u64(..);
            match random.u8(..10) {
                0..=3 => {
                    let receipt = store.append(&at(&entity), KIND, &number).unwrap();
                    acked.insert(receipt.event_id, number);
                }
                4..=5 => {
                    let clock = store.stream(&entity).last().map(|entry| entry.clock);
                    let options = match clock {
                        Some(clock) => AppendOptions::new().with_cas(clock),
                        None => AppendOptions::new().with_expect_empty(),
                    };
                    match store.append_with_options(&at(&entity), KIND, &number, options) {
                        Ok(receipt) => drop(acked.insert(receipt.event_id, number)),
                        Err(error) => assert!(error.to_string().contains("CAS failed"), "{error}"),
                    }
                }
                6 => {
                    // One of few keys, which all threads share: its payload follows from it.
                    let key = random.u128(1..50);
                    let number = u64::try_from(key).unwrap();
                    let options = AppendOptions::new().with_idempotency(key);
                    let receipt = store
                        .append_with_options(&at("keys"), KIND, &number, options)
                        .unwrap();
                    acked.insert(receipt.event_id, number);
                }
                7..=8 => {
                    let items = (0..random.u64(1..20))
                        .map(|place| item(&entity, place))
                        .collect();
                    for (place, receipt) in (0..).zip(store.append_batch(items).unwrap()) {
                        acked.insert(receipt.event_id, place);
                    }
                }
                _ => store.sync().unwrap(),
            }
        }
        acked
    });
    acked.into_iter().flatten().collect()
}

fn assert_holds<S>(store: &Store<S>, acked: &HashMap<u128, u64>, what: &str) {
    for (id, number) in acked {
        let read = store
            .get_as::<u64>(*id)
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(read.event.payload, *number, "{what}");
    }
    assert_sound(store, acked.len());
}

#[test]
fn storms_and_reopenings_and_images_of_crashes() {
    let mut random = seeded("storms");
    let directory = temporary();
    let mut acked = HashMap::new();
    for round in 0..scaled(6) {
        let configured = config(directory.path())
            .with_segment_max_bytes(random.u64(1..20_000))
            .with_sync_every_n_events(random.u32(1..20));
        let store = Store::open(configured).unwrap();
        acked.extend(storm(&store, random.u64(..), 60));
        assert_holds(&store, &acked, &format!("round {round}"));
        let crashed = directory_of(&contents(directory.path()));
        assert_holds(
            &open_read_only(crashed.path()),
            &acked,
            "an image, read-only",
        );
        assert_holds(&open(crashed.path()), &acked, "an image");
        store.close().unwrap();
        assert_holds(
            &open_read_only(directory.path()),
            &acked,
            "closed, read-only",
        );
    }
}

/// Bytes are changed, cut or added by chance in closed stores and in images of crashes: the
/// opening is refused with a typed error, or what opens is a sound beginning of what was there.
#[test]
fn files_that_chance_has_been_at() {
    let mut random = seeded("damage");
    let directory = temporary();
    let store = Store::open(config(directory.path()).with_segment_max_bytes(1500)).unwrap();
    let seed = random.u64(..);
    storm(&store, seed, 15);
    let all: Vec<_> = store
        .query(&Region::all())
        .iter()
        .map(|entry| (entry.event_id, entry.hash_chain))
        .collect();
    let crashed = contents(directory.path());
    store.close().unwrap();
    let closed = contents(directory.path());
    let (mut opened, mut refused) = (0, 0);
    for round in 0..scaled(400) {
        let mut files = if round % 2 == 0 {
            closed.clone()
        } else {
            crashed.clone()
        };
        let names: Vec<_> = files.keys().cloned().collect();
        for _ in 0..random.usize(1..3) {
            damage(
                files.get_mut(&names[random.usize(..names.len())]).unwrap(),
                &mut random,
            );
        }
        let damaged = directory_of(&files);
        match Store::open(config(damaged.path())) {
            Ok(store) => {
                let found: Vec<_> = store
                    .query(&Region::all())
                    .iter()
                    .map(|entry| (entry.event_id, entry.hash_chain))
                    .collect();
                assert!(all.starts_with(&found), "round {round}: another history");
                let torn = store.diagnostics().recovery;
                let reported = found.len() == all.len() || torn.unclean;
                assert!(
                    reported,
                    "round {round}: {} of {}, and not a word",
                    found.len(),
                    all.len()
                );
                assert_sound(&store, found.len());
                opened += 1;
            }
            Err(error) => {
                let typed = matches!(
                    error,
                    StoreError::CrcMismatch { .. }
                        | StoreError::CorruptSegment { .. }
                        | StoreError::MissingSegment { .. }
                        | StoreError::ForeignFile { .. }
                        | StoreError::Rollback { .. }
                );
                assert!(typed, "round {round}: {error}");
                refused += 1;
            }
        }
    }
    println!("{opened} opened, {refused} refused");
    assert!(opened > 0 && refused > 0, "chance did not do much");
}

fn damage(bytes: &mut Vec<u8>, random: &mut fastrand::Rng) {
    if bytes.is_empty() {
        return;
    }
    let at = random.usize(..bytes.len());
    match random.u8(..4) {
        0 => bytes.truncate(at),
        1 => bytes[at] ^= 1 << random.u8(..8),
        2 => {
            let end = (at + random.usize(1..200)).min(bytes.len());
            bytes[at..end].fill(random.u8(..));
        }
        _ => bytes.extend((0..random.usize(1..200)).map(|_| random.u8(..))),
    }
}
