//! What is indexed on disk is found as what is in memory is: by id, entity, scope, kind, prefix and
//! clock, by streams and cursors, before and after an opening; and a damaged or missing index costs
//! time, never an answer.

use batpak::prelude::*;
use batpak::store::OpenIndexPath;
use std::fs;
use std::path::{Path, PathBuf};

/// More than closing leaves without an index.
const EVENTS: u64 = 6_000;
const BATCH: u64 = 250;

fn config(directory: &Path) -> StoreConfig {
    StoreConfig::new(directory)
}

fn open(directory: &Path) -> Store {
    Store::open(config(directory)).unwrap()
}

fn kind(number: u64) -> EventKind {
    EventKind::custom(1 + (number % 3) as u8, (number % 5) as u16)
}

fn coordinate(number: u64) -> Coordinate {
    let scope = format!("scope:{}", number % 4);
    Coordinate::new(format!("entity:{}", number % 70), scope).unwrap()
}

fn fill(store: &Store) {
    for batch in 0..EVENTS / BATCH {
        let item = |number| {
            let options = AppendOptions::new().with_idempotency(u128::from(number) + 1);
            let cause = CausationRef::None;
            BatchAppendItem::new(coordinate(number), kind(number), &number, options, cause).unwrap()
        };
        let items = (batch * BATCH..(batch + 1) * BATCH).map(item).collect();
        store.append_batch(items).unwrap();
    }
}

fn regions() -> Vec<Region> {
    vec![
        Region::all(),
        Region::entity_exact("entity:7"),
        Region::entity_exact("entity:none"),
        Region::entity("entity:1"),
        Region::scope("scope:2"),
        Region::scope("scope:none"),
        Region::entity("entity:6").with_scope("scope:0"),
        Region::all().with_fact(KindFilter::Exact(kind(4))),
        Region::all().with_fact_category(2),
        Region::scope("scope:1").with_fact_category(3),
        Region::all().with_clock_range((3, 9)),
    ]
}

/// Everything that readers can be told, in one list.
fn answers(store: &Store) -> Vec<Vec<IndexEntry>> {
    let mut answers: Vec<_> = regions()
        .iter()
        .map(|region| store.try_query(region).unwrap())
        .collect();
    for from in [1, 2_999, EVENTS - 1, EVENTS] {
        let events = store.events(&Region::all(), from).take(20);
        answers.push(events.map(Result::unwrap).collect());
    }
    let mut cursor = store.cursor_guaranteed(&Region::scope("scope:3"));
    loop {
        let batch = cursor.try_poll_batch(100).unwrap();
        if batch.is_empty() {
            break;
        }
        answers.push(batch);
    }
    answers
}

fn assert_payloads(store: &Store) {
    for number in (0..EVENTS).step_by(97) {
        let id = u128::from(number) + 1;
        let read = store.get_as::<u64>(id).unwrap();
        assert_eq!(read.event.payload, number);
        assert_eq!(read.coordinate, coordinate(number));
        let raw = store.read_raw(id).unwrap();
        assert_eq!((raw.event_id, raw.global_sequence), (id, number));
        assert_eq!(raw.payload_hash(), read.event.header.content_hash);
        let length = store.read_with(id, <[u8]>::len).unwrap();
        assert_eq!(
            (length.payload, length.clock),
            (raw.payload.len(), raw.clock)
        );
        // A key that is stored stands for its event, wherever it is found.
        let options = AppendOptions::new().with_idempotency(id);
        let again = store.append_with_options(&coordinate(number), kind(number), &number, options);
        assert!(again.unwrap().replay.is_some());
    }
    assert!(matches!(
        store.read_raw(u128::MAX),
        Err(StoreError::NotFound(_))
    ));
}

fn runs(directory: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(directory)
        .unwrap()
        .map(|file| file.unwrap().path());
    let mut runs: Vec<_> = files
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "fbix")
        })
        .collect();
    runs.sort();
    runs
}

/// Fills and closes a store; returns what readers were told while all of it was in memory.
fn closed(directory: &Path) -> Vec<Vec<IndexEntry>> {
    let store = open(directory);
    fill(&store);
    let told = answers(&store);
    assert_eq!(store.diagnostics().events_in_memory, EVENTS);
    store.close().unwrap();
    assert_eq!(runs(directory).len(), 1);
    told
}

#[test]
fn the_same_before_and_after_an_opening() {
    let directory = tempfile::tempdir().unwrap();
    let told = closed(directory.path());
    let store = open(directory.path());
    let opened = store.diagnostics().open_report.unwrap();
    assert_eq!(
        (opened.restored_entries as u64, opened.tail_entries),
        (EVENTS, 0)
    );
    assert_eq!(opened.path, OpenIndexPath::Checkpoint);
    assert_eq!(answers(&store), told);
    assert_payloads(&store);
    assert_eq!(store.verify().unwrap().events, EVENTS);
    store.close().unwrap();
}

#[test]
fn events_in_memory_go_on_behind_those_on_disk() {
    let directory = tempfile::tempdir().unwrap();
    let mut told = closed(directory.path());
    let store = open(directory.path());
    let coord = coordinate(7);
    let head = store.stream(coord.entity()).last().unwrap().clone();
    let options = AppendOptions::new().with_cas(head.clock);
    let receipt = store
        .append_with_options(&coord, kind(7), &EVENTS, options)
        .unwrap();
    let entry = store.stream(coord.entity()).pop().unwrap();
    assert_eq!(
        (entry.event_id, entry.clock),
        (receipt.event_id, head.clock + 1)
    );
    assert_eq!(entry.hash_chain.prev_hash, head.hash_chain.event_hash);
    for (before, now) in told.iter_mut().zip(answers(&store)) {
        assert!(now.starts_with(before), "what was there is there");
    }
    assert_eq!(store.verify().unwrap().first_bad, None);
    store.close().unwrap();
}

#[test]
fn a_missing_index_is_written_again() {
    let directory = tempfile::tempdir().unwrap();
    let told = closed(directory.path());
    fs::remove_file(&runs(directory.path())[0]).unwrap();
    let store = open(directory.path());
    assert_eq!(
        store.diagnostics().open_report.unwrap().path,
        OpenIndexPath::Rebuild
    );
    assert_eq!(answers(&store), told);
    store.close().unwrap();
    // An opening that writes nothing changes nothing.
    assert_eq!(runs(directory.path()).len(), 0);
    let store = open(directory.path());
    store.append(&coordinate(0), kind(0), &EVENTS).unwrap();
    store.close().unwrap();
    assert_eq!(runs(directory.path()).len(), 1);
}

#[test]
fn a_damaged_index_changes_no_answer() {
    let directory = tempfile::tempdir().unwrap();
    let told = closed(directory.path());
    let run = runs(directory.path())[0].clone();
    let whole = fs::read(&run).unwrap();
    let pages = whole.len() / 4096;
    assert!(pages > 10, "there are pages of every kind");
    for page in 0..pages {
        let mut bytes = whole.clone();
        bytes[page * 4096 + (page * 131) % 4096] ^= 0x10;
        fs::write(&run, &bytes).unwrap();
        let store = Store::open_read_only(config(directory.path())).unwrap();
        for (region, told) in regions().iter().zip(&told) {
            assert_eq!(&store.try_query(region).unwrap(), told, "page {page}");
        }
        store.get(1 + page as u128).unwrap();
        store.close().unwrap();
    }
    for bytes in [
        &whole[..whole.len() - 4096],
        &whole[..5000],
        &[],
        &[0; 8192],
    ] {
        fs::write(&run, bytes).unwrap();
        let store = Store::open_read_only(config(directory.path())).unwrap();
        assert_eq!(store.query(&Region::all()), told[0]);
        store.close().unwrap();
    }
}

#[test]
fn damage_in_what_is_indexed_is_told_by_whoever_reads_it() {
    let directory = tempfile::tempdir().unwrap();
    let told = closed(directory.path());
    let damaged = &told[0][3_000];
    let segment = directory.path().join("000001.fbat");
    let mut bytes = fs::read(&segment).unwrap();
    bytes[damaged.disk_pos.offset as usize + 20] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let store = open(directory.path());
    let error = store.get(damaged.event_id).unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::NotFound(_) | StoreError::CrcMismatch { .. }
        ),
        "{error}"
    );
    assert!(matches!(
        store.try_query(&Region::all()),
        Err(StoreError::CrcMismatch { .. })
    ));
    // What is told without an error ends before the damage, and leaves a trace.
    assert_eq!(store.query(&Region::all()), told[0][..3_000]);
    assert!(store.diagnostics().read_fault.is_some());
    assert_eq!(store.verify().unwrap().first_bad.unwrap().sequence, 3_000);
    // The others are read.
    store.get(told[0][2_999].event_id).unwrap();
    store.get(told[0][3_001].event_id).unwrap();
    store.close().unwrap();
}
