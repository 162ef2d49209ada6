//! The cells that readers share with one writer.

use std::sync::Arc;

use crate::runtime::{
    BoundedCache, Counter, KeptSlots, Published, SlotBudget, Spares, Watermark, WriteOnce,
    WriteOnceIndex,
};

#[test]
fn a_published_value_is_replaced_as_a_whole() {
    let published = Published::new(vec![1]);
    let held = published.load();
    published.publish(vec![1, 2]);
    assert_eq!(
        (held.len(), published.load().len(), published.with(Vec::len)),
        (1, 2, 2)
    );
}

#[test]
fn a_watermark_only_rises() {
    let watermark = Watermark::new(3);
    watermark.raise(5);
    watermark.raise(4);
    assert_eq!(watermark.get(), 5);
}

#[test]
fn a_slot_is_written_once_and_others_do_not_exist() {
    let table = WriteOnce::new(600);
    assert_eq!(table.get(599), None);
    assert_eq!(table.set(599, "last"), Ok(()));
    assert_eq!(table.set(599, "again"), Err("again"));
    assert_eq!(table.set(600, "beyond"), Err("beyond"));
    assert_eq!(
        (table.get(599), table.get(0), table.get(600)),
        (Some(&"last"), None, None)
    );
    assert_eq!(table.capacity(), 600);
}

#[test]
fn an_index_gives_slots_in_the_order_in_which_they_were_added() {
    let index = WriteOnceIndex::new(8);
    let hash = 0xABCD_EF01_2345_6789;
    for slot in [7, 0, 3] {
        assert!(index.insert(hash, slot));
    }
    assert_eq!(index.probe(hash).collect::<Vec<_>>(), [7, 0, 3]);
    assert_eq!(index.probe(hash ^ (1 << 40)).count(), 0);
    assert_eq!(index.probe(!hash).count(), 0);
}

#[test]
fn an_index_says_when_it_is_full() {
    let index = WriteOnceIndex::new(3);
    assert!(
        !index.insert(0, u32::MAX),
        "the largest number has no place"
    );
    for slot in 0..3 {
        assert!(index.insert(0, slot));
    }
    assert!(!index.insert(0, 3));
    assert_eq!(index.probe(0).collect::<Vec<_>>(), [0, 1, 2]);
}

#[test]
fn an_index_agrees_with_a_list() {
    let mut random = fastrand::Rng::with_seed(11);
    let hashes: Vec<u64> = (0..1000).map(|_| random.u64(0..300) << 30).collect();
    let index = WriteOnceIndex::new(hashes.len());
    for (slot, hash) in hashes.iter().enumerate() {
        assert!(index.insert(*hash, u32::try_from(slot).unwrap()));
    }
    for wanted in &hashes {
        let found: Vec<_> = index
            .probe(*wanted)
            .filter(|slot| hashes[*slot as usize] == *wanted)
            .collect();
        let expected: Vec<_> = (0..hashes.len())
            .filter(|slot| hashes[*slot] == *wanted)
            .map(|slot| u32::try_from(slot).unwrap())
            .collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn a_cache_holds_no_more_than_its_weight() {
    let cache = BoundedCache::by_weight(64, 4096, |_: &u32, value: &Arc<[u8]>| value.len() as u64);
    let value: Arc<[u8]> = vec![0; 16].into();
    for key in 0..10_000 {
        cache.insert(key, Arc::clone(&value));
    }
    assert!(!cache.is_empty() && cache.weight() <= 4096 + 4096 / 4);
    cache.insert(1, Arc::clone(&value));
    assert_eq!(cache.remove(&1).map(|value| value.len()), Some(16));
    assert_eq!(cache.get(&1), None);
    assert!(cache.len() <= 4096 / 16 + 64);
}

#[test]
fn a_cache_of_so_many_entries_holds_no_more() {
    let cache = BoundedCache::new(100);
    for key in 0..10_000 {
        cache.insert(key, key);
    }
    assert!((1..=100).contains(&cache.len()));
}

#[test]
fn tables_together_keep_as_many_values_as_there_is_room_for() {
    let budget = SlotBudget::new(10);
    let tables = [KeptSlots::new(1000), KeptSlots::new(1000)];
    for index in 0..1000 {
        for table in &tables {
            budget.keep(table, index, index);
            budget.keep(table, index, index + 1);
            budget.keep(table, 1000 + index, index);
            assert_eq!(table.get(index), Some(index), "the first value stays");
        }
        let values = (0..1000).flat_map(|index| tables.iter().map(move |table| table.get(index)));
        assert!(values.flatten().count() <= 10 && budget.len() <= 10);
    }
}

#[test]
fn a_value_that_is_used_is_kept_longer_than_others() {
    let budget = SlotBudget::new(10);
    let table = KeptSlots::new(1000);
    budget.keep(&table, 0, 0);
    for index in 1..1000 {
        assert_eq!(table.get(0), Some(0), "after {index}");
        budget.keep(&table, index, index);
    }
    assert_eq!(table.get(1), None);
    assert_eq!(table.get(999), Some(999));
}

#[test]
fn a_table_that_is_dropped_makes_room() {
    let budget = SlotBudget::new(10);
    let dropped = KeptSlots::new(10);
    for index in 0..10 {
        budget.keep(&dropped, index, index);
    }
    drop(dropped);
    let table = KeptSlots::new(10);
    for index in 0..10 {
        budget.keep(&table, index, index);
    }
    assert!((0..10).all(|index| table.get(index) == Some(index)));
}

#[test]
fn spares_come_back_and_are_no_more_than_there_is_room_for() {
    let spares = Spares::new(2);
    assert_eq!(spares.take(), None);
    for thing in 0..5 {
        spares.clone().give_back(thing);
    }
    assert_eq!(
        [spares.take(), spares.take(), spares.take()],
        [Some(0), Some(1), None]
    );
}

#[test]
fn without_room_nothing_is_kept() {
    let budget = SlotBudget::new(0);
    let table = KeptSlots::new(1);
    budget.keep(&table, 0, 0);
    assert!(budget.is_empty() && table.get(0).is_none());
}

#[test]
fn a_counter_begins_at_its_seed_and_hands_out_each_number_once() {
    let counter = Counter::new(10);
    assert_eq!((counter.next(), counter.next()), (10, 11));
}
