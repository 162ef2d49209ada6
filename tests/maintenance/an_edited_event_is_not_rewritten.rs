//! Every hash is recomputed before a segment is replaced: an event that was edited, checksums and
//! all, stops the compaction, and the evidence stays where it was.

use crate::harness::*;
use batpak::prelude::*;

/// Returns how a checksum changes when the last bytes that it covers change like this.
fn crc_difference(difference: &[u8]) -> [u8; 4] {
    let unchanged = crc32fast::hash(&vec![0; difference.len()]);
    (crc32fast::hash(difference) ^ unchanged).to_be_bytes()
}

/// Changes the last byte of an event's frame, and repairs all checksums: their differences are
/// those of the bytes alone. Each event has a group of its own.
fn edit(bytes: &mut [u8], receipt: &AppendReceipt) {
    let start = usize::try_from(receipt.disk_pos.offset).unwrap();
    let end = start + receipt.disk_pos.length as usize;
    bytes[end - 1] ^= 1;
    let mut difference = vec![0; end - start - 8];
    *difference.last_mut().unwrap() = 1;
    let of_frame = crc_difference(&difference);
    let of_frames = crc_difference(&of_frame);
    let of_header = crc_difference(&of_frames);
    let marker = bytes[168..176].to_vec();
    let is_group = |at: &usize| bytes[*at..].starts_with(&marker);
    let group = (0..start).rev().find(is_group).unwrap();
    for (at, difference) in [
        (start + 4, of_frame),
        (group + 36, of_frames),
        (group + 8, of_header),
    ] {
        for (byte, difference) in bytes[at..].iter_mut().zip(difference) {
            *byte ^= difference;
        }
    }
}

#[test]
fn and_its_segment_stays() {
    for nth in [0, 7, 30] {
        let directory = tempfile::tempdir().unwrap();
        let store = open(directory.path());
        let receipts = append_numbers(&store, 0..60);
        store.close().unwrap();
        let place = receipts[nth].disk_pos;
        let path = directory
            .path()
            .join(batpak::store::segment::segment_filename(place.segment_id));
        let mut bytes = std::fs::read(&path).unwrap();
        edit(&mut bytes, &receipts[nth]);
        std::fs::write(&path, &bytes).unwrap();
        let store = Store::open(StoreConfig::new(directory.path())).unwrap();
        let found = store
            .verify()
            .unwrap()
            .first_bad
            .expect("the edit is a good one");
        assert_eq!(found.sequence, receipts[nth].sequence);
        for strategy in [
            CompactionStrategy::Merge,
            CompactionStrategy::Retention(Box::new(|_| false)),
            CompactionStrategy::Tombstone(Box::new(|_| false)),
        ] {
            let min_segments = 1;
            let refused = store.compact(&CompactionConfig {
                strategy,
                min_segments,
            });
            let refused = refused.unwrap_err();
            let damaged = matches!(refused, StoreError::CorruptSegment { .. });
            assert!(damaged, "{refused}");
        }
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
        assert!(!directory.path().join("merge.tmp").exists());
        assert_eq!(told(&store).len(), 60);
    }
}
