use super::*;
use crate::seed::seeded_random;

/// A header in which every field shows its own bytes.
const SAMPLE: CanonicalHeader<'_> = CanonicalHeader {
    event_id: 0x0011_2233_4455_6677_8899_AABB_CCDD_EEFF,
    correlation_id: 0x0102_0304_0506_0708_090A_0B0C_0D0E_0F10,
    causation_id: Some(0xF0E0_D0C0_B0A0_9080_7060_5040_3020_1000),
    entity: "cart:7",
    scope: "shop",
    kind: EventKind::custom(0xF, 1),
    flags: 0x0B,
    hlc: Hlc {
        wall_us: 0x0006_1234_5678_9ABC,
        counter: 0x0102,
    },
    clock: 0x0102_0304,
    depth: 5,
    lane: 6,
};

// The golden values of this file were made by a second implementation (of the layout and of
// blake3) in another language. They are on disks: they may never change.
const SAMPLE_BYTES: &[&str] = &[
    "62617470616b206576656e74207631",   // the tag
    "00112233445566778899aabbccddeeff", // event_id
    "0102030405060708090a0b0c0d0e0f10", // correlation_id
    "01",                               // a causation id follows
    "f0e0d0c0b0a090807060504030201000", // causation_id
    "f001",                             // kind
    "0b",                               // flags
    "0006123456789abc",                 // hlc.wall_us
    "0102",                             // hlc.counter
    "01020304",                         // clock
    "00000005",                         // depth
    "00000006",                         // lane
    "0000000000000006",                 // length of the entity name
    "636172743a37",                     // entity
    "0000000000000004",                 // length of the scope name
    "73686f70",                         // scope
];
const PAYLOAD_HASH: &str = "ec90915fa26ab012a89a88ecc8b47e4dd76c4adfd6abd1fc10e321b0fca18d1d";
const SAMPLE_HASH: &str = "a74fe87ed88f2479ffa1f20435efd76617bb2efcbcf1bcf72d552490d54694ac";
const SAMPLE_LOG_HASH: &str = "1f2be88f6cec37f659f34b39f1808e1ca10fbe8ed6cd63c0efa6503633e1be09";
const ROOT_HASH: &str = "e3a31203302c569be1e9c1dbeae6eddec131c9a321fdf515c8b3fad2371f54ba";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_canonical_bytes_are_golden() {
    assert_eq!(hex(&SAMPLE.to_bytes()), SAMPLE_BYTES.concat());
}

#[test]
fn the_hashes_are_golden() {
    let payload = payload_hash(b"payload");
    assert_eq!(hex(&payload), PAYLOAD_HASH);
    let event = event_hash(&SAMPLE, &payload, &[0xAB; 32]);
    assert_eq!(hex(&event), SAMPLE_HASH);
    assert_eq!(hex(&fold_log_hash(&[0; 32], &event)), SAMPLE_LOG_HASH);
    assert_eq!(hex(&compute_hash(b"")), BLAKE3_OF_NOTHING);
}

/// The published hash of the empty input.
const BLAKE3_OF_NOTHING: &str = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";

#[test]
fn a_root_event_hashes_zeros_for_what_it_has_not() {
    let root = CanonicalHeader {
        correlation_id: SAMPLE.event_id,
        causation_id: None,
        entity: "e",
        scope: "s",
        kind: EventKind::DATA,
        flags: 0,
        hlc: Hlc::default(),
        clock: 0,
        depth: 0,
        lane: 0,
        ..SAMPLE
    };
    let hash = event_hash(&root, &payload_hash(b"payload"), &[0; 32]);
    assert_eq!(hex(&hash), ROOT_HASH);
}

#[test]
fn the_event_hash_is_the_hash_of_the_documented_preimage() {
    let (payload, prev_hash) = (payload_hash(b"payload"), [0xAB; 32]);
    let preimage = [SAMPLE.to_bytes(), payload.to_vec(), prev_hash.to_vec()].concat();
    let event_hash = event_hash(&SAMPLE, &payload, &prev_hash);
    let chain = HashChain {
        prev_hash,
        event_hash,
    };
    assert!(verify_chain(&preimage, &chain, &prev_hash));
    assert!(!verify_chain(&preimage, &chain, &[0; 32]));
    assert!(!verify_chain(&preimage[1..], &chain, &prev_hash));
}

/// Every field, the payload and the previous hash: a change of any of them is a change of hash.
#[test]
fn the_hash_covers_everything() {
    let (payload, prev) = ([1; 32], [2; 32]);
    let hlc = |wall_us, counter| Hlc { wall_us, counter };
    let (wall_us, counter) = (SAMPLE.hlc.wall_us, SAMPLE.hlc.counter);
    let zero_cause = Some(0);
    let changed = [
        SAMPLE,
        CanonicalHeader {
            event_id: 1,
            ..SAMPLE
        },
        CanonicalHeader {
            correlation_id: 1,
            ..SAMPLE
        },
        CanonicalHeader {
            causation_id: None,
            ..SAMPLE
        },
        CanonicalHeader {
            causation_id: zero_cause,
            ..SAMPLE
        },
        CanonicalHeader {
            causation_id: Some(1),
            ..SAMPLE
        },
        CanonicalHeader {
            entity: "cart:8",
            ..SAMPLE
        },
        CanonicalHeader {
            scope: "shot",
            ..SAMPLE
        },
        CanonicalHeader {
            entity: "cart:7s",
            scope: "hop",
            ..SAMPLE
        },
        CanonicalHeader {
            kind: EventKind::DATA,
            ..SAMPLE
        },
        CanonicalHeader {
            flags: 0x8B,
            ..SAMPLE
        },
        CanonicalHeader {
            hlc: hlc(wall_us + 1, counter),
            ..SAMPLE
        },
        CanonicalHeader {
            hlc: hlc(wall_us, counter + 1),
            ..SAMPLE
        },
        CanonicalHeader { clock: 1, ..SAMPLE },
        CanonicalHeader { depth: 6, ..SAMPLE },
        CanonicalHeader { lane: 5, ..SAMPLE },
    ];
    let mut hashes: Vec<_> = changed
        .iter()
        .map(|header| event_hash(header, &payload, &prev))
        .collect();
    hashes.push(event_hash(&SAMPLE, &[3; 32], &prev));
    hashes.push(event_hash(&SAMPLE, &payload, &[3; 32]));
    hashes.push(event_hash(&SAMPLE, &prev, &payload));
    let count = hashes.len();
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), count);
}

/// Names of any length, beyond what a coordinate allows, hash like their bytes.
#[test]
fn random_headers_hash_as_their_bytes_do() {
    let mut random = seeded_random();
    for _ in 0..500 {
        let entity = "\u{E9}".repeat(random.usize(0..1_500));
        let scope = "s".repeat(random.usize(0..1_500));
        let header = CanonicalHeader {
            event_id: random.u128(..),
            causation_id: random.bool().then(|| random.u128(..)),
            entity: &entity,
            scope: &scope,
            kind: EventKind::from_u16(random.u16(..)),
            clock: random.u32(..),
            ..SAMPLE
        };
        let payload = payload_hash(entity.as_bytes());
        let preimage = [header.to_bytes(), payload.to_vec(), vec![9; 32]].concat();
        assert_eq!(header.to_bytes().len(), 105 + entity.len() + scope.len());
        assert_eq!(
            event_hash(&header, &payload, &[9; 32]),
            compute_hash(&preimage)
        );
    }
}

#[test]
fn the_log_hash_depends_on_order() {
    let fold = |events: &[[u8; 32]]| {
        let start = [0; 32];
        events
            .iter()
            .fold(start, |running, event| fold_log_hash(&running, event))
    };
    assert_ne!(fold(&[[1; 32], [2; 32]]), fold(&[[2; 32], [1; 32]]));
    assert_ne!(fold(&[[1; 32]]), fold(&[]));
}
