//! Along the hash chain of an entity, up to causes and down to effects: as a brute force over all
//! events says, wherever they are found, and never in a circle.

use crate::harness::*;
use batpak::prelude::*;
use batpak::testkit::Machine;
use std::collections::HashSet;

/// What an event has caused, level by level, by looking at every event.
fn effects_of(all: &[IndexEntry], event_id: u128) -> Vec<IndexEntry> {
    let mut found: Vec<IndexEntry> = Vec::new();
    let mut seen = HashSet::from([event_id]);
    let mut level = HashSet::from([event_id]);
    while !level.is_empty() {
        let is_caused = |entry: &&IndexEntry| {
            entry
                .causation_id
                .is_some_and(|cause| level.contains(&cause))
                && !seen.contains(&entry.event_id)
        };
        let caused: Vec<_> = all.iter().filter(is_caused).cloned().collect();
        level = caused.iter().map(|entry| entry.event_id).collect();
        seen.extend(&level);
        found.extend(caused);
    }
    found
}

fn causes_of(all: &[IndexEntry], event_id: u128) -> Vec<IndexEntry> {
    let find = |id| all.iter().find(|entry| entry.event_id == id);
    let mut found: Vec<IndexEntry> = Vec::new();
    let mut seen = HashSet::from([event_id]);
    let mut cause = find(event_id).unwrap().causation_id;
    while let Some(entry) = cause
        .and_then(find)
        .filter(|entry| seen.insert(entry.event_id))
    {
        found.push(entry.clone());
        cause = entry.causation_id;
    }
    found
}

fn check<S>(store: &Store<S>, random: &mut fastrand::Rng) {
    let all = store.try_query(&Region::all()).unwrap();
    for entry in &all {
        let limit = match random.u8(..4) {
            0 => random.usize(..5),
            _ => usize::MAX,
        };
        let first = |mut entries: Vec<IndexEntry>| {
            entries.truncate(limit);
            entries
        };
        let id = entry.event_id;
        let effects = first(effects_of(&all, id));
        assert_eq!(store.try_effects(id, limit).unwrap(), effects, "of {id}");
        assert_eq!(store.effects(id, limit), effects);
        let causes = first(causes_of(&all, id));
        assert_eq!(store.try_causes(id, limit).unwrap(), causes, "of {id}");
        assert_eq!(store.causes(id, limit), causes);
        let stream = store.stream(entry.coord.entity());
        let chain = stream.into_iter().rev();
        let chain = chain.filter(|before| before.global_sequence <= entry.global_sequence);
        let chain = first(chain.collect());
        check_chain(store, id, limit, &chain);
    }
}

fn check_chain<S>(store: &Store<S>, id: u128, limit: usize, expected: &[IndexEntry]) {
    let walked = store.try_walk_ancestors(id, limit).unwrap();
    assert_eq!(walked, store.walk_ancestors(id, limit));
    assert_eq!(walked.len(), expected.len(), "of {id}");
    let typed = store.ancestors(id).unwrap().typed::<u64>();
    for ((walked, entry), typed) in walked.iter().zip(expected).zip(typed) {
        assert_eq!(*walked, store.get(entry.event_id).unwrap());
        assert_eq!(walked.event.hash_chain, Some(entry.hash_chain));
        let typed = typed.unwrap().event;
        assert_eq!(u128::from(typed.payload), entry.event_id);
    }
    let chains: Vec<_> = walked
        .iter()
        .map(|walked| walked.event.hash_chain.unwrap())
        .collect();
    for pair in chains.windows(2) {
        assert_eq!(pair[0].prev_hash, pair[1].event_hash);
    }
    if expected.len() < limit {
        assert!(walked.last().unwrap().event.is_genesis());
    }
}

#[test]
fn as_a_brute_force_over_all_events_says() {
    let random = &mut seeded("histories");
    for _ in 0..scaled(6) {
        let machine = Machine::new(random.u64(..));
        let store = history(&machine, random.u64(1..150), random);
        check(&store, random);
        let read_only = machine.open_read_only(small_segments()).unwrap();
        check(&read_only, random);
        read_only.close().unwrap();
        store.close().unwrap();
        let store = machine.open(small_segments()).unwrap();
        check(&store, random);
    }
}

fn caused_by(store: &Store, key: u128, cause: u128) {
    let options = AppendOptions::new()
        .with_idempotency(key)
        .with_causation(cause);
    let entity = at(&format!("of:{key}"));
    store
        .append_with_options(&entity, KIND, &0, options)
        .unwrap();
}

fn ids(entries: &[IndexEntry]) -> Vec<u128> {
    entries.iter().map(|entry| entry.event_id).collect()
}

#[test]
fn a_circle_is_walked_once() {
    let directory = temporary();
    let store = open(directory.path());
    // 1 <- 2 <- 3 <- 1, and 9 by itself.
    for (key, cause) in [(1, 3), (2, 1), (3, 2), (9, 9)] {
        caused_by(&store, key, cause);
    }
    assert_eq!(ids(&store.causes(1, 100)), [3, 2]);
    assert_eq!(ids(&store.effects(1, 100)), [2, 3]);
    assert_eq!(ids(&store.causes(9, 100)), []);
    assert_eq!(ids(&store.effects(9, 100)), []);
}

/// An index finds effects by 32 bits of their cause's hash. These two ids share them.
const SAME_HASH: [u128; 2] = [36_661, 139_605];

#[test]
fn causes_whose_hashes_are_the_same_are_told_apart() {
    let machine = Machine::new(1);
    let store = machine.open(small_segments()).unwrap();
    let [one, other] = SAME_HASH;
    caused_by(&store, 1, 0);
    for cause in [one, other] {
        caused_by(&store, cause, 1);
    }
    for key in 10..40 {
        caused_by(&store, key, SAME_HASH[key as usize % 2]);
    }
    store.close().unwrap();
    let store = machine.open(small_segments()).unwrap();
    assert!(
        store.diagnostics().events_in_memory < 20,
        "an index is asked"
    );
    let all: Vec<u128> = (10..40).collect();
    let (even, odd): (Vec<_>, Vec<_>) = all.iter().copied().partition(|key| key % 2 == 0);
    assert_eq!(ids(&store.effects(one, 100)), even);
    assert_eq!(ids(&store.effects(other, 100)), odd);
    assert_eq!(
        ids(&store.effects(1, 100)),
        [vec![one, other], all].concat()
    );
    assert_eq!(ids(&store.effects(one, 3)), even[..3]);
}

#[test]
fn levels_come_one_after_the_other_each_in_commit_order() {
    let directory = temporary();
    let store = open(directory.path());
    // 2 and 4 are caused by 1; 3 and 6 by 2; 5 by 4.
    for (key, cause) in [(1, 0), (2, 1), (3, 2), (4, 1), (5, 4), (6, 2)] {
        caused_by(&store, key, cause);
    }
    assert_eq!(ids(&store.effects(1, 100)), [2, 4, 3, 5, 6]);
    assert_eq!(ids(&store.effects(1, 3)), [2, 4, 3]);
    assert_eq!(ids(&store.effects(1, 0)), []);
    assert_eq!(ids(&store.causes(6, 100)), [2, 1]);
    assert_eq!(ids(&store.causes(6, 1)), [2]);
    assert_eq!(ids(&store.causes(6, 0)), []);
}

#[test]
fn an_unknown_id_is_told_or_gives_nothing() {
    let directory = temporary();
    let store = open(directory.path());
    caused_by(&store, 1, 7);
    assert_eq!(store.effects(7, 10), []);
    assert_eq!(store.causes(7, 10), []);
    assert_eq!(store.walk_ancestors(7, 10), []);
    let not_found =
        |error: StoreError| assert!(matches!(error, StoreError::NotFound(7)), "{error}");
    not_found(store.try_effects(7, 10).unwrap_err());
    not_found(store.try_causes(7, 10).unwrap_err());
    not_found(store.try_walk_ancestors(7, 10).unwrap_err());
    not_found(store.ancestors(7).unwrap_err());
    assert_eq!(store.diagnostics().read_fault, None);
}

#[test]
fn a_chain_crosses_scopes_and_leaves_descendants_out() {
    let directory = temporary();
    let store = open(directory.path());
    let receipts: Vec<_> = (0..6)
        .map(|number| {
            let coord = Coordinate::new("a", format!("scope:{}", number % 2)).unwrap();
            store.append(&at("b"), KIND, &number).unwrap();
            store.append(&coord, KIND, &number).unwrap()
        })
        .collect();
    let walked = store.walk_ancestors(receipts[3].event_id, 100);
    let found: Vec<_> = walked
        .iter()
        .map(|walked| walked.event.event_id())
        .collect();
    let expected: Vec<_> = receipts[..4]
        .iter()
        .rev()
        .map(|receipt| receipt.event_id)
        .collect();
    assert_eq!(found, expected);
    assert_eq!(store.walk_ancestors(receipts[3].event_id, 2).len(), 2);
    assert_eq!(store.walk_ancestors(receipts[3].event_id, 0), []);
}

#[test]
fn an_ancestor_that_is_no_json_stops_the_walk_and_is_not_passed_over() {
    let directory = temporary();
    let store = open(directory.path());
    for number in [1.0, f64::NAN, 3.0, 4.0] {
        store.append(&at("a"), KIND, &number).unwrap();
    }
    let last = store.stream("a")[3].event_id;
    assert_eq!(store.walk_ancestors(last, 10).len(), 2);
    assert!(store.diagnostics().read_fault.unwrap().contains("get_raw"));
    let error = store.try_walk_ancestors(last, 10).unwrap_err();
    assert!(matches!(error, StoreError::Serialization(_)), "{error}");
    let typed: Vec<f64> = store
        .ancestors(last)
        .unwrap()
        .typed()
        .map(|stored| stored.unwrap().event.payload)
        .collect();
    assert!(typed[2].is_nan() && typed[3] == 1.0);
}
