use super::{SEALED, mode};
use crate::checksums::{seal_ranges, seal_small_file, sealed};
use crate::depth::reached;
use crate::memory::{READER, bounded};
use batpak_log::checkpoint::Checkpoint;
use batpak_log::error::LogError;
use batpak_log::fs::MemoryFs;
use batpak_log::poison_mark::PoisonMark;
use batpak_log::version1::read_version1;

pub(super) fn body(data: &[u8]) {
    let Some((mode, bytes)) = mode(data) else {
        return;
    };
    let (mut small, mut ranges) = (bytes.clone(), bytes);
    if mode & SEALED != 0 {
        seal_small_file(&mut small);
        seal_ranges(&mut ranges);
    }
    let fs = MemoryFs::new();
    fs.set_bytes("checkpoint.fbcp", small.clone());
    fs.set_bytes("poisoned.fbpm", small.clone());
    fs.set_bytes("visibility_ranges.fbv", ranges.clone());
    bounded(small.len(), READER, || {
        let checkpoint = Checkpoint::decode(&small);
        if let Some(found) = &checkpoint {
            reached();
            assert!(
                sealed(&small, seal_small_file) == small,
                "a wrong checksum is believed"
            );
            assert_eq!(Checkpoint::decode(&found.encode()).as_ref(), Some(found));
        }
        assert_eq!(Checkpoint::read(&fs).unwrap(), checkpoint);
        let mark = PoisonMark::decode(&small);
        if let Some(found) = &mark {
            assert_eq!(found.encode(), small);
        }
        assert_eq!(PoisonMark::read(&fs).unwrap(), mark);
        let read = read_version1::<LogError>(&fs, &[], &mut |_| Ok(()));
        match read {
            Ok(_) => assert!(
                sealed(&ranges, seal_ranges) == ranges,
                "a wrong checksum is believed"
            ),
            Err(error) => assert!(matches!(error, LogError::DamagedFile { .. })),
        }
    });
}
