//! The injectors that come with the kit, and what opening asks of one.

use crate::harness::*;
use batpak::prelude::*;
use batpak::store::fault::maybe_inject;
use batpak::store::{
    CountdownAction, CountdownInjector, FaultInjector, InjectionPoint, ProbabilisticInjector,
};
use std::sync::Arc;

const FAIL: CountdownAction = CountdownAction::Fail("asked for");

fn item_at(item_index: usize) -> InjectionPoint {
    InjectionPoint::BatchItemWritten {
        batch_id: 1,
        item_index,
        total_items: 5,
    }
}

const BEGIN: InjectionPoint = InjectionPoint::BatchBeginWritten {
    batch_id: 1,
    item_count: 5,
};
const COMMIT: InjectionPoint = InjectionPoint::BatchCommitWritten { batch_id: 1 };

/// At which of so many passes it fails.
fn failing(injector: &impl FaultInjector, passes: usize) -> Vec<usize> {
    let fails = |pass: &usize| injector.check(item_at(*pass)).is_some();
    (0..passes).filter(fails).collect()
}

#[test]
fn a_countdown_fails_at_the_nth_point_and_from_then_on() {
    assert_eq!(failing(&CountdownInjector::new(3, FAIL), 5), [2, 3, 4]);
    assert_eq!(failing(&CountdownInjector::new(3, FAIL).once(), 5), [2]);
    assert_eq!(failing(&CountdownInjector::new(0, FAIL), 2), [0, 1]);
    let noop = CountdownInjector::new(1, CountdownAction::Noop);
    assert!(failing(&noop, 5).is_empty());
}

#[test]
fn a_countdown_counts_only_what_it_was_told_to() {
    let items = CountdownInjector::after_batch_items(2);
    assert!(items.check(BEGIN).is_none() && items.check(item_at(0)).is_none());
    assert!(items.check(COMMIT).is_none() && items.check(item_at(1)).is_some());
    let begin = CountdownInjector::after_batch_begin();
    assert!(begin.check(item_at(0)).is_none() && begin.check(BEGIN).is_some());
    let commit = CountdownInjector::after_commit_before_fsync();
    assert!(commit.check(BEGIN).is_none() && commit.check(COMMIT).is_some());
}

#[test]
fn a_fault_names_its_text_and_its_point() {
    let error = CountdownInjector::new(1, FAIL).check(COMMIT).unwrap();
    assert!(matches!(&error, StoreError::FaultInjected(_)), "{error}");
    for part in ["asked for", "BatchCommitWritten", "batch_id: 1"] {
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[test]
fn chance_is_what_the_seed_and_the_number_of_the_point_make_it() {
    let seeded = |seed| ProbabilisticInjector::seeded(0.3, FAIL, seed);
    let first = failing(&seeded(7), 1000);
    assert_eq!(first, failing(&seeded(7), 1000));
    assert_ne!(first, failing(&seeded(8), 1000));
    assert!((230..370).contains(&first.len()), "{} of 1000", first.len());
    let drawn = ProbabilisticInjector::new(0.3, FAIL);
    let again = seeded(drawn.seed());
    assert_eq!(failing(&drawn, 1000), failing(&again, 1000));
    // What the filter leaves out draws nothing.
    let filtered = seeded(7).with_filter(|point| name(point) == "BatchItemWritten");
    assert!(filtered.check(COMMIT).is_none());
    assert_eq!(failing(&filtered, 1000), first);
}

#[test]
fn chance_has_ends() {
    let seeded = |probability| ProbabilisticInjector::seeded(probability, FAIL, 1);
    assert!(failing(&seeded(0.0), 100).is_empty());
    assert_eq!(failing(&seeded(1.0), 100).len(), 100);
}

#[test]
fn a_probability_that_is_none_is_refused_at_the_opening() {
    for probability in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        let injector = ProbabilisticInjector::new(probability, FAIL);
        let directory = tempfile::tempdir().unwrap();
        let config = StoreConfig::new(directory.path());
        let refused = Store::open(config.with_fault_injector(Some(Arc::new(injector))));
        let error = refused.unwrap_err();
        assert!(matches!(&error, StoreError::Configuration(_)), "{error}");
        assert!(error.to_string().contains("fault_injector"), "{error}");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}

#[test]
fn an_injector_can_be_asked_by_others() {
    assert!(maybe_inject(COMMIT, &None).is_ok());
    let injector: Option<Arc<dyn FaultInjector>> = Some(Arc::new(CountdownInjector::new(1, FAIL)));
    assert!(maybe_inject(COMMIT, &injector).is_err());
}

#[test]
fn a_configuration_shows_that_it_has_an_injector() {
    let config = StoreConfig::new("somewhere");
    assert!(format!("{config:?}").contains("fault_injector: None"));
    let config = config.with_fault_injector(Some(Arc::new(Recorded::default())));
    assert!(format!("{config:?}").contains("fault_injector: Some(\"configured\")"));
}

/// A store under faults by chance: whatever it says is so, after every opening.
#[test]
fn a_store_under_faults_by_chance_tells_the_truth() {
    let directory = tempfile::tempdir().unwrap();
    let mut stored = 0;
    for seed in 0..30 {
        let injector = Arc::new(ProbabilisticInjector::seeded(0.05, FAIL, seed));
        let config = StoreConfig::new(directory.path())
            .with_segment_max_bytes(2048)
            .with_fault_injector(Some(injector));
        let store = Store::open(config).unwrap();
        assert_sound(&store, stored);
        for number in 0..20 {
            let first = 1 + 1000 * u128::from(seed) + 10 * number;
            let items = || vec![item("a", first), item("b", first + 1)];
            match store.append_batch(items()) {
                Ok(_) => stored += 2,
                Err(error) if error.certainly_not_written() => {}
                Err(_) => {
                    drop(store);
                    // Who does not know asks again.
                    open(directory.path()).append_batch(items()).unwrap();
                    stored += 2;
                    break;
                }
            }
        }
    }
    assert_sound(&open(directory.path()), stored);
    assert!(stored > 30, "{stored}");
}
