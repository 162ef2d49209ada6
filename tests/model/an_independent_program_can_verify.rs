//! The bytes that are hashed can be laid out by hand, from their documentation alone.

use batpak::event::hash::{compute_hash, verify_chain};
use batpak::prelude::*;

const KIND: EventKind = EventKind::custom(0xE, 0x123);

/// Lays out what the hash of an event covers, as `event::hash` documents it.
fn preimage(stored: &StoredEvent<Vec<u8>>, prev_hash: &[u8; 32]) -> Vec<u8> {
    let header = &stored.event.header;
    let mut bytes = b"batpak event v1".to_vec();
    bytes.extend(header.event_id.to_be_bytes());
    bytes.extend(header.correlation_id.to_be_bytes());
    bytes.push(u8::from(header.causation_id.is_some()));
    bytes.extend(header.causation_id.unwrap_or(0).to_be_bytes());
    bytes.extend(header.event_kind.as_u16().to_be_bytes());
    bytes.push(header.flags);
    bytes.extend(u64::try_from(header.timestamp_us).unwrap().to_be_bytes());
    bytes.extend(header.position.counter.to_be_bytes());
    bytes.extend(header.position.sequence.to_be_bytes());
    bytes.extend(header.position.depth.to_be_bytes());
    bytes.extend(header.position.lane.to_be_bytes());
    for name in [stored.coordinate.entity(), stored.coordinate.scope()] {
        bytes.extend((name.len() as u64).to_be_bytes());
        bytes.extend(name.as_bytes());
    }
    bytes.extend(compute_hash(&stored.event.payload));
    bytes.extend(prev_hash);
    bytes
}

/// Appends to two entities in two scopes, with causes, flags and payloads of many sizes.
fn write(store: &Store) {
    let mut cause = None;
    for number in 0..40_u8 {
        let entity = ["cart:1", "caf\u{e9} \u{1f980}"][usize::from(number % 2)];
        let at = Coordinate::new(entity, ["shop", "billing"][usize::from(number / 2 % 2)]).unwrap();
        let mut options = AppendOptions::new().with_flags(number);
        if let Some(cause) = cause.filter(|_| number % 3 == 0) {
            options = options.with_causation(cause).with_correlation(cause);
        }
        let payload = "x".repeat(usize::from(number) * 20);
        let receipt = store
            .append_with_options(&at, KIND, &payload, options)
            .unwrap();
        cause = Some(receipt.event_id);
    }
}

#[test]
fn every_hash_can_be_recomputed_and_every_change_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(StoreConfig::new(directory.path())).unwrap();
    write(&store);
    for entity in ["cart:1", "caf\u{e9} \u{1f980}"] {
        let mut expected_prev = [0; 32];
        for entry in store.stream(entity) {
            let stored = store.get_raw(entry.event_id).unwrap();
            let chain = stored.event.hash_chain.unwrap();
            let content = preimage(&stored, &expected_prev);
            assert!(verify_chain(&content, &chain, &expected_prev));
            assert_eq!(stored.event.is_genesis(), entry.clock == 0);
            assert_eq!(
                stored.event.header.content_hash,
                compute_hash(&stored.event.payload)
            );
            for place in 0..content.len() {
                let mut changed = content.clone();
                changed[place] ^= 1;
                assert!(
                    !verify_chain(&changed, &chain, &expected_prev),
                    "byte {place}"
                );
            }
            assert!(!verify_chain(&content, &chain, &[1; 32]));
            expected_prev = chain.event_hash;
        }
        assert_ne!(expected_prev, [0; 32]);
    }
    assert!(store.verify().unwrap().first_bad.is_none());
    store.close().unwrap();
}
