use super::{SEALED, mode};
use crate::checksums::{Bound, STORE, seal_frame, sealed};
use crate::depth::reached;
use crate::memory::{READER, bounded};
use batpak_log::frame::{encode_frame, frame_decode};
use batpak_log::segment::{Binding, EventRecord, GroupBuilder, SegmentName, event_at, name_at};

const OFFSET: u64 = 200;
const BOUND: Bound = Bound {
    store: STORE,
    segment: 1,
    generation: 0,
};

pub(super) fn body(data: &[u8]) {
    let Some((mode, mut bytes)) = mode(data) else {
        return;
    };
    bounded(bytes.len(), READER, || public(&bytes));
    if mode & SEALED != 0 {
        seal_frame(&mut bytes, BOUND, 0, OFFSET as usize);
    }
    bounded(bytes.len(), READER, || of_a_segment(&bytes));
}

fn public(bytes: &[u8]) {
    if let Ok((body, length)) = frame_decode(bytes) {
        assert_eq!(encode_frame(body).unwrap(), bytes[..length]);
    }
    let framed = encode_frame(bytes).unwrap();
    let (body, length) = frame_decode(&framed).unwrap();
    assert_eq!((body, length), (bytes, framed.len()));
}

fn binding() -> Binding {
    Binding::new(STORE, SegmentName::first_generation(1))
}

fn of_a_segment(bytes: &[u8]) {
    let base = 1_700_000_000_000_000;
    let is_sealed = sealed(bytes, |bytes| seal_frame(bytes, BOUND, 0, OFFSET as usize)) == bytes;
    if let Ok((event, length)) = event_at(&binding(), base, bytes, OFFSET) {
        reached();
        assert!(length as usize <= bytes.len());
        assert!(is_sealed, "a wrong checksum is believed");
        let again = encoded(base, |builder| {
            builder.push_event(&event);
        });
        let read: (EventRecord<'_>, u32) = event_at(&binding(), base, &again, OFFSET).unwrap();
        assert_eq!(read, (event, again.len() as u32));
        // The shortest forms of numbers are written, so it is never longer.
        assert!(again.len() <= length as usize);
    }
    if let Ok(name) = name_at(&binding(), bytes, OFFSET) {
        assert!(is_sealed, "a wrong checksum is believed");
        let again = encoded(base, |builder| builder.push_name(&name));
        assert_eq!(name_at(&binding(), &again, OFFSET).unwrap(), name);
    }
}

/// Returns the frame that a builder makes for the offset.
fn encoded(base: u64, push: impl FnOnce(&mut GroupBuilder)) -> Vec<u8> {
    let mut builder = GroupBuilder::start(binding(), base, OFFSET - 40, Vec::new());
    push(&mut builder);
    builder.finish(0, 0).split_off(40)
}
