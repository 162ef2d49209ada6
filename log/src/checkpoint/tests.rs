use super::*;
use crate::fixtures::each_flip;
use crate::fs::{FsCall, MemoryFs};
use crate::seed::seeded_random;

fn random_checkpoint(random: &mut fastrand::Rng) -> Checkpoint {
    let segment = SegmentName {
        id: random.u64(..),
        generation: random.u32(..),
    };
    let hlc = Hlc {
        wall_us: random.u64(..),
        counter: random.u16(..),
    };
    Checkpoint {
        store_id: random.u128(..).to_be_bytes(),
        position: LogPosition {
            segment,
            last_id: random.u64(..),
            offset: random.u64(..),
            event_count: random.u64(..),
            next_sequence: random.u64(..),
            hlc,
            log_hash: [random.u8(..); 32],
        },
    }
}

#[test]
fn random_checkpoints_come_back_and_replace_each_other() {
    let mut random = seeded_random();
    let fs = MemoryFs::new();
    assert_eq!(Checkpoint::read(&fs).unwrap(), None);
    for _ in 0..500 {
        let checkpoint = random_checkpoint(&mut random);
        assert_eq!(Checkpoint::decode(&checkpoint.encode()), Some(checkpoint));
        checkpoint.write(&fs).unwrap();
        assert_eq!(Checkpoint::read(&fs).unwrap(), Some(checkpoint));
    }
    assert_eq!(fs.list("").unwrap(), [CHECKPOINT_NAME]);
}

#[test]
fn every_flipped_bit_makes_it_none() {
    let bytes = random_checkpoint(&mut seeded_random()).encode();
    let fs = MemoryFs::new();
    each_flip(&bytes, 0..bytes.len(), |at, flipped| {
        fs.set_bytes(CHECKPOINT_NAME, flipped.to_vec());
        assert_eq!(Checkpoint::read(&fs).unwrap(), None, "byte {at}");
    });
}

#[test]
fn every_other_length_makes_it_none() {
    let bytes = random_checkpoint(&mut seeded_random()).encode();
    let fs = MemoryFs::new();
    let longer = (1..200).map(|extra| [bytes.clone(), vec![0; extra]].concat());
    let shorter = (0..bytes.len()).map(|len| bytes[..len].to_vec());
    for other in shorter.chain(longer) {
        fs.set_bytes(CHECKPOINT_NAME, other.clone());
        assert_eq!(
            Checkpoint::read(&fs).unwrap(),
            None,
            "{} bytes",
            other.len()
        );
        assert_eq!(Checkpoint::decode(&other), None);
    }
}

#[test]
fn random_bytes_are_none() {
    let mut random = seeded_random();
    for _ in 0..10_000 {
        let bytes: Vec<u8> = (0..random.usize(0..200)).map(|_| random.u8(..)).collect();
        assert_eq!(Checkpoint::decode(&bytes), None);
    }
}

#[test]
fn a_write_that_fails_leaves_the_old_one() {
    let mut random = seeded_random();
    let fs = MemoryFs::new();
    let old = random_checkpoint(&mut random);
    old.write(&fs).unwrap();
    for call in [
        FsCall::CreateNew,
        FsCall::WriteAt,
        FsCall::SyncData,
        FsCall::Rename,
    ] {
        fs.fail_next(call, io::ErrorKind::StorageFull);
        assert!(random_checkpoint(&mut random).write(&fs).is_err());
        assert_eq!(Checkpoint::read(&fs).unwrap(), Some(old), "{call:?}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_an_error_and_not_a_missing_one() {
    let fs = MemoryFs::new();
    random_checkpoint(&mut seeded_random()).write(&fs).unwrap();
    for call in [FsCall::Open, FsCall::Len, FsCall::ReadAt] {
        fs.fail_next(call, io::ErrorKind::PermissionDenied);
        assert!(Checkpoint::read(&fs).is_err(), "{call:?}");
    }
}
