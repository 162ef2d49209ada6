//! Streams, scopes, kinds and regions return what they say, in commit order, as a plain filter
//! over all events would.

use crate::harness::*;
use batpak::prelude::*;

const ENTITIES: [&str; 5] = ["cart:1", "cart:10", "cart:2", "user:1", "c"];
const SCOPES: [&str; 3] = ["shop", "shop:eu", "billing"];
const KINDS: [EventKind; 4] = [
    EventKind::DATA,
    EventKind::custom(0xF, 1),
    EventKind::custom(0xF, 2),
    EventKind::custom(0x3, 1),
];

fn fill(store: &Store, random: &mut fastrand::Rng) -> Vec<(Coordinate, EventKind)> {
    let mut written = Vec::new();
    for number in 0..400u64 {
        let coord = Coordinate::new(
            ENTITIES[random.usize(..ENTITIES.len())],
            SCOPES[random.usize(..SCOPES.len())],
        );
        let (coord, kind) = (coord.unwrap(), KINDS[random.usize(..KINDS.len())]);
        store.append(&coord, kind, &number).unwrap();
        written.push((coord, kind));
    }
    written
}

fn regions() -> Vec<Region> {
    let mut regions = vec![Region::all()];
    for entity in [
        "", "c", "cart:", "cart:1", "cart:10", "cart:100", "user:1", "x",
    ] {
        regions.push(Region::entity(entity));
        if !entity.is_empty() {
            regions.push(Region::entity_exact(entity));
        }
    }
    for scope in SCOPES.into_iter().chain(["sho", "other"]) {
        regions.push(Region::scope(scope));
        regions.push(Region::entity("cart:1").with_scope(scope));
        regions.push(Region::entity_exact("cart:1").with_scope(scope));
    }
    let mut narrowed = Vec::new();
    for region in &regions {
        for kind in KINDS {
            narrowed.push(region.clone().with_fact(KindFilter::Exact(kind)));
        }
        for category in [0x0, 0x1, 0x3, 0xF] {
            narrowed.push(region.clone().with_fact_category(category));
        }
        narrowed.push(region.clone().with_fact(KindFilter::Any));
        for range in [(0, 0), (5, 9), (9, 5), (0, u32::MAX)] {
            narrowed.push(region.clone().with_clock_range(range));
        }
    }
    regions.extend(narrowed);
    regions
}

fn check<S>(store: &Store<S>, written: &[(Coordinate, EventKind)]) {
    let all = store.query(&Region::all());
    let found: Vec<_> = all
        .iter()
        .map(|entry| (entry.coord.clone(), entry.kind))
        .collect();
    assert_eq!(found, written, "commit order");
    assert!(all.is_sorted_by(|one, next| one.global_sequence < next.global_sequence));
    for region in regions() {
        let expected: Vec<_> = all
            .iter()
            .filter(|entry| {
                let coord = &entry.coord;
                region.matches(coord.entity(), coord.scope(), entry.kind, entry.clock)
            })
            .cloned()
            .collect();
        assert_eq!(store.query(&region), expected, "{region:?}");
        assert_eq!(store.try_query(&region).unwrap(), expected, "{region:?}");
        let mut cursor = store.cursor_guaranteed(&region);
        assert_eq!(cursor.poll_batch(10_000), expected, "{region:?}");
    }
    let only = |wanted: &dyn Fn(&IndexEntry) -> bool| -> Vec<IndexEntry> {
        all.iter().filter(|entry| wanted(entry)).cloned().collect()
    };
    for entity in ENTITIES.into_iter().chain(["cart", "none"]) {
        let expected = only(&|entry| entry.coord.entity() == entity);
        assert_eq!(store.stream(entity), expected);
        assert_eq!(store.try_stream(entity).unwrap(), expected);
        let clocks: Vec<_> = expected.iter().map(|entry| entry.clock as usize).collect();
        assert_eq!(clocks, (0..expected.len()).collect::<Vec<_>>());
    }
    for scope in SCOPES.into_iter().chain(["sho", "none"]) {
        let expected = only(&|entry| entry.coord.scope() == scope);
        assert_eq!(store.by_scope(scope), expected);
        assert_eq!(store.try_by_scope(scope).unwrap(), expected);
    }
    for kind in KINDS.into_iter().chain([EventKind::custom(0x3, 2)]) {
        let expected = only(&|entry| entry.kind == kind);
        assert_eq!(store.by_fact(kind), expected);
        assert_eq!(store.try_by_fact(kind).unwrap(), expected);
    }
}

#[test]
fn live_read_only_and_after_reopening() {
    let directory = temporary();
    let store = open(directory.path());
    let written = fill(&store, &mut seeded("regions"));
    check(&store, &written);
    check(&open_read_only(directory.path()), &written);
    store.close().unwrap();
    check(&open(directory.path()), &written);
}

#[test]
fn every_layout_gives_the_same_answers() {
    let directory = temporary();
    let store = open(directory.path());
    let written = fill(&store, &mut seeded("layouts"));
    store.close().unwrap();
    let layouts = [
        (IndexLayout::AoS, "aos"),
        (IndexLayout::SoA, "soa"),
        (IndexLayout::AoSoA8, "aosoa8"),
        (IndexLayout::AoSoA16, "aosoa16"),
        (IndexLayout::AoSoA64, "aosoa64"),
        (IndexLayout::SoAoS, "soaos"),
    ];
    for (layout, name) in layouts {
        let config = config(directory.path())
            .with_index_layout(layout)
            .with_views(ViewConfig::none())
            .with_enable_mmap_index(false);
        let store = Store::open(config).unwrap();
        assert_eq!(store.diagnostics().index_layout, name);
        check(&store, &written);
        store.close().unwrap();
    }
}
