use super::{SEALED, mode};
use crate::checksums::{Bound, seal_header, sealed};
use crate::depth::reached;
use crate::memory::{READER, bounded};
use crate::samples::open_file;
use batpak_log::segment::{SegmentHeader, SegmentName, read_header};

pub(super) fn body(data: &[u8]) {
    let Some((mode, mut bytes)) = mode(data) else {
        return;
    };
    if mode & SEALED != 0 {
        seal_header(&mut bytes);
    }
    let own =
        Bound::of_header(&bytes).map_or(SegmentName::first_generation(1), |bound| SegmentName {
            id: bound.segment,
            generation: bound.generation,
        });
    bounded(bytes.len(), READER, || check(own, &bytes));
}

fn check(name: SegmentName, bytes: &[u8]) {
    let sealed = sealed(bytes, |bytes| {
        let _ = seal_header(bytes);
    });
    if let Ok(header) = SegmentHeader::decode(name, bytes) {
        let again = header.encode();
        assert_eq!(SegmentHeader::decode(name, &again).unwrap(), header);
        assert_eq!(again.len(), bytes.len());
        assert!(bytes == sealed, "a wrong checksum is believed");
    }
    let file = open_file(bytes.to_vec());
    if let Ok(header) = read_header(name, &*file) {
        reached();
        assert_eq!(header.segment, name);
        assert!(header.last_id >= header.segment.id && header.segment.id > 0);
        assert!(header.encoded_len() <= bytes.len() as u64);
        assert!(bytes == sealed, "a wrong checksum is believed");
    }
}
