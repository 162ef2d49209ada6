//! All eight bits of an event's flags are stored, for single and batch appends alike.

use batpak::event::header::{FLAG_REPLAY, FLAG_REQUIRES_ACK, FLAG_TRANSACTIONAL};
use batpak::prelude::*;

const KIND: EventKind = EventKind::custom(0x1, 1);

#[test]
fn every_combination_is_read_as_it_was_written() {
    assert_eq!(
        [FLAG_REQUIRES_ACK, FLAG_TRANSACTIONAL, FLAG_REPLAY],
        [0x01, 0x02, 0x08]
    );
    let directory = tempfile::tempdir().unwrap();
    let config = StoreConfig::new(directory.path());
    let store = Store::open(config.clone()).unwrap();
    let at = Coordinate::new("e", "s").unwrap();
    let mut written = vec![];
    for flags in 0..=u8::MAX {
        let options = AppendOptions::new().with_flags(flags);
        let single = store
            .append_with_options(&at, KIND, &flags, options)
            .unwrap();
        let item = BatchAppendItem::new(at.clone(), KIND, &flags, options, CausationRef::None);
        let batch = store.append_batch(vec![item.unwrap()]).unwrap();
        written.push((flags, single.event_id));
        written.extend(batch.iter().map(|receipt| (flags, receipt.event_id)));
    }
    let read = |store: &Store| {
        for (flags, event_id) in &written {
            let header = store.get_raw(*event_id).unwrap().event.header;
            assert_eq!(header.flags, *flags);
            assert_eq!(header.requires_ack(), flags & 0x01 != 0);
            assert_eq!(header.is_transactional(), flags & 0x02 != 0);
            assert_eq!(header.is_replay(), flags & 0x08 != 0);
        }
    };
    read(&store);
    store.close().unwrap();
    let store = Store::open(config).unwrap();
    read(&store);
    store.close().unwrap();
}
