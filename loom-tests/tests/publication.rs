//! Readers see whole groups: what lies below the watermark, or in a published value, is all there.
//!
//! Two preemptions, and 2 threads with the main one in each model: a writer and a reader.
//! - `watermark`: every entry below the watermark is found. 2 entries, 1 raise; 10 executions.
//! - `value`: whoever loads a published value sees what was done before. 1 publication;
//!   7 executions.
//! - `view`: a walk through the shipping read view holds every event below its bound, while an
//!   indexer's follower fills the view from a log. 2 events; 612 executions.
//! - `adoption`: an index that takes the place of what is in memory hides nothing. 2 events,
//!   1 index; 9 executions.

#![cfg(loom)]

use std::sync::Arc;

use batpak_actors::reader::Reader;
use batpak_actors::runtime::{Published, Watermark, WriteOnce, WriteOnceIndex};
use batpak_log::Region;
use batpak_loom_tests::log::{index_of, log_of, read_into, reader_of};
use batpak_loom_tests::model;
use loom::thread;

const GROUP: u32 = 2;

struct Tail {
    slots: WriteOnce<u32>,
    index: WriteOnceIndex,
    visible: Watermark,
}

/// The index tells hashes apart by their upper half.
fn hash(number: u32) -> u64 {
    u64::from(number) << 32
}

impl Tail {
    fn append(&self, number: u32) {
        assert_eq!(self.slots.set(number as usize, number), Ok(()));
        assert!(self.index.insert(hash(number), number));
    }

    fn find(&self, number: u32) -> Option<u32> {
        let slot = self.index.probe(hash(number)).next()?;
        self.slots.get(slot as usize).copied()
    }
}

#[test]
fn every_entry_below_the_watermark_is_there() {
    let seen = model("publication: watermark", || {
        let tail = Arc::new(Tail {
            slots: WriteOnce::new(2),
            index: WriteOnceIndex::new(2),
            visible: Watermark::new(0),
        });
        let reader = {
            let tail = Arc::clone(&tail);
            thread::spawn(move || {
                let visible = tail.visible.get();
                for number in (0..GROUP).take_while(|number| u64::from(*number) < visible) {
                    assert_eq!(tail.find(number), Some(number));
                }
                visible
            })
        };
        for number in 0..GROUP {
            tail.append(number);
        }
        tail.visible.raise(GROUP.into());
        reader.join().unwrap()
    });
    let whole_or_nothing = [0, GROUP.into()];
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), whole_or_nothing);
}

#[test]
fn whoever_loads_a_published_value_sees_what_was_done_before() {
    let seen = model("publication: value", || {
        let slots = Arc::new(WriteOnce::new(1));
        let published = Arc::new(Published::new(0));
        let reader = {
            let (slots, published) = (Arc::clone(&slots), Arc::clone(&published));
            thread::spawn(move || {
                let generation = *published.load();
                assert!(generation == 0 || slots.get(0) == Some(&7));
                generation
            })
        };
        slots.set(0, 7).unwrap();
        published.publish(1);
        reader.join().unwrap()
    });
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [0, 1]);
}

/// Returns how many events a walk finds, all of them below its bound.
fn walk(reader: &Reader) -> u64 {
    let mut events = reader.events(&Region::all(), 0);
    let found = events.by_ref().map(|entry| entry.expect("it can be read"));
    let found = found.count() as u64;
    assert_eq!(found, events.bound());
    found
}

#[test]
fn every_event_below_the_bound_of_a_walk_is_in_the_lists() {
    let log = log_of(GROUP);
    let seen = model("publication: view", move || {
        let store = reader_of(&log);
        let reader = {
            let reader = Arc::clone(&store);
            thread::spawn(move || {
                let found = walk(&reader);
                assert!(reader.view().segment_count() as u64 >= found.min(1));
                found
            })
        };
        read_into(&store).publish(GROUP.into());
        reader.join().unwrap()
    });
    let whole_or_nothing = [0, GROUP.into()];
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), whole_or_nothing);
}

/// Property: an index that takes the place of what is in memory hides nothing from anybody, and
/// what comes behind it is seen. One reader walks while the index is taken up.
#[test]
fn an_index_that_takes_the_place_of_memory_hides_nothing() {
    let log = log_of(GROUP);
    let seen = model("publication: adoption", move || {
        let index = index_of(&log);
        let store = reader_of(&log);
        let mut writer = read_into(&store);
        writer.publish(GROUP.into());
        let reader = {
            let reader = Arc::clone(&store);
            thread::spawn(move || (walk(&reader), reader.view().events_in_memory()))
        };
        assert!(writer.adopt(index), "it fits");
        let (found, in_memory) = reader.join().unwrap();
        assert_eq!(found, u64::from(GROUP));
        assert_eq!(store.view().events_in_memory(), 0);
        in_memory
    });
    let before_or_after = [0, GROUP.into()];
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), before_or_after);
}
