use crate::seed::seeded_random;
use crate::segment::{SegmentName, segment_filename};

#[test]
fn a_name_has_at_least_six_digits_and_a_generation_where_merged() {
    let file_name = |id, generation| SegmentName { id, generation }.file_name();
    assert_eq!(file_name(1, 0), "000001.fbat");
    assert_eq!(file_name(999_999, 0), "999999.fbat");
    assert_eq!(file_name(1_000_000, 0), "1000000.fbat");
    assert_eq!(file_name(7, 12), "000007-12.fbat");
    assert_eq!(
        file_name(u64::MAX, u32::MAX),
        "18446744073709551615-4294967295.fbat"
    );
    assert_eq!(segment_filename(3), "000003.fbat");
    assert_eq!(SegmentName::first_generation(3).to_string(), "000003.fbat");
}

#[test]
fn every_name_comes_back_from_its_file_name() {
    let mut random = seeded_random();
    for _ in 0..10_000 {
        let id = (random.u64(..) >> random.u32(0..64)).max(1);
        let generation = random.u32(..) >> random.u32(0..32);
        let name = SegmentName { id, generation };
        assert_eq!(SegmentName::parse(&name.file_name()), Some(name));
    }
}

#[test]
fn what_is_not_exactly_a_name_is_none() {
    let others = [
        "",
        ".fbat",
        "fbat",
        "000000.fbat",
        "1.fbat",
        "0000001.fbat",
        "000001.FBAT",
        "000001fbat",
        "000001.fbat.tmp",
        "000001.fbix",
        "+00001.fbat",
        "00000a.fbat",
        "000001-.fbat",
        "000001-0.fbat",
        "000001-01.fbat",
        "000001-+1.fbat",
        "000001--1.fbat",
        "000001-1-1.fbat",
        " 000001.fbat",
        "-000001.fbat",
        "000001.fbat ",
        "18446744073709551615.fbat",
        "18446744073709551616.fbat",
        "000001-4294967296.fbat",
        "next.tmp",
        "0\u{661}0001.fbat",
        "recovered/000001.fbat",
    ];
    for other in others {
        assert_eq!(SegmentName::parse(other), None, "{other:?}");
    }
}

#[test]
fn names_are_sorted_as_numbers() {
    let sorted = [
        "000002.fbat",
        "000002-1.fbat",
        "000010.fbat",
        "999999.fbat",
        "1000000.fbat",
    ];
    let mut names = sorted.map(|name| SegmentName::parse(name).unwrap());
    names.reverse();
    names.sort();
    assert_eq!(names.map(SegmentName::file_name), sorted);
}
