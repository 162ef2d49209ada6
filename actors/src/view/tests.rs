//! Tests of the read view.

use super::*;
use batpak_log::coordinate::{Coordinate, Region};
use batpak_log::event::{EventKind, HashChain};

fn entry(sequence: u64, entity: &str) -> IndexEntry {
    IndexEntry {
        event_id: u128::from(sequence) + 1000,
        correlation_id: 0,
        causation_id: None,
        coord: Coordinate::new(entity, "scope").unwrap(),
        kind: EventKind::DATA,
        wall_ms: 0,
        clock: 0,
        hash_chain: HashChain::default(),
        disk_pos: DiskPos {
            segment_id: 1,
            offset: sequence,
            length: 1,
        },
        global_sequence: sequence,
        segment_generation: 0,
    }
}

fn sequences(entries: impl IntoIterator<Item = IndexEntry>) -> Vec<u64> {
    entries
        .into_iter()
        .map(|entry| entry.global_sequence)
        .collect()
}

#[test]
fn nothing_is_visible_before_it_is_published() {
    let view = Arc::new(ReadView::default());
    let mut writer = ViewWriter::resume(Arc::clone(&view));
    writer.insert(entry(0, "a"));
    writer.insert(entry(1, "b"));
    assert!(view.by_id(1000).is_none());
    assert!(view.head("a").is_none());
    assert!(view.stream("a").is_empty());
    assert_eq!(view.event_count(), 0);
    writer.publish(1);
    assert_eq!(sequences(view.entries_from(0)), [0]);
    assert!(view.by_id(1001).is_none());
    writer.publish(2);
    assert_eq!(sequences(view.query(&Region::all())), [0, 1]);
}

#[test]
fn entities_are_followed_through_chunks_and_gaps() {
    let view = Arc::new(ReadView::default());
    let mut writer = ViewWriter::resume(Arc::clone(&view));
    let entities = ["a", "b", "c"];
    for i in 0..10_000_u64 {
        // Gaps are legal: every sequence here is a multiple of three.
        writer.insert(entry(i * 3, entities[(i % 3) as usize]));
    }
    writer.publish(30_000);
    assert!(view.chunk_count() > 2, "the test crosses chunks");
    assert_eq!(view.event_count(), 10_000);
    for (offset, entity) in entities.iter().enumerate() {
        let expected: Vec<u64> = (0..10_000)
            .filter(|i| i % 3 == offset as u64)
            .map(|i| i * 3)
            .collect();
        assert_eq!(sequences(view.stream(entity)), expected);
        assert_eq!(
            view.head(entity).unwrap().global_sequence,
            *expected.last().unwrap()
        );
    }
    assert_eq!(
        sequences(view.entries_from(29_990)),
        [29_991, 29_994, 29_997]
    );
    for start in [0, 1, 3, 3071, 3072, 3073, 29_997, 29_998] {
        let first = sequences(view.entries_from(start).take(1));
        let expected = start.div_ceil(3) * 3;
        assert_eq!(
            first,
            if expected < 30_000 {
                vec![expected]
            } else {
                vec![]
            }
        );
    }
    assert_eq!(
        view.by_id(1000 + 3 * 4321).unwrap().global_sequence,
        3 * 4321
    );
}

#[test]
fn a_restarted_writer_goes_on_where_the_last_one_stopped() {
    let view = Arc::new(ReadView::default());
    let mut writer = ViewWriter::resume(Arc::clone(&view));
    for i in 0..5000 {
        writer.insert(entry(i, "a"));
    }
    writer.publish(4000);
    let mut writer = ViewWriter::resume(Arc::clone(&view));
    // What an earlier incarnation inserted comes again from the log, then what is new.
    for i in 3990..6000 {
        writer.insert(entry(i, "a"));
    }
    writer.publish(6000);
    assert_eq!(sequences(view.stream("a")), (0..6000).collect::<Vec<_>>());
    assert_eq!(
        sequences(view.entries_from(0)),
        (0..6000).collect::<Vec<_>>()
    );
}
