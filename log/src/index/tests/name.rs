use crate::index::RunName;
use crate::seed::seeded_random;
use crate::segment::SegmentName;

fn name(id: u64, generation: u32, first: u64, end: u64) -> RunName {
    let segment = SegmentName { id, generation };
    RunName {
        segment,
        first,
        end,
    }
}

#[test]
fn a_name_tells_segment_and_range() {
    assert_eq!(name(1, 0, 0, 32_768).file_name(), "000001.0-32768.fbix");
    assert_eq!(name(2, 1, 0, 500).to_string(), "000002-1.0-500.fbix");
}

#[test]
fn every_name_comes_back_from_its_file_name() {
    let mut random = seeded_random();
    for _ in 0..10_000 {
        let mut number = || random.u64(..) >> random.u32(..64);
        let first = number() / 2;
        let generation = u32::try_from(number() >> 32).unwrap();
        let name = name(number().max(1), generation, first, first + 1 + number() / 2);
        assert_eq!(RunName::parse(&name.file_name()), Some(name));
    }
}

#[test]
fn what_is_not_exactly_a_name_is_none() {
    let others = [
        "",
        "000001.fbix",
        "000001.0.fbix",
        "000001.0-.fbix",
        "000001.-1.fbix",
        "000001.0-0.fbix",
        "000001.2-1.fbix",
        "000001.00-1.fbix",
        "000001.0-01.fbix",
        "000001.0-+1.fbix",
        "000001.0-1.fbat",
        "000001.0-1.fbix.tmp",
        "000001.0-1.fbix.",
        "00001.0-1.fbix",
        "0000001.0-1.fbix",
        "000000.0-1.fbix",
        "000001-0.0-1.fbix",
        "000001-01.0-1.fbix",
        "000001.0-18446744073709551616.fbix",
        "000001.0-1.FBIX",
        " 000001.0-1.fbix",
        "000001..0-1.fbix",
        "000001.0-1-2.fbix",
    ];
    for other in others {
        assert_eq!(RunName::parse(other), None, "{other}");
    }
}

#[test]
fn names_are_sorted_by_segment_and_range() {
    let sorted = [
        name(1, 0, 0, 5),
        name(1, 0, 0, 50),
        name(1, 0, 5, 9),
        name(1, 1, 0, 5),
        name(2, 0, 0, 1),
    ];
    assert!(sorted.is_sorted());
}
