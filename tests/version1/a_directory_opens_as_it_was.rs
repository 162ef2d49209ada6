//! The same events, ids, order, payloads and coordinates; what a cancelled fence hides is hidden.

use crate::harness::*;
use batpak::prelude::*;

#[test]
fn for_reading_which_writes_nothing() {
    for fixture in FIXTURES {
        let files = files_of(fixture);
        let directory = directory_of(&files);
        let store = open_read_only(directory.path());
        assert_same(&listing(&store), &listing_of(fixture), fixture);
        drop(store);
        assert_eq!(files_in(directory.path()), files, "{fixture}");
    }
}

#[test]
fn for_writing_which_adds_one_segment() {
    for fixture in FIXTURES {
        let files = files_of(fixture);
        let directory = directory_of(&files);
        for round in ["first", "second", "third"] {
            let what = format!("{fixture}, {round} opening");
            let store = open(directory.path());
            assert_same(&listing(&store), &listing_of(fixture), &what);
            let taken_over = store.diagnostics().recovery.version1;
            assert_eq!(taken_over.is_some(), round == "first", "{what}");
            store.close().unwrap();
            assert_untouched(&files, directory.path(), &what);
        }
        let mut added = files_in(directory.path());
        added.retain(|name, _| !files.contains_key(name));
        let added: Vec<_> = added.into_keys().collect();
        assert_eq!(added, [TAKEN_OVER], "{fixture}");
        let store = open_read_only(directory.path());
        assert_same(&listing(&store), &listing_of(fixture), fixture);
    }
}

#[test]
fn whichever_way_it_is_asked() {
    let directory = directory_of(&files_of("closed"));
    let expected = listing_of("closed");
    let of = |field: &str, value: &str| -> Vec<String> {
        let found = expected.iter().filter(|line| line[field] == value);
        found
            .map(|line| line["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let ids = |entries: Vec<IndexEntry>| -> Vec<String> {
        let id = |entry: &IndexEntry| format!("{:032x}", entry.event_id);
        entries.iter().map(id).collect()
    };
    let store = open(directory.path());
    for entity in ["order:1", "cart:7", "ghost:1", "line:2"] {
        assert_eq!(ids(store.stream(entity)), of("entity", entity), "{entity}");
    }
    for scope in ["shop", "audit", "batches"] {
        assert_eq!(ids(store.by_scope(scope)), of("scope", scope), "{scope}");
    }
    let paid = EventKind::custom(0xF, 0x0ABC);
    assert_eq!(ids(store.by_fact(paid)), of("kind", "0xFABC"));
    let mut cursor = store.cursor_guaranteed(&Region::all());
    let all: Vec<_> = expected
        .iter()
        .map(|line| line["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids(cursor.poll_batch(1000)), all);
}

#[test]
fn and_its_chain_is_reported_as_the_weaker_kind() {
    for fixture in FIXTURES {
        let directory = directory_of(&files_of(fixture));
        let count = listing_of(fixture).len() as u64;
        for round in ["in memory", "taken over"] {
            let store = open_read_only(directory.path());
            let found = store.verify().unwrap();
            assert_eq!(found.first_bad, None, "{fixture}, {round}");
            assert_eq!(found.events, count, "{fixture}, {round}");
            assert_eq!(found.version1_events, count, "{fixture}, {round}");
            drop(store);
            open(directory.path()).close().unwrap();
        }
    }
}
