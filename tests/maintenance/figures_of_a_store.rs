//! What a store tells of its size and of its parts.

use crate::harness::*;
use batpak::prelude::*;

fn bytes_of_logs(directory: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(directory).unwrap().map(Result::unwrap);
    let counts = |path: &std::path::Path| {
        let end = path.extension().and_then(|end| end.to_str());
        end.is_some_and(|end| end == "fbat" || end == "fbix")
    };
    let counted = entries.filter(|entry| counts(&entry.path()));
    counted.map(|entry| entry.metadata().unwrap().len()).sum()
}

#[test]
fn are_those_of_its_files_and_parts() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let stats = store.stats();
    assert_eq!((stats.bytes_on_disk, stats.entities_at_most), (0, 0));
    append_numbers(&store, 0..100);
    let stats = store.stats();
    assert_eq!(stats.event_count, 100);
    assert_eq!(stats.entities_at_most, 3);
    assert_eq!(stats.segments, segment_files(directory.path()));
    assert_eq!(stats.bytes_on_disk, bytes_of_logs(directory.path()));
    store.close().unwrap();
    let store = Store::open(StoreConfig::new(directory.path())).unwrap();
    store.compact(&CompactionConfig::default()).unwrap();
    let (stats, parts) = (store.stats(), store.diagnostics().tile_count);
    assert_eq!((stats.segments, parts, stats.entities_at_most), (1, 1, 3));
    assert_eq!(stats.bytes_on_disk, bytes_of_logs(directory.path()));
    assert_eq!(store.verify().unwrap().entities, 3);
    // An entity whose events are all gone has been there.
    let none = CompactionConfig {
        strategy: CompactionStrategy::Retention(Box::new(|_| false)),
        min_segments: 1,
    };
    store.compact(&none).unwrap();
    let stats = store.stats();
    assert_eq!((stats.event_count, stats.entities_at_most), (0, 3));
    append_numbers(&store, 100..110);
    assert_eq!(store.stats().event_count, 10);
}

#[test]
fn are_told_with_the_health_of_every_actor_and_what_opening_mended() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    append_numbers(&store, 0..5);
    store.close().unwrap();
    let path = directory.path().join("000001.fbat");
    let mut bytes = std::fs::read(&path).unwrap();
    // The footer and the end of the last group were never written.
    bytes.truncate(bytes.len() - 120);
    std::fs::write(&path, bytes).unwrap();
    std::fs::remove_file(directory.path().join("checkpoint.fbcp")).unwrap();
    let store = open(directory.path());
    let told = store.diagnostics();
    let names: Vec<_> = told.actors.iter().map(|actor| actor.name).collect();
    let all = ["writer", "roller", "indexer", "broker", "checkpointer"];
    assert_eq!(names, all);
    assert!(
        told.actors
            .iter()
            .all(|actor| actor.alive && actor.restarts == 0)
    );
    assert!(told.recovery.unclean && told.recovery.truncated_bytes > 0);
    let aside = told.recovery.set_aside.clone().unwrap();
    assert!(directory.path().join(&aside).is_file());
    assert_eq!(told.recovery.kept_aside, [aside]);
    assert_eq!((told.event_count, store.stats().event_count), (4, 4));
    store.panic_actor_for_test("indexer");
    append_numbers(&store, 10..20);
    let told = store.diagnostics();
    let indexer = told
        .actors
        .iter()
        .find(|actor| actor.name == "indexer")
        .unwrap();
    assert!(indexer.alive && indexer.restarts == 1);
    assert!(indexer.last_fault.as_ref().unwrap().contains("panic"));
}
