//! The parts of a run, one by one.

use crate::index::filter::{FilterBuilder, line_of, may_hold};
use crate::index::hash::{cause_hash, entity_hash, id_hash};
use crate::index::varint::{put_varint, split_varint};
use crate::layout::run::LINE_LEN;

#[test]
fn hashes_stay_what_they_are() {
    let whole = xxhash_rust::xxh3::xxh3_64;
    assert_eq!(whole(b""), 0x2d06_8005_38d3_94c2);
    assert_eq!(id_hash(1), whole(&1_u128.to_be_bytes()) >> 24);
    assert_eq!(u64::from(cause_hash(1)), whole(&1_u128.to_be_bytes()) >> 32);
    assert_eq!(entity_hash(b""), 0x0000_002d_0680_0538);
}

#[test]
fn a_filter_knows_what_it_was_given_and_little_else() {
    const ITEMS: u128 = 20_000;
    let mut filter = FilterBuilder::new(ITEMS as usize);
    (0..ITEMS).for_each(|id| filter.insert(id_hash(id)));
    let lines: Vec<[u8; LINE_LEN]> = filter
        .lines()
        .map(|line| line.try_into().unwrap())
        .collect();
    let count = u32::try_from(lines.len()).unwrap();
    let held = |id: u128| {
        let hash = id_hash(id);
        may_hold(&lines[line_of(hash, count) as usize], hash)
    };
    assert!((0..ITEMS).all(held));
    let wrong = (ITEMS..2 * ITEMS).filter(|id| held(*id)).count();
    assert!(
        wrong < 400,
        "{wrong} of 20,000 are held wrongly: more than 2 in 100"
    );
}

#[test]
fn numbers_in_groups_of_seven_bits_come_back() {
    for shift in 0..32 {
        for number in [1_u32 << shift, (1 << shift) - 1, u32::MAX >> shift] {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, number);
            bytes.push(9);
            let mut rest = bytes.as_slice();
            assert_eq!((split_varint(&mut rest), rest), (Some(number), &[9][..]));
        }
    }
    for hostile in [
        &[][..],
        &[0x80],
        &[0xff; 4],
        &[0xff, 0xff, 0xff, 0xff, 0x10],
        &[0x80; 9],
    ] {
        assert_eq!(split_varint(&mut &*hostile), None, "{hostile:?}");
    }
}
