//! Tests of the read view.

use super::*;
use crate::reader::{Reader, ReaderOptions};
use batpak_log::coordinate::{Coordinate, Region};
use batpak_log::event::{EventKind, HashChain};
use batpak_log::fs::MemoryFs;

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
        is_hidden: false,
    }
}

fn reader(view: &Arc<ReadView>) -> Reader {
    let options = ReaderOptions {
        fd_budget: 1,
        cache_bytes: 0,
    };
    Reader::new(Arc::new(MemoryFs::new()), Arc::clone(view), options)
}

fn sequences(view: &Arc<ReadView>, region: &Region, from: u64) -> Vec<u64> {
    let events = reader(view).events(region, from);
    events.map(|entry| entry.unwrap().global_sequence).collect()
}

fn stream(view: &Arc<ReadView>, entity: &str) -> Vec<u64> {
    sequences(view, &Region::entity_exact(entity), 0)
}

fn head(view: &Arc<ReadView>, entity: &str) -> Option<u64> {
    let head = reader(view).head(entity).unwrap();
    head.map(|head| head.sequence)
}

fn by_id(view: &Arc<ReadView>, event_id: u128) -> Option<u64> {
    let found = reader(view).find(event_id).unwrap();
    found.map(|entry| entry.global_sequence)
}

#[test]
fn nothing_is_visible_before_it_is_published() {
    let view = Arc::new(ReadView::default());
    let mut writer = ViewWriter::resume(Arc::clone(&view));
    writer.insert(entry(0, "a"));
    writer.insert(entry(1, "b"));
    assert!(by_id(&view, 1000).is_none());
    assert!(head(&view, "a").is_none());
    assert!(stream(&view, "a").is_empty());
    assert_eq!(view.event_count(), 0);
    writer.publish(1);
    assert_eq!(sequences(&view, &Region::all(), 0), [0]);
    assert!(by_id(&view, 1001).is_none());
    writer.publish(2);
    assert_eq!(sequences(&view, &Region::all(), 0), [0, 1]);
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
    assert!(view.part_count() > 2, "the test crosses chunks");
    assert_eq!(view.event_count(), 10_000);
    for (offset, entity) in entities.iter().enumerate() {
        let expected: Vec<u64> = (0..10_000)
            .filter(|i| i % 3 == offset as u64)
            .map(|i| i * 3)
            .collect();
        assert_eq!(stream(&view, entity), expected);
        assert_eq!(head(&view, entity), expected.last().copied());
    }
    assert_eq!(
        sequences(&view, &Region::all(), 29_990),
        [29_991, 29_994, 29_997]
    );
    for start in [0, 1, 3, 3071, 3072, 3073, 29_997, 29_998] {
        let first = sequences(&view, &Region::all(), start);
        let first = first.get(..1).unwrap_or_default();
        let expected = u64::div_ceil(start, 3) * 3;
        assert_eq!(
            first,
            if expected < 30_000 {
                vec![expected]
            } else {
                vec![]
            }
        );
    }
    assert_eq!(by_id(&view, 1000 + 3 * 4321), Some(3 * 4321));
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
    assert_eq!(stream(&view, "a"), (0..6000).collect::<Vec<_>>());
    assert_eq!(
        sequences(&view, &Region::all(), 0),
        (0..6000).collect::<Vec<_>>()
    );
}
