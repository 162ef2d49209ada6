//! From either end, from any sequence, before any sequence, from both ends at once: a walk gives
//! what a plain filter over all events would, wherever the events are found.

use crate::harness::*;
use batpak::prelude::*;
use batpak::testkit::{Fs, Machine};

/// Walks from both ends at once, by chance, until both are at their end.
fn from_both_ends<S>(
    store: &Store<S>,
    region: &Region,
    random: &mut fastrand::Rng,
) -> Vec<IndexEntry> {
    let mut events = store.events(region, 0);
    let (mut front, mut back) = (Vec::new(), Vec::new());
    let (mut front_ended, mut back_ended) = (false, false);
    while !(front_ended && back_ended) {
        if random.bool() {
            let next = events.next().transpose().unwrap();
            front_ended = next.is_none();
            front.extend(next);
        } else {
            let next = events.next_back().transpose().unwrap();
            back_ended = next.is_none();
            back.extend(next);
        }
    }
    front.extend(back.into_iter().rev());
    front
}

fn assert_exact(found: &[IndexEntry], expected: &[IndexEntry], region: &Region) {
    assert_eq!(sequences(found), sequences(expected), "{region:?}");
    assert!(found == expected, "other entries: {region:?}");
}

fn check<S>(store: &Store<S>, random: &mut fastrand::Rng) {
    let all = store.try_query(&Region::all()).unwrap();
    assert!(all.is_sorted_by(|one, next| one.global_sequence < next.global_sequence));
    let end = all.last().map_or(0, |last| last.global_sequence + 1);
    for region in regions() {
        let expected: Vec<_> = all
            .iter()
            .filter(|entry| {
                let coord = &entry.coord;
                region.matches(coord.entity(), coord.scope(), entry.kind, entry.clock)
            })
            .cloned()
            .collect();
        assert_exact(&store.query(&region), &expected, &region);
        let back = store.events(&region, 0).rev();
        let mut back: Vec<_> = back.map(Result::unwrap).collect();
        back.reverse();
        assert_exact(&back, &expected, &region);
        let both = from_both_ends(store, &region, random);
        assert_exact(&both, &expected, &region);
        for _ in 0..4 {
            let (from, until) = (random.u64(..end + 2), random.u64(..end + 2));
            let inside: Vec<_> = expected
                .iter()
                .filter(|entry| (from..until).contains(&entry.global_sequence))
                .cloned()
                .collect();
            let some = || store.events(&region, from).until(until);
            let found: Vec<_> = some().map(Result::unwrap).collect();
            assert_exact(&found, &inside, &region);
            let mut found: Vec<_> = some().rev().map(Result::unwrap).collect();
            found.reverse();
            assert_exact(&found, &inside, &region);
        }
        check_payloads(store, &region, &expected);
    }
}

/// The payload of every event of these histories is its key.
fn check_payloads<S>(store: &Store<S>, region: &Region, expected: &[IndexEntry]) {
    let ids: Vec<_> = expected.iter().map(|entry| entry.event_id).collect();
    let events = || store.events(region, 0);
    let typed = events().typed::<u64>().map(Result::unwrap);
    let typed: Vec<_> = typed.map(|event| u128::from(event.payload)).collect();
    assert_eq!(typed, ids);
    let raw = events().raw().rev().map(Result::unwrap);
    for (event, entry) in raw.zip(expected.iter().rev()) {
        let told = (
            event.event_id,
            event.global_sequence,
            event.clock,
            event.disk_pos,
        );
        let known = (
            entry.event_id,
            entry.global_sequence,
            entry.clock,
            entry.disk_pos,
        );
        assert_eq!(told, known);
        assert_eq!(
            rmp_serde::from_slice::<u64>(&event.payload).unwrap() as u128,
            entry.event_id
        );
    }
    let mut json: Vec<_> = events().json().rev().map(Result::unwrap).collect();
    json.reverse();
    let json: Vec<_> = json
        .iter()
        .map(|event| event.payload.as_u64().unwrap())
        .collect();
    assert_eq!(json.into_iter().map(u128::from).collect::<Vec<_>>(), ids);
}

#[test]
fn in_memory_in_runs_and_in_merged_segments() {
    let random = &mut seeded("histories");
    for _ in 0..scaled(12) {
        let machine = Machine::new(random.u64(..));
        let store = history(&machine, random.u64(1..300), random);
        check(&store, random);
        let read_only = machine.open_read_only(small_segments()).unwrap();
        check(&read_only, random);
        read_only.close().unwrap();
        store.close().unwrap();
        let store = machine.open(small_segments()).unwrap();
        check(&store, random);
    }
}

#[test]
fn the_histories_are_found_in_several_parts() {
    let random = &mut fastrand::Rng::with_seed(1);
    let (mut runs, mut in_memory, mut merged) = (0, 0, 0);
    for seed in 0..6 {
        let machine = Machine::new(seed);
        let store = history(&machine, 250, random);
        let diagnostics = store.diagnostics();
        runs += usize::from(diagnostics.tile_count >= 5);
        in_memory += usize::from(diagnostics.events_in_memory > 0);
        let names = machine.disk().list("").unwrap();
        merged += usize::from(names.iter().any(|name| name.ends_with("-1.fbat")));
    }
    assert!(
        runs > 1 && in_memory > 1 && merged > 0,
        "{runs} {in_memory} {merged}"
    );
}

#[test]
fn an_empty_store_has_nothing_at_either_end() {
    let machine = Machine::new(1);
    let store = machine.open(small_segments()).unwrap();
    check(&store, &mut fastrand::Rng::with_seed(1));
}

#[test]
fn what_is_written_meanwhile_is_not_part_of_a_walk() {
    let directory = temporary();
    let store = open(directory.path());
    append_numbers(&store, "a", 0..10);
    let mut events = store.events(&Region::all(), 0);
    assert_eq!(events.next().unwrap().unwrap().clock, 0);
    append_numbers(&store, "a", 10..20);
    assert_eq!(events.next_back().unwrap().unwrap().clock, 9);
    assert_eq!((events.next_sequence(), events.end_sequence()), (1, 9));
    let rest: Vec<_> = events.by_ref().map(|entry| entry.unwrap().clock).collect();
    assert_eq!(rest, (1..9).collect::<Vec<_>>());
    assert!(events.next().is_none() && events.next_back().is_none());
    let later = store.events(&Region::all(), 10);
    assert_eq!(later.count(), 10);
}

/// Closes small segments until some were merged.
fn merge(machine: &Machine) {
    for key in 1_000_000_u64.. {
        let store = machine.open(merging()).unwrap();
        let segments = store.stats().segments;
        for nth in 0..3 {
            store.append(&at("later"), KIND, &(key + nth)).unwrap();
        }
        store.close().unwrap();
        let store = machine.open(merging()).unwrap();
        let merged = store.stats().segments < segments;
        store.close().unwrap();
        if merged {
            return;
        }
    }
}

fn merging() -> StoreConfig {
    small_segments().with_segment_max_bytes(1_000_000)
}

#[test]
fn a_walk_goes_on_when_another_process_merges_what_it_reads() {
    let random = &mut seeded("merged away");
    for nth in 0..scaled(12) {
        let machine = Machine::new(random.u64(..));
        let mut expected = Vec::new();
        for key in 0..7 {
            let store = machine.open(merging()).unwrap();
            for nth in 0..random.u64(8..16) {
                let coord = at(ENTITIES[random.usize(..ENTITIES.len())]);
                expected.push(
                    store
                        .append(&coord, KIND, &(100 * key + nth))
                        .unwrap()
                        .event_id,
                );
            }
            store.close().unwrap();
        }
        let config = small_segments().with_cache_bytes(0).with_fd_budget(1);
        let reader = machine.open_read_only(config).unwrap();
        let mut events = reader.events(&Region::all(), 0);
        let mut raw = reader.events(&Region::all(), 0).raw();
        let back = nth % 2 == 0;
        let mut next = || {
            let (entry, raw) = match back {
                false => (events.next(), raw.next()),
                true => (events.next_back(), raw.next_back()),
            };
            let (entry, raw) = (entry.transpose().unwrap(), raw.transpose().unwrap());
            assert_eq!(
                entry.as_ref().map(|entry| entry.event_id),
                raw.map(|raw| raw.event_id)
            );
            entry.map(|entry| entry.event_id)
        };
        let mut found: Vec<_> = (0..random.usize(..20)).map_while(|_| next()).collect();
        merge(&machine);
        while let Some(event_id) = next() {
            found.push(event_id);
        }
        if back {
            found.reverse();
        }
        assert!(found == expected, "{} of {}", found.len(), expected.len());
    }
}

#[test]
fn a_walk_beside_a_writer_is_whole() {
    let directory = temporary();
    let store = open(directory.path());
    append_numbers(&store, "a", 0..1);
    let events = scaled(20_000) as u64;
    std::thread::scope(|scope| {
        scope.spawn(|| append_numbers(&store, "a", 1..events));
        let mut seen = 0;
        while seen < events {
            let mut expected = None;
            for entry in store.events(&Region::entity_exact("a"), 0).rev().take(3000) {
                let sequence = entry.unwrap().global_sequence;
                seen = seen.max(sequence + 1);
                assert_eq!(sequence, *expected.get_or_insert(sequence));
                expected = sequence.checked_sub(1);
            }
        }
    });
}
