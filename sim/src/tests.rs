//! The machinery is tested too: it repeats, it strikes, it finds and it shrinks.

use crate::campaign::{Seeds, Until, try_share};
use crate::properties;
use crate::property::{Property, Tier, Trial};
use crate::scenario::{Scenario, Trouble};
use crate::shrink::shrink;
use indicatif::ProgressBar;
use std::collections::BTreeSet;

#[test]
fn every_property_has_a_name_of_its_own_and_more_to_do_at_each_tier() {
    let all = properties::all();
    let names: BTreeSet<_> = all.iter().map(|property| property.name).collect();
    assert_eq!(names.len(), all.len());
    for property in &all {
        let counts = [Tier::Pr, Tier::Nightly, Tier::Release].map(|tier| property.target(tier));
        assert!(0 < counts[0] && counts[0] < counts[1] && counts[1] < counts[2]);
    }
}

#[test]
fn a_seed_does_the_same_each_time() {
    for seed in 0..20 {
        let scenario = Scenario::drawn(seed, |_, _| {}).with_images(3, 1, 1);
        let runs = [scenario.run(true), scenario.run(true)];
        let [first, second] = runs.map(|outcome| {
            outcome.result.unwrap();
            let images = outcome.tally.images;
            (outcome.trace, images.images, images.nested, images.retries)
        });
        assert_eq!(first, second, "seed {seed}");
    }
}

#[test]
fn every_trouble_strikes() {
    use batpak::testkit::{FsCall, Noise, When};
    use std::io::ErrorKind;
    let kind = ErrorKind::Other;
    let noise = Noise {
        seed: 1,
        short_write: 100,
        interrupted: 100,
        ..Noise::default()
    };
    let troubles = [
        Trouble::Noise(noise),
        Trouble::Sync {
            call: FsCall::SyncAll,
            nth: 1,
        },
        Trouble::Call { index: 5, kind },
        Trouble::CallAfter { index: 5, kind },
        Trouble::Calls { index: 5, kind },
        Trouble::PanicInCall {
            index: 5,
            when: When::Middle,
        },
        Trouble::PanicAtMoment { index: 5 },
    ];
    for trouble in troubles {
        let struck: u64 = (0..10)
            .map(|seed| {
                let scenario = Scenario::drawn(seed, |knobs, _| knobs.crashes = 0);
                let outcome = scenario.with_trouble(trouble).run(false);
                outcome
                    .result
                    .unwrap_or_else(|text| panic!("{trouble:?}: {text}"));
                outcome.struck
            })
            .sum();
        assert!(
            struck >= 9,
            "{trouble:?} has struck {struck} times in ten worlds"
        );
    }
}

/// A model that allows no loss, of a store that may lose twelve events.
fn wrong(seed: u64) -> Scenario {
    let mut scenario = Scenario::drawn(seed, |knobs, _| knobs.every_n_events = 12);
    scenario.strictness.may_lose_events = 0;
    let mut scenario = scenario.with_images(3, 1, 0);
    scenario.policy.power_only = true;
    scenario
}

#[test]
fn a_broken_promise_is_found_and_shrunk() {
    let property = Property {
        name: "wrong",
        promise: "does not hold",
        unit: "crash images",
        counts: [10_000, 10_000, 10_000],
        trial: Trial::World {
            scenario: wrong,
            count: |outcome| outcome.tally.images.images,
        },
    };
    let seeds = Seeds { first: 0, apart: 1 };
    let until = Until {
        count: 10_000,
        failures: 1,
    };
    let share = try_share(&property, seeds, until, &ProgressBar::hidden());
    let (seed, text) = share.failures.first().unwrap();
    assert!(text.contains("events are lost"), "{text}");
    let (shortest, text, trace) = shrink(&property, *seed).unwrap();
    assert!(text.contains("events are lost"), "{text}");
    assert!(shortest.operations.len() <= 3, "{:?}", shortest.operations);
    assert!(trace.iter().any(|line| line.contains("WriteAt")));
}
