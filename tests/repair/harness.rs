//! What the tests share: stores with something of everything, and the demands on what a repair
//! makes of them.

use batpak::event::EventKind;
use batpak::prelude::*;
use batpak::store::{BatchAppendItem, RepairReport};
use batpak::testkit::{Fs, MemoryFs, open_on_threads, repair_to};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A kind that callers may use.
pub(crate) const KIND: EventKind = EventKind::custom(0xF, 1);
/// The correlation of a batch has this bit, and that of nothing else.
const BATCH: u128 = 1 << 127;

/// A directory's files by name.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

pub(crate) fn directory_of(files: &Files) -> MemoryFs {
    let directory = MemoryFs::new();
    for (name, bytes) in files {
        directory.set_bytes(name, bytes.clone());
    }
    directory
}

pub(crate) fn files_of(directory: &MemoryFs) -> Files {
    let names = directory.list("").unwrap().into_iter();
    names
        .map(|name| (name.clone(), directory.bytes(&name).unwrap()))
        .collect()
}

/// The names of the segments, in order.
pub(crate) fn segments(files: &Files) -> Vec<String> {
    let names = files.keys().filter(|name| name.ends_with(".fbat"));
    names.cloned().collect()
}

/// Opens a store with small segments.
pub(crate) fn open(directory: &MemoryFs) -> Result<Store, StoreError> {
    let config = StoreConfig::new("memory").with_segment_max_bytes(1500);
    open_on_threads(config, Arc::new(directory.clone()))
}

/// Opens a store with segments that hold all that the tests write.
pub(crate) fn open_large(directory: &MemoryFs) -> Store {
    open_large_checked(directory).unwrap()
}

/// As [`open_large`], where it may be refused.
pub(crate) fn open_large_checked(directory: &MemoryFs) -> Result<Store, StoreError> {
    open_on_threads(StoreConfig::new("memory"), Arc::new(directory.clone()))
}

/// The places of a segment's groups: a marker starts each.
pub(crate) fn group_starts(bytes: &[u8]) -> Vec<usize> {
    let length = u32::from_be_bytes(bytes[8..12].try_into().unwrap()) as usize;
    let marker = &bytes[length..length + 8];
    let starts = bytes.windows(8).enumerate();
    starts
        .filter(|(_, window)| *window == marker)
        .map(|(at, _)| at)
        .collect()
}

pub(crate) fn at(entity: &str) -> Coordinate {
    Coordinate::new(entity, "scope").unwrap()
}

/// The key of a number.
pub(crate) fn key(number: u64) -> u128 {
    (u128::from(number) + 1).wrapping_mul(0x1E37_79B9_7F4A_7C15_F39C_C060_5CED_C835) >> 1
}

/// Appends a number to one of a few entities, under its own key.
pub(crate) fn append(store: &Store, number: u64) -> AppendReceipt {
    let options = AppendOptions::new()
        .with_idempotency(key(number))
        .with_causation(key(number / 2))
        .with_flags(1);
    let entity = format!("entity:{}", number % 5);
    store
        .append_with_options(&at(&entity), KIND, &number, options)
        .unwrap()
}

/// Appends numbers as a batch to entities of which some are new.
pub(crate) fn append_batch(store: &Store, numbers: std::ops::Range<u64>) {
    let first = numbers.start;
    let items = numbers.map(|number| {
        let options = AppendOptions::new()
            .with_idempotency(key(number))
            .with_correlation(BATCH | u128::from(first));
        let entity = match number - first {
            0 => format!("new:{first}"),
            nth => format!("entity:{nth}"),
        };
        let coord = at(&entity);
        BatchAppendItem::new(coord, KIND, &number, options, CausationRef::None).unwrap()
    });
    let items = items.collect();
    store.append_batch(items).unwrap();
}

/// A store with several segments, of which the first is compacted and has stubs, with batches, a
/// fence that was committed and one that was not; closed. And all that it shows.
pub(crate) fn rich_store() -> (Files, Vec<Known>) {
    let directory = MemoryFs::new();
    let store = open(&directory).unwrap();
    for number in 0..16 {
        append(&store, number);
    }
    store.close().unwrap();
    let store = open(&directory).unwrap();
    let goes: BTreeSet<_> = [2, 3, 7, 11].into_iter().map(key).collect();
    let keep = move |event: &StoredEvent<Vec<u8>>| !goes.contains(&event.event.header.event_id);
    let compaction = CompactionConfig {
        strategy: CompactionStrategy::RawRetention(Box::new(keep)),
        min_segments: 1,
    };
    store.compact(&compaction).unwrap();
    write_round(&store, 100);
    store.close().unwrap();
    let store = open(&directory).unwrap();
    write_round(&store, 200);
    let known = known(&store);
    store.close().unwrap();
    let files = files_of(&directory);
    assert!(segments(&files).len() >= 4, "{:?}", segments(&files));
    (files, known)
}

/// Writes singles, batches and fences.
fn write_round(store: &Store, from: u64) {
    for number in from..from + 6 {
        append(store, number);
    }
    append_batch(store, from + 10..from + 14);
    let fence = store.begin_visibility_fence().unwrap();
    for number in from + 20..from + 23 {
        submit(&fence, number);
    }
    fence.commit().unwrap();
    append(store, from + 30);
    let fence = store.begin_visibility_fence().unwrap();
    for number in from + 40..from + 43 {
        submit(&fence, number);
    }
    fence.cancel().unwrap();
    append_batch(store, from + 50..from + 54);
    for number in from + 60..from + 66 {
        append(store, number);
    }
}

/// Appends a number to a fence, and waits until it is written.
pub(crate) fn submit(fence: &VisibilityFence<'_>, number: u64) {
    let options = AppendOptions::new().with_idempotency(key(number));
    let entity = format!("fenced:{}", number % 2);
    let ticket = fence
        .submit_with_options(&at(&entity), KIND, &number, options)
        .unwrap();
    ticket.wait_durable().unwrap();
}

/// All of an event that a repair keeps, wherever it puts it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) id: u128,
    coordinate: Coordinate,
    pub(crate) kind: EventKind,
    flags: u8,
    correlation: u128,
    causation: Option<u128>,
    pub(crate) wall_us: u64,
    payload: Vec<u8>,
}

impl Content {
    /// Whether another event is the same, whatever its time.
    fn is_but_for_time(&self, other: &Self) -> bool {
        let wall_us = other.wall_us;
        let moved = Self {
            wall_us,
            ..self.clone()
        };
        moved == *other
    }

    /// Whether another event is the same, but for a later time.
    pub(crate) fn is_apart_from_time(&self, later: &Self) -> bool {
        self.is_but_for_time(later) && self.wall_us <= later.wall_us
    }
}

/// An event, and its place in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) content: Content,
    pub(crate) sequence: u64,
    clock: u32,
    hash: [u8; 32],
}

/// Everything that a store shows, in order.
pub(crate) fn known<S>(store: &Store<S>) -> Vec<Known> {
    let all = store.try_query(&Region::all()).unwrap();
    let known = |entry: &IndexEntry| {
        let event = store.read_raw(entry.event_id).unwrap();
        Known {
            content: Content {
                id: event.event_id,
                coordinate: event.coord,
                kind: event.kind,
                flags: event.flags,
                correlation: event.correlation_id,
                causation: event.causation_id,
                wall_us: event.hlc.wall_us,
                payload: event.payload,
            },
            sequence: event.global_sequence,
            clock: event.clock,
            hash: event.event_hash,
        }
    };
    all.iter().map(known).collect()
}

/// What a repair has made.
pub(crate) struct Repaired {
    pub(crate) report: RepairReport,
    pub(crate) directory: MemoryFs,
    pub(crate) events: Vec<Known>,
}

impl Repaired {
    pub(crate) fn has(&self, number: u64) -> bool {
        self.events
            .iter()
            .any(|event| event.content.id == key(number))
    }
}

/// Repairs, and demands everything that holds whatever the damage was.
pub(crate) fn repair(files: &Files, before: &[Known], what: &str) -> Repaired {
    let source = directory_of(files);
    let from: Arc<dyn Fs> = Arc::new(source.clone());
    let directory = MemoryFs::new();
    let report = repair_to(&from, Arc::new(directory.clone()));
    let report = report.unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(&files_of(&source), files, "{what}: the source was changed");
    let store = open(&directory).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(!store.diagnostics().recovery.unclean, "{what}");
    assert_eq!(store.verify().unwrap().first_bad, None, "{what}");
    let repaired = Repaired {
        events: known(&store),
        report,
        directory,
    };
    assert_nothing_invented(&repaired, before, what);
    assert_missing_is_told(&repaired, before, what);
    assert_batches_are_whole(&repaired, before, what);
    assert_goes_on(store, &repaired, what);
    repaired
}

/// Repairs, and returns what is there then; nothing is demanded of it but that it is sound.
pub(crate) fn repair_only(files: &Files) -> (RepairReport, Vec<Known>) {
    let from: Arc<dyn Fs> = Arc::new(directory_of(files));
    let directory = MemoryFs::new();
    let report = repair_to(&from, Arc::new(directory.clone())).unwrap();
    let store = open(&directory).unwrap();
    assert_eq!(store.verify().unwrap().first_bad, None);
    let events = known(&store);
    store.close().unwrap();
    (report, events)
}

/// What is there is what was there, in its order; the front has its places, too.
fn assert_nothing_invented(repaired: &Repaired, before: &[Known], what: &str) {
    let report = &repaired.report;
    let mut rest = before.iter();
    let mut in_front = 0;
    let mut seen = BTreeSet::new();
    for event in &repaired.events {
        assert!(seen.insert(event.content.id), "{what}: an event twice");
        let original = rest.find(|original| original.content.id == event.content.id);
        let original = original.unwrap_or_else(|| panic!("{what}: {event:?} was invented"));
        if report.rebuilt_headers.iter().all(|of| of.times_proven) {
            assert_eq!(event.content, original.content, "{what}: {report:?}");
        } else {
            let same = event.content.is_but_for_time(&original.content);
            assert!(same, "{what}: {event:?} {report:?}");
        }
        if original.sequence < report.kept_below {
            assert_eq!(event, original, "{what}: the front has changed");
            in_front += 1;
        } else {
            let highest = before.last().unwrap().sequence;
            assert!(event.sequence > highest, "{what}: a sequence is used twice");
        }
    }
    let saved = repaired.events.len() - in_front;
    assert_eq!(report.saved_events, saved as u64, "{what}: {report:?}");
}

/// Whether the report says that an event with this sequence may be missing.
pub(crate) fn is_declared(report: &RepairReport, sequence: u64) -> bool {
    let not_saved = report.not_saved.sequences;
    report
        .lost
        .iter()
        .any(|lost| lost.sequences.contains(sequence))
        || report
            .missing_segments
            .iter()
            .any(|missing| missing.sequences.contains(sequence))
        || report.lost_end.is_some_and(|end| end.contains(sequence))
        || not_saved.is_some_and(|(first, last)| (first..=last).contains(&sequence))
}

fn assert_missing_is_told(repaired: &Repaired, before: &[Known], what: &str) {
    let report = &repaired.report;
    let there: BTreeSet<_> = repaired.events.iter().map(|of| of.content.id).collect();
    let mut missing = 0;
    for event in before.iter().filter(|of| !there.contains(&of.content.id)) {
        missing += 1;
        let told = is_declared(report, event.sequence);
        assert!(told, "{what}: nobody tells of {event:?}: {report:?}");
    }
    assert!(missing == 0 || !report.is_complete(), "{what}: {report:?}");
}

fn assert_batches_are_whole(repaired: &Repaired, before: &[Known], what: &str) {
    let count = |events: &[Known]| {
        let mut counts = BTreeMap::<u128, usize>::new();
        for event in events
            .iter()
            .filter(|of| of.content.correlation & BATCH != 0)
        {
            *counts.entry(event.content.correlation).or_default() += 1;
        }
        counts
    };
    let all = count(before);
    for (batch, events) in count(&repaired.events) {
        // What stands in a whole group is there, but for names that are lost.
        let whole = events == all[&batch] || repaired.report.not_saved.unnamed > 0;
        assert!(whole, "{what}: a part of a batch: {:?}", repaired.report);
    }
}

/// Keys replay, appends go on, and all of it survives another opening.
fn assert_goes_on(store: Store, repaired: &Repaired, what: &str) {
    for number in [0, 5, 105, 205] {
        let again = append(&store, number);
        let first = repaired
            .events
            .iter()
            .find(|of| of.content.id == key(number));
        let replayed = again.replay.is_some();
        assert_eq!(replayed, first.is_some(), "{what}: number {number}");
        assert!(
            first.is_none_or(|first| first.sequence == again.sequence),
            "{what}"
        );
    }
    append_batch(&store, 900..903);
    let after = known(&store);
    store.close().unwrap();
    let store = open(&repaired.directory).unwrap();
    assert_eq!(known(&store), after, "{what}: reopened");
    assert_eq!(store.verify().unwrap().first_bad, None, "{what}");
    store.close().unwrap();
}
