//! Taking the latest few of a long log reads little of the disk, whatever the region.

use crate::harness::*;
use batpak::prelude::*;
use batpak::testkit::{Call, FsCall, SimFs, open_on_threads};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const EVENTS: u64 = 100_000;
const ENTITIES: u64 = 500;

fn kind(number: u64) -> EventKind {
    EventKind::custom(1 + (number % 3) as u8, (number % 7) as u16)
}

fn config() -> StoreConfig {
    // Nothing is kept, so that every look at the disk is seen.
    StoreConfig::new("store").with_cache_bytes(0)
}

fn open_on(disk: &SimFs) -> Store {
    open_on_threads(config(), Arc::new(disk.clone())).unwrap()
}

/// A closed store, all of whose events are indexed on disk.
fn filled() -> SimFs {
    let disk = SimFs::new();
    let store = open_on(&disk);
    let numbers: Vec<u64> = (0..EVENTS).collect();
    for batch in numbers.chunks(250) {
        let item = |number: &u64| {
            let entity = format!("entity:{}", number % ENTITIES);
            let coord = Coordinate::new(entity, format!("scope:{}", number % 4)).unwrap();
            let text = format!("{number:0>150}");
            let (options, cause) = (AppendOptions::new(), CausationRef::None);
            BatchAppendItem::new(coord, kind(*number), &text, options, cause).unwrap()
        };
        store
            .append_batch(batch.iter().map(item).collect())
            .unwrap();
    }
    store.close().unwrap();
    disk
}

/// Returns how many bytes `work` reads from the disk, in how many calls.
fn read_by(disk: &SimFs, work: impl FnOnce()) -> (u64, u64) {
    let sums = Arc::new((AtomicU64::new(0), AtomicU64::new(0)));
    let (bytes, calls) = &*sums;
    let seen = Arc::clone(&sums);
    disk.observe(Some(Box::new(move |call: &Call<'_>| {
        if call.call == FsCall::ReadAt {
            seen.0.fetch_add(call.bytes as u64, Ordering::Relaxed);
            seen.1.fetch_add(1, Ordering::Relaxed);
        }
    })));
    work();
    disk.observe(None);
    (bytes.load(Ordering::Relaxed), calls.load(Ordering::Relaxed))
}

#[test]
fn from_the_back() {
    let disk = filled();
    let store = open_on(&disk);
    assert_eq!(store.diagnostics().events_in_memory, 0);
    let regions = [
        Region::all(),
        Region::entity_exact("entity:77"),
        Region::scope("scope:3"),
        Region::all().with_fact(KindFilter::Exact(kind(4))),
        Region::all().with_fact_category(2),
        Region::entity("entity:7"),
    ];
    for region in regions {
        let of_all = store.query(&region);
        let mut latest: Vec<_> = of_all
            .iter()
            .rev()
            .take(10)
            .map(|entry| entry.event_id)
            .collect();
        let (read, _) = read_by(&disk, || {
            let events = store.events(&region, 0).raw().rev().take(10);
            let taken: Vec<_> = events.map(|event| event.unwrap().event_id).collect();
            assert_eq!(taken, latest);
        });
        // The whole log has more than 25 MB.
        assert!(read < 160_000, "{read} bytes for ten of {region:?}");
        latest.reverse();
        let first = of_all[of_all.len() - 10].global_sequence;
        let (read, _) = read_by(&disk, || {
            let events = store.events(&region, 0).until(first).rev().take(1);
            assert_eq!(events.count(), 1);
        });
        assert!(
            read < 160_000,
            "{read} bytes for one of {region:?}, further back"
        );
    }
}

#[test]
fn from_the_back_of_what_is_in_memory_without_the_disk() {
    let disk = SimFs::new();
    let store = open_on(&disk);
    for number in 0..5_000_u64 {
        store
            .append(&at(&format!("entity:{}", number % 50)), KIND, &number)
            .unwrap();
    }
    for region in [
        Region::all(),
        Region::entity_exact("entity:7"),
        Region::scope("scope"),
    ] {
        let (read, _) = read_by(&disk, || {
            assert_eq!(store.events(&region, 0).rev().take(10).count(), 10);
        });
        assert_eq!(read, 0, "{region:?}");
    }
}

#[test]
fn a_whole_walk_from_the_back_reads_each_part_about_once() {
    let disk = filled();
    let store = open_on(&disk);
    let (forward, calls_forward) = read_by(&disk, || {
        assert_eq!(store.events(&Region::all(), 0).raw().count() as u64, EVENTS);
    });
    let (back, calls_back) = read_by(&disk, || {
        assert_eq!(
            store.events(&Region::all(), 0).raw().rev().count() as u64,
            EVENTS
        );
    });
    assert!(back < 2 * forward, "{back} bytes back, {forward} forward");
    let calls = format!("{calls_back} calls back, {calls_forward} forward");
    assert!(calls_back < 2 * calls_forward, "{calls}");
}

#[test]
fn a_cursor_that_goes_on_reads_what_is_new_alone() {
    let disk = filled();
    let store = open_on(&disk);
    let all = Region::all();
    let last = store.events(&all, 0).rev().nth(10).unwrap().unwrap();
    let mut cursor = store
        .cursor_at(&all, &store.position_behind(&last))
        .unwrap();
    let (read, _) = read_by(&disk, || assert_eq!(cursor.poll_batch(100).len(), 10));
    // An index page and the frames of ten events, not a log of 20 MB.
    assert!(read < 300_000, "{read} bytes for ten events");
    let (read, _) = read_by(&disk, || {
        for _ in 0..100 {
            assert_eq!(cursor.poll(), None);
        }
    });
    assert_eq!(read, 0, "idle polls");
    append_numbers(&store, "entity:new", 0..3);
    let (read, _) = read_by(&disk, || assert_eq!(cursor.poll_batch(100).len(), 3));
    assert_eq!(read, 0, "what has just been written is in memory");
}
