use crate::error::LogError;
use crate::fixtures::{each_flip, file_of, first_header};
use crate::layout::{
    FEATURE_REMOVALS, HEADER_LEN, KNOWN_REQUIRED_FEATURES, REPLACED_LEN, SEGMENT_VERSION,
    VERSION_BIT,
};
use crate::position::Hlc;
use crate::seed::seeded_random;
use crate::segment::{Predecessor, Removals, Replaced, SegmentHeader, SegmentName, read_header};

const VERSION_AT: usize = 4;
const LENGTH_AT: usize = 8;
const REQUIRED_AT: usize = 16;
const COUNT_AT: usize = 60;

fn read(header: &SegmentHeader, bytes: &[u8]) -> Result<SegmentHeader, LogError> {
    read_header(header.segment, &*file_of(bytes))
}

fn is_corrupt(result: &Result<SegmentHeader, LogError>) -> bool {
    matches!(result, Err(LogError::CorruptSegment { .. }))
}

/// Overwrites a field and makes the checksum hold again, as another version would.
fn with_field(bytes: &[u8], at: usize, field: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at..at + field.len()].copy_from_slice(field);
    let covered = [&bytes[..12], &bytes[16..]].concat();
    bytes[12..16].copy_from_slice(&crc32fast::hash(&covered).to_be_bytes());
    bytes
}

/// Returns the header of a segment that three others were merged into.
fn merged_header() -> SegmentHeader {
    let source = |id, generation| Replaced {
        segment: SegmentName { id, generation },
        log_hash: [0x11; 32],
    };
    SegmentHeader {
        segment: SegmentName {
            id: 2,
            generation: 1,
        },
        last_id: 4,
        predecessor: Some(Predecessor {
            last_id: 1,
            generation: 0,
            end_offset: 500,
            log_hash: [0x22; 32],
        }),
        replaced: vec![source(2, 0), source(3, 0), source(4, 0)],
        ..first_header()
    }
}

fn header_with_stubs() -> SegmentHeader {
    SegmentHeader {
        required_features: FEATURE_REMOVALS,
        removals: Removals {
            steps: 3,
            mark: [0x44; 16],
        },
        ..merged_header()
    }
}

#[test]
fn what_was_removed_is_told_whatever_the_order_and_the_segments() {
    let hash = |seed: u8| [seed; 32].map(|byte: u8| byte.wrapping_mul(seed));
    let of = |stubs: &[(u8, bool)]| {
        let mut removals = Removals::default();
        for (seed, is_shown) in stubs {
            removals.count(&hash(*seed), *is_shown);
        }
        removals
    };
    let all = of(&[(3, true), (5, false), (7, false)]);
    assert_eq!(all.steps, 5);
    let mut sum = of(&[(7, false)]);
    sum.add(&of(&[(5, false), (3, true)]));
    assert_eq!(sum, all);
    let others = [
        of(&[(3, true), (5, false), (11, false)]),
        of(&[(5, true)]),
        of(&[]),
    ];
    assert!(others.iter().all(|other| *other != all));
}

#[test]
fn random_headers_come_back() {
    let mut random = seeded_random();
    for _ in 0..1_000 {
        let segment = SegmentName {
            id: random.u64(1..),
            generation: random.u32(1..),
        };
        let last_id = random.u64(segment.id..);
        let required_features = random.u64(..) & KNOWN_REQUIRED_FEATURES;
        let header = SegmentHeader {
            store_id: random.u128(..).to_be_bytes(),
            segment,
            last_id,
            first_sequence: random.u64(..),
            boot_id: random.u128(..).to_be_bytes(),
            hlc: Hlc {
                wall_us: random.u64(..),
                counter: random.u16(..),
            },
            events_before: random.u64(..),
            predecessor: random.bool().then(|| Predecessor {
                last_id: random.u64(..),
                generation: random.u32(..),
                end_offset: random.u64(..),
                log_hash: [random.u8(..); 32],
            }),
            replaced: (0..random.usize(0..5))
                .map(|_| Replaced {
                    segment: SegmentName {
                        id: random.u64(segment.id..=last_id),
                        generation: 0,
                    },
                    log_hash: [random.u8(..); 32],
                })
                .collect(),
            removals: match required_features & FEATURE_REMOVALS {
                0 => Removals::default(),
                _ => Removals {
                    steps: random.u64(..),
                    mark: random.u128(..).to_be_bytes(),
                },
            },
            required_features,
            optional_features: random.u64(..),
        };
        let bytes = header.encode();
        assert_eq!(bytes.len() as u64, header.encoded_len());
        assert_eq!(SegmentHeader::decode(segment, &bytes).unwrap(), header);
        let followed = [bytes, vec![0xFF; random.usize(0..200)]].concat();
        assert_eq!(read(&header, &followed).unwrap(), header);
    }
}

#[test]
fn every_flipped_bit_is_damage_and_nothing_else() {
    for header in [first_header(), merged_header(), header_with_stubs()] {
        let header_bytes = header.encode();
        // What follows must not help a damaged length to find a header that holds.
        let bytes = [header_bytes.as_slice(), &header_bytes, &[0; 500]].concat();
        each_flip(&bytes, 0..header_bytes.len(), |at, flipped| {
            let result = read(&header, flipped);
            assert!(is_corrupt(&result), "byte {at}: {result:?}");
        });
    }
}

#[test]
fn every_shorter_file_is_damage() {
    for header in [first_header(), merged_header(), header_with_stubs()] {
        let bytes = header.encode();
        for len in 0..bytes.len() {
            let result = read(&header, &bytes[..len]);
            assert!(is_corrupt(&result), "{len} bytes: {result:?}");
            let zeroed = [&bytes[..len], &vec![0; bytes.len() - len]].concat();
            let same = zeroed == bytes;
            assert!(
                same || is_corrupt(&read(&header, &zeroed)),
                "zeros from {len} on"
            );
        }
    }
}

#[test]
fn a_later_version_is_refused_only_where_the_checksum_holds() {
    let header = first_header();
    let bytes = header.encode();
    let is_future = |result| matches!(result, Err(LogError::FutureVersion { .. }));
    for version in [VERSION_BIT | 3, u32::MAX] {
        let later = with_field(&bytes, VERSION_AT, &version.to_be_bytes());
        assert!(is_future(read(&header, &later)));
        let mut damaged = later;
        damaged[40] ^= 1;
        assert!(is_corrupt(&read(&header, &damaged)));
    }
    for bit in (0..64).filter(|bit| KNOWN_REQUIRED_FEATURES >> bit & 1 == 0) {
        let required = (1_u64 << bit).to_be_bytes();
        assert!(is_future(read(
            &header,
            &with_field(&bytes, REQUIRED_AT, &required)
        )));
    }
    // A later version may have a header of another length, too.
    for extra in [1, 8, 1_000] {
        let longer = [bytes.as_slice(), &vec![7; extra]].concat();
        let length = u32::try_from(longer.len()).unwrap().to_be_bytes();
        let longer = with_field(&longer, LENGTH_AT, &length);
        let version = (SEGMENT_VERSION + 1).to_be_bytes();
        assert!(is_future(read(
            &header,
            &with_field(&longer, VERSION_AT, &version)
        )));
        assert!(
            is_corrupt(&read(&header, &longer)),
            "this version has no such header"
        );
    }
}

#[test]
fn optional_features_that_are_not_known_are_kept() {
    let header = SegmentHeader {
        optional_features: u64::MAX,
        ..first_header()
    };
    assert_eq!(read(&header, &header.encode()).unwrap(), header);
}

#[test]
fn a_file_under_another_name_is_foreign() {
    let bytes = merged_header().encode();
    for name in [
        SegmentName {
            id: 2,
            generation: 2,
        },
        SegmentName {
            id: 3,
            generation: 1,
        },
    ] {
        let result = read_header(name, &*file_of(&bytes));
        assert!(
            matches!(result, Err(LogError::ForeignFile { .. })),
            "{result:?}"
        );
    }
}

#[test]
fn a_file_of_version_1_is_named_as_such() {
    let header = first_header();
    let old = [b"FBAT".as_slice(), &[0, 0, 0, 40], &[0x84; 400]].concat();
    let refusal = read(&header, &old).unwrap_err().to_string();
    assert!(refusal.contains("version 1"), "{refusal}");
}

#[test]
fn counts_that_are_too_great_are_damage() {
    let header = merged_header();
    let bytes = header.encode();
    for count in [0, 2, 4, 65_536, 65_537, u32::MAX] {
        let result = read(&header, &with_field(&bytes, COUNT_AT, &count.to_be_bytes()));
        assert!(is_corrupt(&result), "{count} ranges: {result:?}");
    }
    for length in [
        0,
        12,
        16,
        23,
        24,
        167,
        168,
        169,
        299,
        301,
        2_883_752,
        2_883_753,
        u32::MAX,
    ] {
        let result = read(
            &header,
            &with_field(&bytes, LENGTH_AT, &length.to_be_bytes()),
        );
        assert!(is_corrupt(&result), "length {length}: {result:?}");
    }
}

#[test]
fn the_longest_list_of_sources_comes_back_and_a_longer_one_is_not_written() {
    let source = Replaced {
        segment: SegmentName::first_generation(3),
        log_hash: [1; 32],
    };
    let mut header = SegmentHeader {
        replaced: vec![source; 65_536],
        ..merged_header()
    };
    assert_eq!(header.encode().len(), HEADER_LEN + 65_536 * REPLACED_LEN);
    assert_eq!(read(&header, &header.encode()).unwrap(), header);
    let longer = [
        header.encode(),
        header.encode()[HEADER_LEN..][..REPLACED_LEN].to_vec(),
    ]
    .concat();
    let length = u32::try_from(longer.len()).unwrap().to_be_bytes();
    let longer = with_field(&longer, LENGTH_AT, &length);
    let longer = with_field(&longer, COUNT_AT, &65_537_u32.to_be_bytes());
    assert!(is_corrupt(&read(&header, &longer)));
    header.replaced.push(source);
    assert!(std::panic::catch_unwind(|| header.encode()).is_err());
}

#[test]
fn a_header_replaces_only_what_it_can_have_been_merged_from() {
    let refused = [(2, 1), (2, 2), (1, 0), (5, 0), (0, 0)];
    for (id, generation) in refused {
        let source = Replaced {
            segment: SegmentName { id, generation },
            log_hash: [0; 32],
        };
        let header = SegmentHeader {
            replaced: vec![source],
            ..merged_header()
        };
        assert!(
            is_corrupt(&read(&header, &header.encode())),
            "{id}-{generation}"
        );
    }
    let empty = SegmentHeader {
        last_id: 1,
        ..merged_header()
    };
    assert!(
        is_corrupt(&read(&empty, &empty.encode())),
        "it covers no number"
    );
}
