//! A caller that would rather not wait is told to come back where the writer has much to do, and
//! nothing of what it brought is kept.

use crate::harness::*;
use batpak::prelude::*;

#[test]
fn a_writer_that_idles_takes_everything() {
    let directory = temporary();
    let store = open(directory.path());
    let pressure = store.writer_pressure();
    assert!(pressure.is_idle());
    assert_eq!((pressure.queue_len, pressure.headroom()), (0, 4096));
    assert_eq!(pressure.utilization(), 0.0);
    let single = store.try_submit(&at("a"), KIND, &0u64).unwrap();
    single.into_result().unwrap().wait().unwrap();
    let batch = store.try_submit_batch(vec![item("a", 1), item("a", 2)]);
    let batch = batch.unwrap().into_result().unwrap();
    assert_eq!(batch.wait().unwrap().len(), 2);
    let empty = store.try_submit_batch(Vec::new()).unwrap();
    assert_eq!(empty.into_result().unwrap().wait().unwrap(), []);
    let keyed = AppendOptions::new().with_idempotency(9);
    for _ in 0..2 {
        let tried = store.try_submit_with_options(&at("a"), KIND, &3u64, keyed);
        let receipt = tried.unwrap().into_result().unwrap().wait().unwrap();
        assert_eq!(receipt.event_id, 9);
    }
    assert_eq!(numbers(&store, "a"), [0, 1, 2, 3]);
}

/// On a machine that is stepped, nothing leaves the writer's mailbox until somebody waits.
#[cfg(feature = "testkit")]
mod that_is_held_up {
    use super::*;
    use batpak::testkit::Machine;

    const MEBIBYTE: usize = 1024 * 1024;

    fn assert_retry<T>(outcome: Result<Outcome<T>, StoreError>, told: &str) {
        let Outcome::Retry {
            after_ms, reason, ..
        } = outcome.unwrap()
        else {
            panic!("it was not turned away");
        };
        assert!(after_ms > 0);
        assert!(reason.contains(told), "{reason}");
    }

    #[test]
    fn from_the_threshold_on() {
        for (threshold_pct, free) in [(1, 1), (50, 4), (51, 5), (75, 6), (100, 8)] {
            let configured = StoreConfig::new("store")
                .with_writer_channel_capacity(8)
                .with_writer_pressure_retry_threshold_pct(threshold_pct);
            let store = Machine::new(1).open(configured).unwrap();
            let mut tickets = Vec::new();
            for number in 0..free as u64 {
                assert_eq!(store.writer_pressure().queue_len, tickets.len());
                let tried = store.try_submit(&at("a"), KIND, &number).unwrap();
                tickets.push(tried.into_result().unwrap());
            }
            let pressure = store.writer_pressure();
            assert_eq!((pressure.queue_len, pressure.capacity), (free, 8));
            assert_eq!(pressure.headroom(), 8 - free);
            assert!(pressure.utilization() * 100.0 >= f64::from(threshold_pct));
            let told = format!("{free} of 8");
            assert_retry(store.try_submit(&at("a"), KIND, &99u64), &told);
            let reaction = store.try_submit_reaction(&at("a"), KIND, &99u64, 1, 2);
            assert_retry(reaction, &told);
            assert_retry(store.try_submit_batch(vec![item("a", 99)]), &told);
            let empty = store.try_submit_batch(Vec::new()).unwrap();
            assert!(empty.is_ok(), "nothing has to be submitted");
            for ticket in tickets {
                ticket.wait().unwrap();
            }
            assert!(store.writer_pressure().is_idle());
            let again = store.try_submit(&at("a"), KIND, &(free as u64));
            again.unwrap().into_result().unwrap().wait().unwrap();
            assert_eq!(numbers(&store, "a"), (0..=free as u64).collect::<Vec<_>>());
        }
    }

    #[test]
    fn where_the_bytes_that_wait_are_too_many() {
        let configured = StoreConfig::new("store").with_single_append_max_bytes(64 * 1024 * 1024);
        let store = Machine::new(1).open(configured).unwrap();
        let text = |bytes: usize| "x".repeat(bytes);
        let big = store.submit(&at("a"), KIND, &text(60 * MEBIBYTE)).unwrap();
        let small = store.try_submit(&at("a"), KIND, &text(MEBIBYTE)).unwrap();
        let small = small.into_result().unwrap();
        let try_more = || store.try_submit(&at("a"), KIND, &text(8 * MEBIBYTE));
        assert_retry(try_more(), "2 of 4096");
        let mut batches = Vec::new();
        loop {
            let plain = (AppendOptions::new(), CausationRef::None);
            let text = text(MEBIBYTE - 5);
            let item = BatchAppendItem::new(at("a"), KIND, &text, plain.0, plain.1);
            match store.try_submit_batch(vec![item.unwrap()]).unwrap() {
                Outcome::Ok(ticket) => batches.push(ticket),
                turned_away => break assert_retry(Ok(turned_away), "of 4096"),
            }
            assert!(batches.len() < 4, "over the budget");
        }
        big.wait().unwrap();
        small.wait().unwrap();
        let again = try_more().unwrap().into_result().unwrap();
        again.wait().unwrap();
    }
}
