//! `snapshot` and `compact`.

use crate::args;
use crate::harness::{Place, batpak, batpak_fed, content, lines};

fn filled(place: &Place, name: &str) -> std::path::PathBuf {
    let store = place.path(name);
    batpak_fed(
        args!["import", "ndjson", "-", &store],
        lines(0, 100).as_bytes(),
    )
    .ok();
    store
}

#[test]
fn a_snapshot_is_a_store_with_the_same_events() {
    let place = Place::new();
    let store = filled(&place, "store");
    let copy = place.path("copy");
    let told = batpak(args!["snapshot", &store, &copy]).ok();
    assert!(told.contains("copied 100 events in 1 segment"), "{told}");
    assert_eq!(content(&copy), content(&store));
    batpak(args!["verify", &copy]).ok();
    let other = place.path("other");
    let told = batpak(args!["snapshot", &store, &other, "--json"]).json();
    assert_eq!(
        (&told["events"], &told["segments"]),
        (&100.into(), &1.into())
    );
    assert!(
        batpak(args!["snapshot", &store, &copy])
            .failed(5)
            .contains("not empty")
    );
    let inside = store.join("copy");
    let refused = batpak(args!["snapshot", &store, &inside]).failed(5);
    assert!(refused.contains("outside"), "{refused}");
    let nothing = place.path("nothing");
    batpak(args!["snapshot", &nothing, &place.path("new")]).failed(3);
}

#[test]
fn an_unfinished_snapshot_is_refused() {
    let place = Place::new();
    let store = filled(&place, "store");
    std::fs::write(store.join("snapshot.unfinished"), "").unwrap();
    assert!(
        batpak(args!["stats", &store])
            .failed(3)
            .contains("not finished")
    );
}

#[test]
fn compacting_merges_and_removes_what_is_old() {
    let place = Place::new();
    let store = filled(&place, "store");
    batpak_fed(
        args!["import", "ndjson", "-", &store],
        lines(100, 200).as_bytes(),
    )
    .ok();
    let before = content(&store);
    let told = batpak(args!["compact", &store]).ok();
    assert!(
        told.contains("wrote 2 segments again, 1 segment now: 0 events removed"),
        "{told}"
    );
    assert_eq!(content(&store), before);
    assert!(
        batpak(args!["compact", &store])
            .ok()
            .contains("nothing to do")
    );
    // Nothing is older than a day; everything is older than this moment.
    let told = batpak(args!["compact", &store, "--remove-older-than", "1"]).ok();
    assert!(told.contains("nothing to do"), "{told}");
    let gone = args![
        "compact",
        &store,
        "--remove-older-than",
        "0",
        "--tombstones",
        "--json"
    ];
    let told = batpak(gone).json();
    assert_eq!(
        (&told["events"], &told["events_removed"]),
        (&200.into(), &0.into())
    );
    let told = batpak(args![
        "compact",
        &store,
        "--remove-older-than",
        "0",
        "--json"
    ])
    .json();
    assert_eq!(
        (&told["events"], &told["events_removed"]),
        (&0.into(), &200.into())
    );
    let told = batpak(args!["verify", &store]).ok();
    assert!(
        told.contains("200 events") && told.contains("200 removed by compaction"),
        "{told}"
    );
    let alone = batpak(args!["compact", &store, "--tombstones"]);
    assert_eq!(alone.code, Some(2));
}

#[test]
fn what_is_exported_with_tombstones_is_imported_without_them() {
    let place = Place::new();
    let store = filled(&place, "store");
    let compact = args![
        "compact",
        &store,
        "--remove-older-than",
        "0",
        "--tombstones"
    ];
    batpak(compact).ok();
    batpak_fed(
        args!["import", "ndjson", "-", &store],
        lines(100, 120).as_bytes(),
    )
    .ok();
    let exported = place.path("exported");
    batpak(args!["export", "ndjson", &store, &exported]).ok();
    let text = std::fs::read_to_string(&exported).unwrap();
    assert_eq!(text.lines().count(), 120);
    assert_eq!(text.matches("\"0x0FFE\"").count(), 100);
    let other = place.path("other");
    batpak(args!["import", "ndjson", &exported, &other]).ok();
    let left = |store: &std::path::Path| {
        let events = content(store).into_iter();
        let events = events.filter(|event| event["kind"] == "0x1000");
        let told = events.map(|event| (event["id"].clone(), event["payload"].clone()));
        told.collect::<Vec<_>>()
    };
    assert_eq!(left(&other), left(&store));
    assert_eq!(content(&other).len(), 20);
}
