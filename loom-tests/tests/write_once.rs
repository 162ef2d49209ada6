//! A slot shows nothing or its whole value, and of two writers one wins.
//!
//! Two preemptions, and 2 threads with the main one in each model.
//! - `two writers`: of two writers of one slot one wins and the other gets its value back.
//!   2 writes; 26 executions.
//! - `two slots`: two writers of slots in one block both succeed, whoever makes the block.
//!   2 writes; 16 executions.
//! - `index`: an index entry that is found leads to a slot that is there. 2 entries, 1 search;
//!   16 executions.

#![cfg(loom)]

use std::sync::Arc;

use batpak_actors::runtime::{WriteOnce, WriteOnceIndex};
use batpak_loom_tests::model;
use loom::thread;

#[test]
fn of_two_writers_one_wins_and_the_other_gets_its_value_back() {
    let winners = model("write_once: two writers", || {
        let table = Arc::new(WriteOnce::new(1));
        let other = {
            let table = Arc::clone(&table);
            thread::spawn(move || table.set(0, 2))
        };
        let mine = table.set(0, 1);
        let theirs = other.join().unwrap();
        let winner = if mine.is_ok() { 1 } else { 2 };
        assert!(mine.is_ok() != theirs.is_ok());
        assert_eq!(table.get(0), Some(&winner));
        winner
    });
    assert_eq!(winners.into_iter().collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn two_slots_of_one_block_are_both_written() {
    model("write_once: two slots", || {
        let table = Arc::new(WriteOnce::new(2));
        let other = {
            let table = Arc::clone(&table);
            thread::spawn(move || table.set(1, 11))
        };
        assert_eq!(table.set(0, 10), Ok(()));
        assert_eq!(other.join().unwrap(), Ok(()));
        assert_eq!((table.get(0), table.get(1)), (Some(&10), Some(&11)));
    });
}

#[test]
fn an_index_entry_that_is_found_leads_to_a_slot_that_is_there() {
    let seen = model("write_once: index", || {
        let table = Arc::new(WriteOnce::new(2));
        let index = Arc::new(WriteOnceIndex::new(2));
        let reader = {
            let (table, index) = (Arc::clone(&table), Arc::clone(&index));
            thread::spawn(move || {
                let found: Vec<u32> = index.probe(9).collect();
                for slot in &found {
                    assert_eq!(table.get(*slot as usize), Some(slot));
                }
                found
            })
        };
        for slot in 0..2_u32 {
            table.set(slot as usize, slot).unwrap();
            assert!(index.insert(9, slot));
        }
        reader.join().unwrap()
    });
    let in_order_of_insertion = [vec![], vec![0], vec![0, 1]];
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), in_order_of_insertion);
}
