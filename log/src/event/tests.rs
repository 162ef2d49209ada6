use super::header::{FLAG_REPLAY, FLAG_REQUIRES_ACK, FLAG_TRANSACTIONAL};
use super::*;

fn header() -> EventHeader {
    let position = DagPosition::child_at(7, 1_000, 1);
    EventHeader::new(1, 2, Some(3), 1_000_000, position, 4, EventKind::DATA)
}

#[test]
fn a_new_header_has_neither_flags_nor_hash() {
    let header = header();
    assert_eq!((header.flags, header.content_hash), (0, [0; 32]));
    assert!(!header.requires_ack() && !header.is_transactional() && !header.is_replay());
}

#[test]
fn each_flag_is_a_bit_of_its_own() {
    assert_eq!(
        (FLAG_REQUIRES_ACK, FLAG_TRANSACTIONAL, FLAG_REPLAY),
        (1, 2, 8)
    );
    for flags in 0..=u8::MAX {
        let header = header().with_flags(flags);
        assert_eq!(header.flags, flags, "unknown bits are kept");
        assert_eq!(header.requires_ack(), flags & 1 != 0);
        assert_eq!(header.is_transactional(), flags & 2 != 0);
        assert_eq!(header.is_replay(), flags & 8 != 0);
    }
}

#[test]
fn age_is_never_negative_and_never_overflows() {
    let mut header = header();
    assert_eq!(header.age_us(1_000_007), 7);
    assert_eq!(header.age_us(999_999), 0);
    header.timestamp_us = i64::MIN;
    assert_eq!(header.age_us(i64::MAX), u64::MAX);
    header.timestamp_us = i64::MAX;
    assert_eq!(header.age_us(i64::MIN), 0);
}

#[test]
fn an_event_without_predecessor_is_a_genesis() {
    let event = Event::new(header(), "payload");
    assert!(event.is_genesis());
    let first = HashChain {
        event_hash: [1; 32],
        ..HashChain::default()
    };
    assert!(event.clone().with_hash_chain(first).is_genesis());
    let second = HashChain {
        prev_hash: [1; 32],
        event_hash: [2; 32],
    };
    assert!(!event.with_hash_chain(second).is_genesis());
}

#[test]
fn mapping_a_payload_keeps_all_else() {
    let chain = HashChain::default();
    let event = Event::new(header(), "payload").with_hash_chain(chain);
    let mapped = event.clone().map_payload(str::len);
    assert_eq!(mapped.payload, 7);
    assert_eq!(
        (&mapped.header, mapped.hash_chain),
        (&event.header, Some(chain))
    );
    assert_eq!(mapped.event_id(), 1);
    assert_eq!(mapped.event_kind(), EventKind::DATA);
    assert_eq!(mapped.position().sequence, 7);
}

#[test]
fn a_stored_event_comes_back_through_message_pack_and_json() {
    let stored = StoredEvent {
        coordinate: Coordinate::new("e", "s").unwrap(),
        event: Event::new(header().with_flags(0x0B), vec![1, 2]).with_hash_chain(HashChain {
            prev_hash: [3; 32],
            event_hash: [4; 32],
        }),
    };
    let bytes = rmp_serde::to_vec_named(&stored).unwrap();
    assert_eq!(
        rmp_serde::from_slice::<StoredEvent<Vec<i32>>>(&bytes).unwrap(),
        stored
    );
    let text = serde_json::to_string(&stored).unwrap();
    assert_eq!(
        serde_json::from_str::<StoredEvent<Vec<i32>>>(&text).unwrap(),
        stored
    );
}

/// Headers of the released format may lack the two fields that were added to it later.
#[test]
fn a_header_without_cause_and_content_hash_is_read() {
    let mut value = serde_json::to_value(header()).unwrap();
    let fields = value.as_object_mut().unwrap();
    fields.remove("causation_id");
    fields.remove("content_hash");
    let read: EventHeader = serde_json::from_value(value).unwrap();
    assert_eq!((read.causation_id, read.content_hash), (None, [0; 32]));
}
