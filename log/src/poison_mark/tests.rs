use super::*;
use crate::fixtures::each_flip;
use crate::fs::{FsCall, MemoryFs};
use crate::seed::seeded_random;

fn random_mark(random: &mut fastrand::Rng) -> PoisonMark {
    PoisonMark {
        store_id: random.u128(..).to_be_bytes(),
        segment_id: random.u64(..),
    }
}

#[test]
fn random_marks_come_back_until_they_are_removed() {
    let mut random = seeded_random();
    let fs = MemoryFs::new();
    for _ in 0..500 {
        assert_eq!(PoisonMark::read(&fs).unwrap(), None);
        let mark = random_mark(&mut random);
        assert_eq!(PoisonMark::decode(&mark.encode()), Some(mark));
        mark.write(&fs).unwrap();
        assert_eq!(PoisonMark::read(&fs).unwrap(), Some(mark));
        PoisonMark::remove(&fs).unwrap();
    }
    PoisonMark::remove(&fs).unwrap();
    fs.fail_next(FsCall::Remove, io::ErrorKind::PermissionDenied);
    assert!(PoisonMark::remove(&fs).is_err());
}

#[test]
fn every_flipped_bit_and_every_other_length_makes_it_none() {
    let bytes = random_mark(&mut seeded_random()).encode();
    let fs = MemoryFs::new();
    let check = |other: &[u8]| {
        fs.set_bytes(POISON_MARK_NAME, other.to_vec());
        assert_eq!(PoisonMark::read(&fs).unwrap(), None, "{other:?}");
        assert_eq!(PoisonMark::decode(other), None, "{other:?}");
    };
    each_flip(&bytes, 0..bytes.len(), |_, flipped| check(flipped));
    for len in 0..bytes.len() {
        check(&bytes[..len]);
    }
    for extra in 1..100 {
        check(&[bytes.clone(), vec![0; extra]].concat());
    }
}

#[test]
fn neither_small_file_is_taken_for_the_other() {
    let fs = MemoryFs::new();
    let mark = random_mark(&mut seeded_random());
    fs.set_bytes(crate::layout::CHECKPOINT_NAME, mark.encode());
    assert_eq!(crate::checkpoint::Checkpoint::read(&fs).unwrap(), None);
}
