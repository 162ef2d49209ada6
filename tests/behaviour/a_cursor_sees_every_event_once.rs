//! A cursor returns every event of its region exactly once, in order, beside a live writer.

use crate::harness::*;
use batpak::prelude::*;

#[test]
fn beside_four_threads_that_write() {
    let directory = temporary();
    let config = config(directory.path()).with_segment_max_bytes(16 * 1024);
    let store = Store::open(config).unwrap();
    let each = scaled(500) as u64;
    let mut random = seeded("sizes of polls");
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let store = &store;
            scope.spawn(move || append_numbers(store, &format!("thread:{thread}"), 0..each));
        }
        let mut everything = store.cursor_guaranteed(&Region::all());
        let mut one_thread = store.cursor_guaranteed(&Region::entity_exact("thread:2"));
        let (mut seen, mut of_one) = (Vec::new(), Vec::new());
        while seen.len() < 4 * each as usize || of_one.len() < each as usize {
            let max = random.usize(1..100);
            let batch = everything.poll_batch(max);
            assert!(batch.len() <= max);
            seen.extend(batch);
            of_one.extend(one_thread.poll());
        }
        assert_eq!(everything.poll(), None);
        assert_eq!(one_thread.poll_batch(10), []);
        assert_eq!(seen, store.query(&Region::all()));
        assert_eq!(of_one, store.stream("thread:2"));
    });
    // What comes later is seen too, by the same cursor that found nothing before.
    let mut cursor = store.cursor_guaranteed(&Region::entity("later"));
    assert_eq!(cursor.poll(), None);
    let receipts = append_numbers(&store, "later", 0..3);
    for receipt in receipts {
        assert_eq!(cursor.poll().unwrap().event_id, receipt.event_id);
    }
    assert_eq!(cursor.try_poll().unwrap(), None);
}

#[test]
fn a_poll_of_nothing_takes_nothing() {
    let directory = temporary();
    let store = open(directory.path());
    append_numbers(&store, "a", 0..3);
    let mut cursor = store.cursor_guaranteed(&Region::all());
    assert_eq!(cursor.poll_batch(0), []);
    assert_eq!(cursor.poll_batch(usize::MAX).len(), 3);
}

#[test]
fn two_cursors_do_not_know_of_each_other() {
    let directory = temporary();
    let store = open(directory.path());
    append_numbers(&store, "a", 0..10);
    let mut one = store.cursor_guaranteed(&Region::all());
    let mut other = store.cursor_guaranteed(&Region::all().with_clock_range((3, 5)));
    assert_eq!(one.poll_batch(7).len(), 7);
    assert_eq!(other.poll_batch(7).len(), 3);
    assert_eq!(one.poll_batch(7).len(), 3);
}
