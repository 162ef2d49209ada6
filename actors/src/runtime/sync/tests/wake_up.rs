//! The wake-up is the same code in a model; here it runs on real threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::runtime::sync::WakeUp;

#[test]
fn a_token_that_was_left_ends_the_next_park_at_once() {
    let wake_up = WakeUp::new();
    assert!(!wake_up.take());
    wake_up.wake();
    assert!(wake_up.is_left());
    wake_up.park(None);
    assert!(wake_up.take());
    assert!(!wake_up.take());
}

#[test]
fn a_park_with_a_limit_ends_by_time_and_leaves_no_token() {
    let wake_up = WakeUp::new();
    wake_up.park(Some(Duration::from_micros(10)));
    assert!(!wake_up.is_parked());
    assert!(!wake_up.take());
}

#[test]
fn no_wake_up_is_missed() {
    const ROUNDS: usize = 10_000;
    let wake_up = Arc::new(WakeUp::new());
    let work = Arc::new(AtomicUsize::new(0));
    let giver = {
        let (wake_up, work) = (Arc::clone(&wake_up), Arc::clone(&work));
        std::thread::spawn(move || {
            for _ in 0..ROUNDS {
                work.fetch_add(1, Ordering::AcqRel);
                wake_up.wake();
            }
        })
    };
    let mut done = 0;
    while done < ROUNDS {
        wake_up.take();
        let found = work.swap(0, Ordering::AcqRel);
        done += found;
        if found == 0 {
            wake_up.park(None);
        }
    }
    giver.join().unwrap();
}
