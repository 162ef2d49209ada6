//! Whatever is done to the files of a store, nothing is lost or changed in silence.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on has failed"
)]

#[path = "mod.rs"]
mod vandal;

use vandal::cached::damage_cache;
use vandal::campaign::{Site, Tally, flip, operate, replace, tear_beside};
use vandal::verdict::Verdict;

/// Another seed is another store, and other places in its files.
const SEED: u64 = 1;

fn check(tally: &Tally, at_least: usize) {
    println!("{} damages: {:?}", tally.count(), tally.verdicts);
    let failures = tally.failures.join("\n");
    let count = tally.failures.len();
    assert!(tally.failures.is_empty(), "{count} failures:\n{failures}");
    assert!(tally.count() >= at_least, "only {} damages", tally.count());
}

#[test]
fn files_are_removed_exchanged_copied_and_cut() {
    check(&operate(&Site::new(SEED), SEED, false, 9), 150);
}

#[test]
fn the_same_on_a_real_disk() {
    check(&operate(&Site::new(SEED), SEED, true, 41), 40);
}

#[test]
fn directories_and_links_stand_in_the_place_of_files() {
    check(&replace(&Site::new(SEED)), 100);
}

#[test]
fn bits_are_flipped() {
    check(&flip(&Site::new(SEED), SEED, 16_411), 150);
}

#[test]
fn the_highest_number_is_set_aside_already() {
    let aside = format!("recovered/{}-000001-168.torn", u64::MAX);
    assert_eq!(tear_beside(&Site::new(SEED), &aside), Ok(Verdict::Repaired));
}

#[test]
fn files_of_a_projection_cache_are_damaged() {
    check(&damage_cache(SEED, 7), 50);
}
