use super::{SEALED, mode};
use crate::checksums::{Bound, STORE, seal_footer, sealed};
use crate::depth::reached;
use crate::memory::{READER, bounded};
use crate::samples::open_file;
use batpak_log::segment::{Binding, SegmentName, encode_footer, read_footer, read_trailer};

pub(super) fn body(data: &[u8]) {
    let Some((mode, mut bytes)) = mode(data) else {
        return;
    };
    let bound = Bound {
        store: STORE,
        segment: 1,
        generation: 0,
    };
    if mode & SEALED != 0 {
        seal_footer(&mut bytes, bound);
    }
    let file = open_file(bytes.clone());
    bounded(bytes.len(), READER, || {
        let binding = Binding::new(STORE, SegmentName::first_generation(1));
        let footer = read_footer(&*file, &binding).unwrap();
        let trailer = read_trailer(&*file, &binding).unwrap();
        let marked = footer.filter(|footer| footer.marked);
        assert_eq!(marked.map(|footer| footer.trailer), trailer);
        let Some(trailer) = footer.map(|footer| footer.trailer) else {
            return;
        };
        reached();
        // The trailer's checksum covers the last 88 bytes; the footer's marker stands elsewhere.
        let sealed = sealed(&bytes, |bytes| seal_footer(bytes, bound));
        let from = if marked.is_some() {
            0
        } else {
            bytes.len() - 88
        };
        assert!(
            bytes[from..] == sealed[from..],
            "a wrong checksum is believed"
        );
        if trailer.end_offset > bytes.len() as u64 {
            assert!(marked.is_none(), "a footer behind the end of its file");
            return;
        }
        let mut again = vec![0; trailer.end_offset as usize];
        again.extend(encode_footer(&binding, &trailer));
        let read = read_footer(&*open_file(again), &binding).unwrap().unwrap();
        assert!(read.marked && read.trailer == trailer);
    });
}
