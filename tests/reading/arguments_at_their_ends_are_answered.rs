//! Limits, sequences, times, ids and regions at their ends and beyond are answered like any other:
//! nothing panics, hangs, or takes memory for what is not there.

use crate::harness::*;
use batpak::coordinate::MAX_COORDINATE_COMPONENT_LEN;
use batpak::prelude::*;
use batpak::store::NativeCache;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

const ENDS: [u64; 4] = [0, 1, u64::MAX - 1, u64::MAX];
const EVENTS: usize = 6;

/// Three events of two entities each, at both ends of the ids, in memory and on disk.
fn check(test: impl Fn(&Store)) {
    let directory = temporary();
    let store = open(directory.path());
    for (number, key) in [0, 1, 2, u128::MAX - 2, u128::MAX - 1, u128::MAX]
        .into_iter()
        .enumerate()
    {
        let options = AppendOptions::new().with_idempotency(key);
        let entity = at(["a", "b"][number % 2]);
        store
            .append_with_options(&entity, KIND, &number, options)
            .unwrap();
    }
    test(&store);
    store.close().unwrap();
    test(&open(directory.path()));
}

#[test]
fn walks_that_begin_or_end_anywhere() {
    check(|store| {
        for from in ENDS {
            for until in ENDS {
                let walk = || store.events(&Region::all(), from).until(until);
                let upper = usize::try_from(until).unwrap().min(EVENTS);
                let expected = upper.saturating_sub(usize::try_from(from).unwrap());
                assert_eq!(walk().count(), expected, "{from} to {until}");
                assert_eq!(walk().rev().count(), expected, "{until} back to {from}");
            }
        }
        let mut walk = store.events(&Region::all(), u64::MAX);
        assert!(walk.next().is_none() && walk.next_back().is_none());
    });
}

#[test]
fn limits_of_nothing_and_of_more_than_there_is() {
    check(|store| {
        let entry = &store.stream("a")[2];
        for (limit, ancestors) in [(0, 0), (1, 1), (usize::MAX, 3)] {
            let walked = store.walk_ancestors(entry.event_id, limit);
            assert_eq!(walked.len(), ancestors);
            assert_eq!(store.causes(entry.event_id, limit), []);
            assert_eq!(store.effects(entry.event_id, limit), []);
        }
        for (max, found) in [(0, 0), (1, 1), (usize::MAX, EVENTS)] {
            let mut cursor = store.cursor_guaranteed(&Region::all());
            assert_eq!(cursor.poll_batch(max).len(), found);
            // A poll of nothing has passed nothing over.
            assert_eq!(cursor.poll_batch(usize::MAX).len(), EVENTS - found);
            assert_eq!(cursor.try_poll_batch(usize::MAX).unwrap(), []);
        }
    });
}

#[test]
fn ids_that_are_not_there() {
    check(|store| {
        for id in [3, 1 << 64, u128::MAX / 2, u128::MAX - 3] {
            let not_found = |error: Option<StoreError>| {
                assert!(matches!(error, Some(StoreError::NotFound(named)) if named == id));
            };
            not_found(store.get(id).err());
            not_found(store.get_raw(id).err());
            not_found(store.get_as::<u64>(id).err());
            not_found(store.read_raw(id).err());
            not_found(store.read_with(id, |_| panic!("of what?")).err());
            not_found(store.ancestors(id).err());
            not_found(store.try_walk_ancestors(id, 1).err());
            not_found(store.try_causes(id, 1).err());
            not_found(store.try_effects(id, 1).err());
            assert_eq!(store.walk_ancestors(id, usize::MAX), []);
            assert_eq!(store.causes(id, usize::MAX), []);
            assert_eq!(store.effects(id, usize::MAX), []);
        }
        for id in [0, u128::MAX] {
            assert_eq!(store.get(id).unwrap().event.event_id(), id);
        }
        assert_eq!(store.diagnostics().read_fault, None);
    });
}

/// Regions that no event is in.
fn empty_regions() -> Vec<Region> {
    let long = "a".repeat(MAX_COORDINATE_COMPONENT_LEN + 1);
    let all = Region::all;
    vec![
        Region::entity("c"),
        Region::entity(&long),
        Region::entity_exact(""),
        Region::entity_exact(&long),
        Region::scope(""),
        Region::scope(&long),
        Region::entity_exact("a").with_scope("elsewhere"),
        all().with_fact_category(0x1),
        all().with_fact_category(0x1F),
        all().with_fact(KindFilter::Exact(EventKind::SYSTEM_BATCH_BEGIN)),
        all().with_clock_range((3, u32::MAX)),
        all().with_clock_range((u32::MAX, u32::MAX)),
        all().with_clock_range((1, 0)),
        all().with_clock_range((u32::MAX, 0)),
    ]
}

#[test]
fn regions_that_nothing_is_in() {
    check(|store| {
        for region in empty_regions() {
            assert_eq!(store.query(&region), [], "{region:?}");
            assert_eq!(store.try_query(&region).unwrap(), []);
            assert_eq!(store.events(&region, 0).count(), 0, "{region:?}");
            assert_eq!(store.events(&region, 0).rev().count(), 0, "{region:?}");
            assert_eq!(store.cursor_guaranteed(&region).poll(), None);
            let mut follow = store.follow(&region).unwrap();
            assert!(matches!(follow.recv().unwrap(), Followed::CaughtUp));
            assert!(follow.try_recv().unwrap().is_none());
            assert!(follow.recv_timeout(Duration::ZERO).unwrap().is_none());
        }
        for name in ["", "c", &"a".repeat(5000)] {
            assert_eq!(store.stream(name), []);
            assert_eq!(store.by_scope(name), []);
            assert_eq!(store.entity_generation(name), None);
            let nothing = store.project::<Count>(name, &Freshness::Consistent);
            assert!(nothing.unwrap().is_none());
        }
        assert_eq!(store.by_fact(EventKind::TOMBSTONE), []);
        assert_eq!(store.diagnostics().read_fault, None);
    });
}

#[test]
fn subscribers_of_nothing_hear_nothing() {
    check(|store| {
        // A region of late clocks may be met by what comes.
        let regions = empty_regions().into_iter();
        let regions = regions.filter(|region| region.clock_range != Some((3, u32::MAX)));
        let subscribed: Vec<_> = regions
            .map(|region| store.subscribe_lossy(&region))
            .collect();
        let heard = store.subscribe_lossy(&Region::entity_exact("d"));
        store.append(&at("d"), KIND, &0).unwrap();
        assert!(heard.recv().is_some());
        for subscription in subscribed {
            assert!(subscription.receiver().is_empty());
            assert_eq!(subscription.lost(), 0);
        }
    });
}

/// How many events an entity has had.
#[derive(Default, Serialize, Deserialize)]
struct Count(u64);

impl EventSourced for Count {
    type Input = ValueInput;

    fn from_events(events: &[ProjectionEvent<Self>]) -> Option<Self> {
        (!events.is_empty()).then_some(Self(events.len() as u64))
    }

    fn apply_event(&mut self, _: &ProjectionEvent<Self>) {
        self.0 += 1;
    }

    fn relevant_event_kinds() -> &'static [EventKind] {
        &[KIND]
    }
}

#[test]
fn staleness_and_generations_at_their_ends() {
    let directory = temporary();
    let cache = NativeCache::open(directory.path().join("cache")).unwrap();
    let config = StoreConfig::new(directory.path().join("store"));
    let store = Store::open_with_cache(config, Box::new(cache)).unwrap();
    append_numbers(&store, "a", 0..3);
    let count = |freshness: Freshness| store.project::<Count>("a", &freshness).unwrap().unwrap().0;
    assert_eq!(count(Freshness::Consistent), 3);
    append_numbers(&store, "a", 3..4);
    // No state is ever too old, and every state is.
    for max_stale_ms in [u64::MAX, u64::MAX - 1, 1 << 61] {
        assert_eq!(count(Freshness::MaybeStale { max_stale_ms }), 3);
    }
    assert_eq!(count(Freshness::MaybeStale { max_stale_ms: 0 }), 4);
    let freshness = &Freshness::Consistent;
    for generation in ENDS {
        let changed = store.project_if_changed::<Count>("a", generation, freshness);
        assert!(changed.unwrap().is_some(), "{generation}");
    }
    let same = store.project_if_changed::<Count>("a", 4, freshness);
    assert!(same.unwrap().is_none());
}

#[test]
fn waits_and_batches_without_a_limit() {
    let directory = temporary();
    let store = Arc::new(open(directory.path()));
    append_numbers(&store, "a", 0..3);
    let mut follow = store.follow(&Region::all()).unwrap();
    for _ in 0..3 {
        let followed = follow.recv_timeout(Duration::MAX).unwrap();
        assert!(matches!(followed, Some(Followed::Event(_))));
    }
    let caught_up = follow.recv_timeout(Duration::MAX).unwrap();
    assert!(matches!(caught_up, Some(Followed::CaughtUp)));
    let (handed, handled) = std::sync::mpsc::channel();
    let config = CursorWorkerConfig {
        batch_size: usize::MAX,
        idle_sleep: Duration::MAX,
        restart: RestartPolicy::Bounded {
            max_restarts: u32::MAX,
            within_ms: u64::MAX,
        },
    };
    let mut panicked = false;
    let worker = store
        .cursor_worker(&Region::all(), config, move |entries, _| {
            if !std::mem::replace(&mut panicked, true) {
                panic!("wanted: the batch comes again");
            }
            let _ = handed.send(entries.len());
            CursorWorkerAction::Continue
        })
        .unwrap();
    assert_eq!(handled.recv_timeout(HANG).unwrap(), 3);
    // It idles now, and is woken.
    append_numbers(&store, "a", 3..4);
    assert_eq!(handled.recv_timeout(HANG).unwrap(), 1);
    worker.join().unwrap();
    let mut taken = store.subscribe_lossy(&Region::all()).ops().take(usize::MAX);
    let mut none = store.subscribe_lossy(&Region::all()).ops().take(0);
    append_numbers(&store, "a", 4..5);
    assert!(taken.recv().is_some());
    assert!(none.recv().is_none());
}
