//! New events follow those of version 1, and what depends on them works as if all were new.

use crate::harness::*;
use batpak::prelude::*;
use serde_json::{Value, json};

const KIND: EventKind = EventKind::custom(0x2, 2);

fn order() -> Coordinate {
    Coordinate::new("order:1", "shop").unwrap()
}

fn id_of(line: &Value) -> u128 {
    u128::from_str_radix(line["id"].as_str().unwrap(), 16).unwrap()
}

fn last_of<'l>(lines: &'l [Value], entity: &str) -> Option<&'l Value> {
    lines.iter().rfind(|line| line["entity"] == entity)
}

fn clock_of(line: &Value) -> u32 {
    u32::try_from(line["clock"].as_u64().unwrap()).unwrap()
}

#[test]
fn in_a_new_segment_behind_all_others() {
    for fixture in FIXTURES {
        let files = files_of(fixture);
        let directory = directory_of(&files);
        let old = listing_of(fixture);
        let mut segments = files.keys().filter_map(|name| name.strip_suffix(".fbat"));
        let newest: u64 = segments.next_back().unwrap().parse().unwrap();
        let mut all = Vec::new();
        for round in 0..3 {
            let store = open(directory.path());
            let receipt = store
                .append(&order(), KIND, &json!({"round": round}))
                .unwrap();
            assert!(receipt.disk_pos.segment_id > newest, "{fixture}");
            let beside = open_read_only(directory.path());
            all = listing(&store);
            assert_same(&listing(&beside), &all, fixture);
            store.close().unwrap();
            assert_untouched(&files, directory.path(), fixture);
        }
        assert_same(&all[..old.len()], &old, fixture);
        assert_eq!(all.len(), old.len() + 3, "{fixture}");
        let sequences: Vec<_> = all.iter().map(|line| line["sequence"].as_u64()).collect();
        assert!(
            sequences.is_sorted_by(|a, b| a < b),
            "{fixture}: {sequences:?}"
        );
        let times: Vec<_> = all.iter().map(|line| line["wall_ms"].as_u64()).collect();
        let latest = times[..old.len()].iter().max();
        assert!(
            latest.is_none_or(|latest| *latest <= times[old.len()]),
            "{fixture}"
        );

        let store = open_read_only(directory.path());
        let found = store.verify().unwrap();
        assert_eq!(found.first_bad, None, "{fixture}");
        assert_eq!(found.version1_events, old.len() as u64, "{fixture}");
        assert_eq!(found.events, all.len() as u64, "{fixture}");
        let mut cursor = store.cursor_guaranteed(&Region::all());
        assert_eq!(cursor.poll_batch(1000).len(), all.len(), "{fixture}");
    }
}

#[test]
fn with_the_next_clock_and_the_hash_of_the_event_before() {
    for fixture in ["closed", "crashed", "unfinished-batch", "compacted"] {
        let directory = directory_of(&files_of(fixture));
        let old = listing_of(fixture);
        let last = last_of(&old, "order:1").unwrap();
        let store = open(directory.path());
        let receipt = store.append(&order(), KIND, &1).unwrap();
        assert_eq!(receipt.clock, clock_of(last) + 1, "{fixture}");
        let all = listing(&store);
        assert_eq!(
            all.last().unwrap()["prev_hash"],
            last["event_hash"],
            "{fixture}"
        );
        store.close().unwrap();
    }
}

#[test]
fn and_every_old_id_is_a_key_that_was_used() {
    for fixture in FIXTURES {
        let directory = directory_of(&files_of(fixture));
        let old = listing_of(fixture);
        for round in ["taken over now", "taken over before"] {
            let store = open(directory.path());
            for line in &old {
                let options = AppendOptions::new().with_idempotency(id_of(line));
                let receipt = store
                    .append_with_options(&order(), KIND, &"again", options)
                    .unwrap();
                assert!(receipt.replay.is_some(), "{fixture}, {round}");
                assert_eq!(receipt.event_id, id_of(line), "{fixture}, {round}");
                assert_eq!(Some(receipt.sequence), line["sequence"].as_u64());
                assert_eq!(receipt.clock, clock_of(line));
            }
            assert_eq!(store.stats().event_count, old.len(), "{fixture}, {round}");
            store.close().unwrap();
        }
    }
}

#[test]
fn and_an_old_clock_is_compared_and_swapped() {
    let directory = directory_of(&files_of("closed"));
    let clock = clock_of(last_of(&listing_of("closed"), "order:1").unwrap());
    let store = open(directory.path());
    let stale = AppendOptions::new().with_cas(clock.wrapping_sub(1));
    let refused = store.append_with_options(&order(), KIND, &1, stale);
    assert!(matches!(
        refused,
        Err(StoreError::SequenceMismatch { actual, .. }) if actual == clock
    ));
    let not_empty = AppendOptions::new().with_expect_empty();
    store
        .append_with_options(&order(), KIND, &1, not_empty)
        .unwrap_err();
    let right = AppendOptions::new().with_cas(clock);
    let receipt = store
        .append_with_options(&order(), KIND, &1, right)
        .unwrap();
    assert_eq!(receipt.clock, clock + 1);
    store.close().unwrap();
}

#[test]
fn over_many_openings_which_merge_new_segments_only() {
    // Segments of about the size of what was taken over, so that they would be merged with it.
    for (fixture, appends) in [("empty", 1), ("kinds-of-marks", 8), ("closed", 50)] {
        let files = files_of(fixture);
        let directory = directory_of(&files);
        let mut taken_over = Vec::new();
        for session in 0..20 {
            let store = open(directory.path());
            for number in 0..appends {
                store.append(&order(), KIND, &(session, number)).unwrap();
            }
            store.close().unwrap();
            taken_over.push(files_in(directory.path()).remove(TAKEN_OVER).unwrap());
        }
        taken_over.dedup();
        assert_eq!(taken_over.len(), 1, "{fixture}: it was rewritten");
        assert_untouched(&files, directory.path(), fixture);
        let now = files_in(directory.path());
        let merged = |name: &&String| name.contains('-') && name.ends_with(".fbat");
        assert!(
            now.keys().filter(merged).count() > 1,
            "{fixture}: nothing was merged"
        );
        let store = open(directory.path());
        let old = listing_of(fixture);
        assert_same(&listing(&store)[..old.len()], &old, fixture);
        assert_eq!(store.stats().event_count, old.len() + 20 * appends);
        assert_eq!(store.verify().unwrap().first_bad, None);
    }
}

#[test]
fn and_a_reader_that_came_before_shows_what_was_there_then() {
    let directory = directory_of(&files_of("closed"));
    let before = open_read_only(directory.path());
    let store = open(directory.path());
    store.append(&order(), KIND, &1).unwrap();
    before.refresh().unwrap();
    assert_same(&listing(&before), &listing_of("closed"), "in memory");
    let beside = open_read_only(directory.path());
    store.append(&order(), KIND, &2).unwrap();
    beside.refresh().unwrap();
    assert_eq!(listing(&beside).len(), 52);
    store.close().unwrap();
}
