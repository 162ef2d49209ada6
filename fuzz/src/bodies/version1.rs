use super::{SEALED, mode};
use crate::checksums::{front_of_version1, seal_version1};
use crate::depth::reached;
use crate::memory::{Cap, bounded};
use batpak_log::error::LogError;
use batpak_log::fs::{Access, Fs, MemoryFs};
use batpak_log::segment::SegmentName;
use batpak_log::version1::{
    Version1Event, Version1Step, check_numbers, read_version1, read_version1_header,
};

/// An element of a list of numbers takes one byte, and its events are kept until a batch ends.
const CAP: Cap = Cap {
    fixed: 64 * 1024,
    per_byte: 256,
};

pub(super) fn body(data: &[u8]) {
    let Some((mode, mut bytes)) = mode(data) else {
        return;
    };
    if mode & SEALED != 0 {
        seal_version1(&mut bytes);
    }
    let fs = MemoryFs::new();
    fs.set_bytes("000001.fbat", bytes.clone());
    bounded(bytes.len(), CAP, || {
        read(&fs, mode & 2 != 0, bytes.len() as u64)
    });
    believes_no_wrong_checksum(&bytes, mode & 2 != 0);
}

/// What is read of a segment is in front of its first frame with a wrong checksum.
fn believes_no_wrong_checksum(bytes: &[u8], may_be_cut_off: bool) {
    let front = &bytes[..front_of_version1(bytes)];
    let [found, of_front] = [bytes, front].map(|bytes| {
        let fs = MemoryFs::new();
        fs.set_bytes("000001.fbat", bytes.to_vec());
        events(&fs, may_be_cut_off)
    });
    assert!(of_front.starts_with(&found), "a wrong checksum is believed");
}

/// Returns the events that are read, until something is wrong.
fn events(fs: &MemoryFs, may_be_cut_off: bool) -> Vec<(Version1Event, u64)> {
    let name = SegmentName::first_generation(1);
    let file = fs.open(&name.file_name(), Access::Read).unwrap();
    let mut events = Vec::new();
    if let Some(segment) = read_version1_header(name, &*file, may_be_cut_off).unwrap() {
        // What was read before an error counts too.
        let _ = read_version1::<LogError>(fs, &[segment], &mut |step| {
            if let Version1Step::Event(event, sequence) = step {
                events.push((*event, sequence));
            }
            Ok(())
        });
    }
    events
}

fn read(fs: &MemoryFs, may_be_cut_off: bool, length: u64) {
    let name = SegmentName::first_generation(1);
    let file = fs.open(&name.file_name(), Access::Read).unwrap();
    let Some(segment) = read_version1_header(name, &*file, may_be_cut_off).unwrap() else {
        return;
    };
    assert!(segment.front.len() as u64 <= length && segment.len == length);
    check_numbers(std::slice::from_ref(&segment)).unwrap();
    let mut before = None;
    let mut events = 0;
    let read = read_version1::<LogError>(fs, &[segment], &mut |step| {
        if let Version1Step::Event(_, sequence) = step {
            assert!(
                before.is_none_or(|before| before < sequence),
                "sequences ascend"
            );
            before = Some(sequence);
            events += 1;
        }
        Ok(())
    });
    if events > 0 {
        reached();
    }
    if let Ok(end) = read {
        assert!(end.torn_bytes <= length);
        assert!(
            before.is_none_or(|last| last < end.next_sequence),
            "the end is behind all"
        );
    }
}
