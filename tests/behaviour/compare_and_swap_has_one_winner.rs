//! An append that expects a clock is stored only if the entity is there; of those who race for one
//! clock exactly one wins.

use crate::harness::*;
use batpak::prelude::*;

fn cas(clock: u32) -> AppendOptions {
    AppendOptions::new().with_cas(clock)
}

fn append(store: &Store, entity: &str, options: AppendOptions) -> Result<u32, StoreError> {
    let receipt = store.append_with_options(&at(entity), KIND, &0u64, options)?;
    assert_eq!(receipt.replay, None);
    Ok(receipt.clock)
}

#[test]
fn sixteen_threads_race_for_each_clock() {
    let directory = temporary();
    let store = open(directory.path());
    append(&store, "a", AppendOptions::new()).unwrap();
    let rounds = u32::try_from(scaled(200)).unwrap();
    for clock in 0..rounds {
        let outcomes = race(16, |thread| {
            let number = u64::from(clock) * 100 + thread as u64;
            store.append_with_options(&at("a"), KIND, &number, cas(clock))
        });
        let won: Vec<_> = outcomes.iter().flatten().collect();
        assert_eq!(won.len(), 1, "clock {clock}: {outcomes:?}");
        assert_eq!(won[0].clock, clock + 1);
        for lost in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
            let StoreError::SequenceMismatch {
                entity,
                expected,
                actual,
            } = lost
            else {
                panic!("clock {clock}: {lost}");
            };
            assert_eq!(
                (entity.as_str(), *expected, *actual),
                ("a", clock, clock + 1)
            );
            assert!(lost.to_string().contains("CAS failed"), "{lost}");
            assert!(lost.certainly_not_written() && !lost.is_retryable());
        }
    }
    let clocks: Vec<_> = store.stream("a").iter().map(|entry| entry.clock).collect();
    assert_eq!(clocks, (0..=rounds).collect::<Vec<_>>());
    assert_sound(&store, clocks.len());
}

#[test]
fn on_an_empty_entity_every_clock_fails() {
    let directory = temporary();
    let store = open(directory.path());
    for clock in [0, 1, u32::MAX - 1, u32::MAX] {
        let error = append(&store, "a", cas(clock)).unwrap_err();
        let StoreError::SequenceMismatch { actual, .. } = error else {
            panic!("{error}")
        };
        assert_eq!(actual, StoreError::NO_EVENTS);
    }
    assert_eq!(store.stats().event_count, 0);
}

#[test]
fn an_entity_can_be_expected_to_be_empty() {
    let directory = temporary();
    let store = open(directory.path());
    let empty = AppendOptions::new().with_expect_empty();
    for entity in ["a", "b"] {
        let outcomes = race(16, |_| append(&store, entity, empty));
        assert_eq!(outcomes.iter().flatten().collect::<Vec<_>>(), [&0]);
        for lost in outcomes.into_iter().filter_map(Result::err) {
            let StoreError::EntityNotEmpty { actual: 0, .. } = lost else {
                panic!("{lost}")
            };
            assert!(lost.to_string().contains("CAS failed"), "{lost}");
        }
    }
    assert_sound(&store, 2);
}

#[test]
fn the_clock_is_the_entitys_across_its_scopes_and_across_reopening() {
    let directory = temporary();
    let store = open(directory.path());
    let (one, other) = (
        Coordinate::new("a", "one").unwrap(),
        Coordinate::new("a", "other").unwrap(),
    );
    store.append(&one, KIND, &0).unwrap();
    store.append_with_options(&other, KIND, &1, cas(0)).unwrap();
    store
        .append_with_options(&one, KIND, &2, cas(0))
        .unwrap_err();
    store.close().unwrap();
    let store = open(directory.path());
    store
        .append_with_options(&one, KIND, &2, cas(0))
        .unwrap_err();
    let receipt = store.append_with_options(&one, KIND, &2, cas(1)).unwrap();
    assert_eq!(receipt.clock, 2);
    // Another entity is not touched by any of this.
    assert_eq!(
        append(&store, "b", AppendOptions::new().with_expect_empty()).unwrap(),
        0
    );
}

#[test]
fn a_refusal_in_a_queue_is_judged_by_what_stands_before_it() {
    let directory = temporary();
    let store = open(directory.path());
    let tickets: Vec<_> = (0..100u32)
        .map(|number| {
            let expected = if number == 0 {
                AppendOptions::new().with_expect_empty()
            } else {
                cas(number - 1)
            };
            store
                .submit_with_options(&at("a"), KIND, &number, expected)
                .unwrap()
        })
        .collect();
    for (clock, ticket) in (0..).zip(tickets) {
        assert_eq!(ticket.wait().unwrap().clock, clock);
    }
}

#[test]
fn items_of_a_batch_can_expect_the_clocks_that_the_batch_itself_makes() {
    let directory = temporary();
    let store = open(directory.path());
    let items = |first: AppendOptions| {
        vec![
            item_with("a", 0, first, CausationRef::None),
            item_with(
                "b",
                1,
                AppendOptions::new().with_expect_empty(),
                CausationRef::None,
            ),
            item_with("a", 2, cas(0), CausationRef::None),
        ]
    };
    let error = store.append_batch(items(cas(0))).unwrap_err();
    let StoreError::BatchFailed {
        item_index: 0,
        stage: BatchStage::Validation,
        source,
    } = error
    else {
        panic!("{error}");
    };
    assert!(
        matches!(*source, StoreError::SequenceMismatch { .. }),
        "{source}"
    );
    assert_eq!(store.stats().event_count, 0);
    let receipts = store
        .append_batch(items(AppendOptions::new().with_expect_empty()))
        .unwrap();
    let clocks: Vec<_> = receipts.iter().map(|receipt| receipt.clock).collect();
    assert_eq!(clocks, [0, 0, 1]);
    let error = store.append_batch(vec![
        item("c", 0),
        item_with("a", 3, cas(0), CausationRef::None),
    ]);
    let StoreError::BatchFailed { item_index: 1, .. } = error.unwrap_err() else {
        panic!()
    };
    assert_eq!(store.stream("c").len(), 0);
    assert_sound(&store, 3);
}
