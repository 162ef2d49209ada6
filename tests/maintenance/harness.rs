//! What the tests share: small stores, and what is in them.

use batpak::event::EventKind;
use batpak::prelude::*;
use std::path::Path;

/// A kind that callers may use.
pub(crate) const KIND: EventKind = EventKind::custom(0xF, 1);

/// A configuration with small segments, so that little makes many of them.
pub(crate) fn config(directory: &Path) -> StoreConfig {
    StoreConfig::new(directory).with_segment_max_bytes(4096)
}

pub(crate) fn open(directory: &Path) -> Store {
    Store::open(config(directory)).unwrap()
}

pub(crate) fn at(entity: &str) -> Coordinate {
    Coordinate::new(entity, "scope").unwrap()
}

/// Appends numbers to three entities in turn, each under its own key.
pub(crate) fn append_numbers(store: &Store, numbers: std::ops::Range<u64>) -> Vec<AppendReceipt> {
    numbers.map(|number| append_number(store, number)).collect()
}

pub(crate) fn append_number(store: &Store, number: u64) -> AppendReceipt {
    let coord = at(&format!("entity:{}", number % 3));
    let options = AppendOptions::new().with_idempotency(key(number));
    store
        .append_with_options(&coord, KIND, &number, options)
        .unwrap()
}

/// The key of a number; spread, so that ids are not in order.
pub(crate) fn key(number: u64) -> u128 {
    (u128::from(number) + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835)
}

/// What an event is, wherever it stands.
pub(crate) type Told = (u64, u128, String, u32, [u8; 32], [u8; 32]);

/// Everything that a store shows, in order.
pub(crate) fn told<S>(store: &Store<S>) -> Vec<Told> {
    let all = store.try_query(&Region::all()).unwrap();
    let told = |entry: &IndexEntry| {
        (
            entry.global_sequence,
            entry.event_id,
            entry.coord.entity().to_owned(),
            entry.clock,
            entry.hash_chain.prev_hash,
            entry.hash_chain.event_hash,
        )
    };
    all.iter().map(told).collect()
}

/// Demands that every hash and every chain holds.
pub(crate) fn assert_sound<S>(store: &Store<S>) {
    assert_eq!(store.verify().unwrap().first_bad, None);
}

/// How many segment files a directory has.
pub(crate) fn segment_files(directory: &Path) -> usize {
    let entries = std::fs::read_dir(directory).unwrap();
    entries
        .filter(|entry| {
            let path = entry.as_ref().unwrap().path();
            path.extension().is_some_and(|end| end == "fbat")
        })
        .count()
}
