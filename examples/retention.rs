//! Forgets what people said a year ago, and keeps everything that rests on it.

use batpak::prelude::*;
use serde_json::json;

const JOINED: EventKind = EventKind::custom(0x1, 1);
const SAID: EventKind = EventKind::custom(0x1, 2);
/// A year in microseconds.
const YEAR_US: i64 = 365 * 24 * 60 * 60 * 1_000_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = tempfile::tempdir()?;
    let room = Coordinate::new("room:kitchen", "chat")?;
    // Some of it was said long ago.
    let long_ago = StoreConfig::new(directory.path()).with_clock(Some(std::sync::Arc::new(|| 0)));
    let store = Store::open(long_ago)?;
    store.append(&room, JOINED, &json!({"who": "ada"}))?;
    let key = AppendOptions::new().with_idempotency(0x5eed);
    let old = json!({"who": "ada", "text": "the safe opens with 1234"});
    let old = store.append_with_options(&room, SAID, &old, key)?;
    // Closing seals the segment: compaction never touches the one that takes appends.
    store.close()?;

    let store = Store::open(StoreConfig::new(directory.path()))?;
    let new = store.append(&room, SAID, &json!({"who": "ada", "text": "tea?"}))?;
    let now_us = store.get(new.event_id)?.event.header.timestamp_us;
    let done = store.compact(&CompactionConfig {
        // `true` keeps an event.
        strategy: CompactionStrategy::Retention(Box::new(move |event| {
            let header = &event.event.header;
            header.event_kind != SAID || header.timestamp_us > now_us - YEAR_US
        })),
        min_segments: 1,
    })?;
    println!("{} segments were written again", done.segments_removed);

    // What was said is gone, from every read and from the disk.
    assert!(matches!(
        store.get(old.event_id),
        Err(StoreError::NotFound(_))
    ));
    assert_eq!(store.stream("room:kitchen").len(), 2);
    // Its place is not: the key is known, the clocks go on, and the chain holds.
    let again = store.append_with_options(&room, SAID, &json!({"text": "again"}), key)?;
    assert_eq!((again.sequence, again.clock), (old.sequence, old.clock));
    assert_eq!(new.clock, 2);
    let checked = store.verify()?;
    assert!(checked.first_bad.is_none());
    assert_eq!(checked.removed, 1);
    store.close()?;
    Ok(())
}
