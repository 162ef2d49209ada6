//! What the tests of reading share: stores, and histories of chance on a simulated machine whose
//! index is spread over memory, runs and merged segments.

use batpak::prelude::*;
use batpak::testkit::Machine;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

/// A kind that callers may use.
pub(crate) const KIND: EventKind = EventKind::custom(0xF, 1);
/// Everything that waits in a test gives up after this: a hang is a failure, not a stuck run.
pub(crate) const HANG: Duration = Duration::from_secs(30);

pub(crate) const ENTITIES: [&str; 5] = ["cart:1", "cart:10", "cart:2", "user:1", "c"];
pub(crate) const SCOPES: [&str; 3] = ["shop", "shop:eu", "billing"];
pub(crate) const KINDS: [EventKind; 4] = [
    EventKind::DATA,
    EventKind::custom(0xF, 1),
    EventKind::custom(0xF, 2),
    EventKind::custom(0x3, 1),
];

/// Multiplies a count by `BATPAK_TEST_SCALE`.
pub(crate) fn scaled(count: usize) -> usize {
    let scale = std::env::var("BATPAK_TEST_SCALE").ok();
    let scale: f64 = scale.and_then(|text| text.parse().ok()).unwrap_or(1.0);
    ((count as f64 * scale) as usize).max(1)
}

/// Returns a seeded source of chance and prints the seed; `BATPAK_TEST_SEED` replays one.
pub(crate) fn seeded(what: &str) -> fastrand::Rng {
    let seed = std::env::var("BATPAK_TEST_SEED").ok();
    let seed = seed
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| fastrand::u64(..));
    println!("{what}: BATPAK_TEST_SEED={seed}");
    fastrand::Rng::with_seed(seed)
}

pub(crate) fn at(entity: &str) -> Coordinate {
    Coordinate::new(entity, "scope").unwrap()
}

pub(crate) fn temporary() -> TempDir {
    tempfile::tempdir().unwrap()
}

pub(crate) fn open(directory: &Path) -> Store {
    Store::open(StoreConfig::new(directory)).unwrap()
}

/// Appends the numbers of a range to an entity, as their own keys.
pub(crate) fn append_numbers(store: &Store, entity: &str, numbers: std::ops::Range<u64>) {
    for number in numbers {
        store.append(&at(entity), KIND, &number).unwrap();
    }
}

/// Demands that two lists hold the same events; a merge between the two may have moved them.
pub(crate) fn assert_same_events(found: &[IndexEntry], expected: &[IndexEntry], what: &str) {
    let told = |entries: &[IndexEntry]| {
        let told = |entry: &IndexEntry| (entry.global_sequence, entry.event_id, entry.hash_chain);
        entries.iter().map(told).collect::<Vec<_>>()
    };
    let (one, other) = (sequences(found), sequences(expected));
    assert_eq!(one, other, "sequences of {what}");
    assert!(told(found) == told(expected), "other events: {what}");
}

pub(crate) fn sequences<'e>(entries: impl IntoIterator<Item = &'e IndexEntry>) -> Vec<u64> {
    let sequence = |entry: &IndexEntry| entry.global_sequence;
    entries.into_iter().map(sequence).collect()
}

/// Segments of few events.
pub(crate) fn small_segments() -> StoreConfig {
    StoreConfig::new("history").with_segment_max_bytes(3000)
}

/// Opens the store of a machine and appends events of chance, one at a time and in batches, with
/// causes of all sorts; closes and opens it now and then. The payload of each is its key.
pub(crate) fn history(machine: &Machine, events: u64, random: &mut fastrand::Rng) -> Store {
    // Small segments of like size are merged where they have room in one.
    let is_merged = random.bool();
    let segment_max_bytes = if is_merged { 100_000 } else { 2_500 };
    let config = || small_segments().with_segment_max_bytes(segment_max_bytes);
    let mut store = machine.open(config()).unwrap();
    let (mut key, mut commits) = (1, 0);
    while key <= events {
        if random.u8(..) < 40 {
            let items = (0..random.u64(1..8)).map(|nth| {
                let causation = match nth {
                    0 => CausationRef::None,
                    nth => CausationRef::PriorItem(random.usize(..nth as usize)),
                };
                let options = AppendOptions::new().with_idempotency(u128::from(key + nth));
                let (coord, kind) = place(random);
                BatchAppendItem::new(coord, kind, &(key + nth), options, causation).unwrap()
            });
            key += store.append_batch(items.collect()).unwrap().len() as u64;
        } else {
            let (coord, kind) = place(random);
            let options = options(key, random);
            store
                .append_with_options(&coord, kind, &key, options)
                .unwrap();
            key += 1;
        }
        commits += 1;
        if random.u8(..) < 6 || is_merged && commits % 10 == 0 {
            store.close().unwrap();
            store = machine.open(config()).unwrap();
        }
    }
    store
}

fn place(random: &mut fastrand::Rng) -> (Coordinate, EventKind) {
    let coord = Coordinate::new(
        ENTITIES[random.usize(..ENTITIES.len())],
        SCOPES[random.usize(..SCOPES.len())],
    );
    (coord.unwrap(), KINDS[random.usize(..KINDS.len())])
}

/// Mostly caused by an earlier event; sometimes by itself, by one to come, or by an unknown one.
fn options(key: u64, random: &mut fastrand::Rng) -> AppendOptions {
    let options = AppendOptions::new().with_idempotency(u128::from(key));
    match random.u8(..10) {
        0 => options,
        1 => options.with_causation(u128::from(key)),
        2 => options.with_causation(u128::from(key + random.u64(1..20))),
        3 => options.with_causation(u128::MAX),
        4 => options.with_causation(u128::from(random.u64(1..=key))),
        _ => options.with_causation(u128::from(key - random.u64(1..20).min(key - 1))),
    }
}

pub(crate) fn regions() -> Vec<Region> {
    vec![
        Region::all(),
        Region::entity_exact("cart:1"),
        Region::entity_exact("nobody"),
        Region::entity(""),
        Region::entity("cart:1"),
        Region::entity("cart:"),
        Region::entity("x"),
        Region::scope("shop"),
        Region::scope("sho"),
        Region::entity_exact("cart:2").with_scope("billing"),
        Region::entity("c").with_scope("shop:eu"),
        Region::all().with_fact(KindFilter::Exact(KINDS[1])),
        Region::all().with_fact(KindFilter::Exact(EventKind::custom(0x4, 4))),
        Region::all().with_fact_category(0xF),
        Region::all().with_fact_category(0x9),
        Region::scope("shop").with_fact_category(0x3),
        Region::all().with_clock_range((3, 9)),
        Region::entity_exact("cart:1").with_clock_range((5, 5)),
        Region::all().with_clock_range((9, 3)),
    ]
}
