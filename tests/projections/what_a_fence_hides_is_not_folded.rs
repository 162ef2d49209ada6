//! A projection and its watcher see the events of a visibility fence when it commits, and never
//! those of one that was cancelled.

use crate::harness::*;
use crate::states::*;
use batpak::prelude::*;
use std::sync::Arc;

#[test]
fn until_it_commits() {
    let directory = temporary();
    let cache = Looked::default();
    let configured = config(directory.path()).with_incremental_projection(true);
    let store = Store::open_with_cache(configured, Box::new(cache)).unwrap();
    let store = Arc::new(store);
    let mut watcher = store.watch_projection::<Numbers>("a", Freshness::Consistent);
    append_numbers(&store, "a", 0..2);
    let generation = |since| {
        let consistent = &Freshness::Consistent;
        let changed = store.project_if_changed::<Numbers>("a", since, consistent);
        changed.unwrap().map(|(generation, _)| generation)
    };
    let mut expected = vec![0, 1];
    for round in 0..6u64 {
        let seen = generation(0).unwrap();
        let fence = store.begin_visibility_fence().unwrap();
        for number in [100, 200] {
            let ticket = fence.submit(&at("a"), KIND, &(number + round)).unwrap();
            ticket.wait_durable().unwrap();
        }
        assert_eq!(projected(&store, "a"), expected);
        assert_eq!(
            project::<Carried, _>(&store, "a").unwrap().numbers,
            expected
        );
        assert_eq!(generation(seen), None);
        if round % 2 == 0 {
            fence.cancel().unwrap();
            assert_eq!(generation(seen), None);
        } else {
            fence.commit().unwrap();
            expected.extend([100 + round, 200 + round]);
            assert!(generation(seen).is_some());
            let told = watcher.subscription().receiver().recv_timeout(HANG);
            assert!(told.is_ok(), "a watcher is woken");
            assert_eq!(watcher.recv().unwrap().unwrap().numbers, expected);
        }
        assert_eq!(projected(&store, "a"), expected);
        assert_eq!(
            project::<Carried, _>(&store, "a").unwrap().numbers,
            expected
        );
    }
    close(store);
    assert_eq!(watcher.recv().unwrap(), None);
    assert_eq!(projected(&open(directory.path()), "a"), expected);
}
