//! Every point is passed, in the order that it says, with what it says; and whoever listens without
//! a fault changes nothing.

use crate::harness::*;
use batpak::prelude::*;
use batpak::store::InjectionPoint;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Singles and batches in small segments, until one was left.
fn workload(store: &Store) {
    for number in 0..12 {
        let first = 100 * (number + 1);
        store
            .append_with_options(&at("a"), KIND, &"x".repeat(300), key(first))
            .unwrap();
        let items = (first + 1..=first + ITEMS as u128).map(|number| item("b", number));
        store.append_batch(items.collect()).unwrap();
    }
}

#[test]
fn in_a_workload_of_singles_batches_and_rotations() {
    for placement in [
        batpak::store::Placement::Shared,
        batpak::store::Placement::ThreadEach,
    ] {
        let directory = tempfile::tempdir().unwrap();
        let recorded = Recorded::default();
        let config = StoreConfig::new(directory.path())
            .with_segment_max_bytes(2048)
            .with_placement(placement)
            .with_fault_injector(Some(Arc::new(recorded.clone())));
        let store = Store::open(config).unwrap();
        workload(&store);
        let passed: BTreeSet<_> = recorded.take().into_iter().map(name).collect();
        assert_eq!(passed, BTreeSet::from(POINTS));
        store.close().unwrap();
    }
}

#[test]
fn of_a_batch_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let recorded = Recorded::default();
    let store = open_with(directory.path(), recorded.clone());
    store.append(&at("a"), KIND, &0_u64).unwrap();
    recorded.take();
    let receipts = store
        .append_batch(vec![item("a", 1), item("b", 2)])
        .unwrap();
    let batch_id = receipts[0].sequence;
    let item_count = 2;
    let item = |item_index| InjectionPoint::BatchItemWritten {
        batch_id,
        item_index,
        total_items: item_count,
    };
    let expected = [
        InjectionPoint::BatchStart {
            batch_id,
            item_count,
        },
        InjectionPoint::BatchBeginWritten {
            batch_id,
            item_count,
        },
        item(0),
        item(1),
        InjectionPoint::BatchItemsComplete {
            batch_id,
            item_count,
        },
        InjectionPoint::BatchCommitWritten { batch_id },
        InjectionPoint::BatchFsync { batch_id },
        InjectionPoint::BatchPrePublish {
            batch_id,
            item_count,
        },
    ];
    assert_eq!(recorded.take(), expected);
}

#[test]
fn of_a_single_append_with_its_entity() {
    let directory = tempfile::tempdir().unwrap();
    let recorded = Recorded::default();
    let store = open_with(directory.path(), recorded.clone());
    for entity in ["a", "b", "a"] {
        store.append(&at(entity), KIND, &0_u64).unwrap();
        let expected = [
            InjectionPoint::SingleAppendStart { entity },
            InjectionPoint::SingleAppendWritten { entity },
        ];
        assert_eq!(recorded.take(), expected);
    }
}

#[test]
fn of_one_entity_with_one_name_however_often() {
    let directory = tempfile::tempdir().unwrap();
    let recorded = Recorded::default();
    let store = open_with(directory.path(), recorded.clone());
    for number in 0..3_u64 {
        store.append(&at("a"), KIND, &number).unwrap();
    }
    let address = |point| {
        if let InjectionPoint::SingleAppendStart { entity }
        | InjectionPoint::SingleAppendWritten { entity } = point
        {
            return entity.as_ptr().addr();
        }
        panic!("{point:?}")
    };
    let addresses: BTreeSet<_> = recorded.take().into_iter().map(address).collect();
    assert_eq!(addresses.len(), 1, "a name that a point holds is leaked");
}

#[test]
fn of_a_rotation_with_both_segments() {
    let directory = tempfile::tempdir().unwrap();
    let recorded = Recorded::default();
    let config = StoreConfig::new(directory.path())
        .with_segment_max_bytes(1)
        .with_fault_injector(Some(Arc::new(recorded.clone())));
    let store = Store::open(config).unwrap();
    let first = store.append(&at("a"), KIND, &0_u64).unwrap();
    let rotations = |points: Vec<InjectionPoint>| {
        points
            .into_iter()
            .filter(|point| name(*point) == "SegmentRotation")
            .collect::<Vec<_>>()
    };
    assert_eq!(
        rotations(recorded.take()),
        [],
        "the first segment follows none"
    );
    let second = store.append(&at("a"), KIND, &1_u64).unwrap();
    let expected = InjectionPoint::SegmentRotation {
        old_segment: first.disk_pos.segment_id,
        new_segment: second.disk_pos.segment_id,
    };
    assert_eq!(rotations(recorded.take()), [expected]);
}

#[test]
fn not_by_what_stores_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let recorded = Recorded::default();
    let store = open_with(directory.path(), recorded.clone());
    Write::Single.run(&store).unwrap();
    Write::Batch.run(&store).unwrap();
    recorded.take();
    assert!(Write::Single.run(&store).unwrap(), "a replay");
    assert!(Write::Batch.run(&store).unwrap(), "a replay");
    let wrong = AppendOptions::new().with_cas(77);
    let refused = store.append_with_options(&at("a"), KIND, &0_u64, wrong);
    assert!(matches!(refused, Err(StoreError::SequenceMismatch { .. })));
    store.sync().unwrap();
    assert_eq!(recorded.take(), []);
}

#[test]
fn of_a_batch_in_a_fence_when_the_fence_ends() {
    let directory = tempfile::tempdir().unwrap();
    let recorded = Recorded::default();
    let store = open_with(directory.path(), recorded.clone());
    let fence = store.begin_visibility_fence().unwrap();
    let single = fence.submit(&at("a"), KIND, &0_u64).unwrap();
    single.wait_durable().unwrap();
    let names = |points: Vec<InjectionPoint>| points.into_iter().map(name).collect::<Vec<_>>();
    assert_eq!(
        names(recorded.take()),
        ["SingleAppendStart", "SingleAppendWritten"]
    );
    let batch = fence.submit_batch(vec![item("a", 1)]).unwrap();
    batch.wait_durable().unwrap();
    let written = [
        "BatchStart",
        "BatchBeginWritten",
        "BatchItemWritten",
        "BatchItemsComplete",
        "BatchCommitWritten",
        "BatchFsync",
    ];
    assert_eq!(names(recorded.take()), written);
    fence.commit().unwrap();
    assert_eq!(names(recorded.take()), ["BatchPrePublish"]);
    assert_eq!(store.stream("a").len(), 2);
}

#[test]
fn and_nothing_changes_by_it() {
    let clock =
        || Some(Arc::new(|| 1_700_000_000_000_000_i64) as Arc<dyn Fn() -> i64 + Send + Sync>);
    let entries = |recorded: Option<Recorded>| {
        let directory = tempfile::tempdir().unwrap();
        let injector = recorded.map(|recorded| Arc::new(recorded) as Arc<_>);
        let config = StoreConfig::new(directory.path())
            .with_segment_max_bytes(2048)
            .with_clock(clock())
            .with_fault_injector(injector);
        let store = Store::open(config).unwrap();
        workload(&store);
        store.close().unwrap();
        let store = open(directory.path());
        let entries = store.query(&Region::all());
        let entries = entries.into_iter();
        // All that is stored of an event, and where.
        let facts = |entry: IndexEntry| (entry.event_id, entry.hash_chain, entry.disk_pos);
        entries.map(facts).collect::<Vec<_>>()
    };
    let without = entries(None);
    assert_eq!(without.len(), 12 * (1 + ITEMS));
    assert_eq!(without, entries(Some(Recorded::default())));
}
