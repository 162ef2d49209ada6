//! A sync or a close that stands in the queue behind appends that store nothing (a repeated key, a
//! failed compare-and-swap) is carried out and answered like any other.

use crate::harness::*;
use batpak::prelude::*;

/// Options of appends that store nothing, for an entity with one event whose key is 1.
fn idle_appends() -> [AppendOptions; 2] {
    [
        AppendOptions::new().with_idempotency(1),
        AppendOptions::new().with_cas(99),
    ]
}

fn with_one_event(directory: &std::path::Path) -> Store {
    let store = open(directory);
    let keyed = AppendOptions::new().with_idempotency(1);
    store
        .append_with_options(&at("a"), KIND, &0u64, keyed)
        .unwrap();
    store
}

#[test]
fn a_sync() {
    let directory = temporary();
    let store = with_one_event(directory.path());
    for round in 0..scaled(2000) {
        let options = idle_appends()[round % 2];
        let ticket = store
            .submit_with_options(&at("a"), KIND, &0u64, options)
            .unwrap();
        let synced = store.sync();
        assert!(synced.is_ok(), "round {round}: {synced:?}");
        assert_eq!(ticket.wait().is_ok(), round % 2 == 0);
    }
    assert_sound(&store, 1);
}

#[test]
fn a_close() {
    for round in 0..scaled(100) {
        within(HANG, "closing behind a repeated key", move || {
            let directory = temporary();
            let store = with_one_event(directory.path());
            let tickets: Vec<_> = (0..50)
                .map(|_| {
                    store.submit_with_options(&at("a"), KIND, &0u64, idle_appends()[round % 2])
                })
                .collect();
            let closed = store.close();
            assert!(closed.is_ok(), "round {round}: {closed:?}");
            for ticket in tickets {
                let answer = ticket
                    .unwrap()
                    .try_check()
                    .expect("answered by the end of close");
                assert_eq!(answer.is_ok(), round % 2 == 0);
            }
            assert!(!open(directory.path()).diagnostics().recovery.unclean);
        });
    }
}
