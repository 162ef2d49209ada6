use std::panic::catch_unwind;

use super::*;

#[test]
fn a_kind_is_4_bits_of_category_and_12_of_type() {
    let kind = EventKind::custom(0xF, 0x001);
    assert_eq!(kind.as_u16(), 0xF001);
    assert_eq!((kind.category(), kind.type_id()), (0xF, 1));
    assert_eq!(kind.to_string(), "0xF001");
    assert_eq!(EventKind::custom(1, 0).to_string(), "0x1000");
    assert_eq!(EventKind::SYSTEM_INIT.to_string(), "0x0001");
}

#[test]
fn custom_accepts_exactly_the_categories_that_are_not_reserved() {
    for category in 0..=u8::MAX {
        for type_id in [0, 1, 0xFFF] {
            let made = catch_unwind(|| EventKind::custom(category, type_id));
            let ours = !matches!(category, 0 | 0xD | 16..);
            assert_eq!(made.is_ok(), ours, "{category} {type_id}");
        }
    }
}

#[test]
fn a_type_id_over_12_bits_is_refused_and_not_cut() {
    for type_id in [0x1000, 0x1001, u16::MAX] {
        let panic = catch_unwind(|| EventKind::custom(1, type_id)).unwrap_err();
        let text = panic.downcast_ref::<&str>().unwrap();
        assert!(text.contains("12 bits"), "{text}");
    }
}

#[test]
fn every_16_bit_value_is_a_kind_and_comes_back() {
    for bits in 0..=u16::MAX {
        let kind = EventKind::from_u16(bits);
        assert_eq!(kind.as_u16(), bits);
        assert_eq!(u16::from(kind.category()) << 12 | kind.type_id(), bits);
        assert_eq!(kind.is_reserved(), matches!(bits >> 12, 0 | 0xD));
        assert_eq!(kind.is_system(), bits >> 12 == 0);
        assert_eq!(kind.is_effect(), bits >> 12 == 0xD);
    }
}

#[test]
fn the_constants_have_their_published_values() {
    let constants = [
        (EventKind::DATA, 0x1000),
        (EventKind::SYSTEM_INIT, 0x0001),
        (EventKind::SYSTEM_SHUTDOWN, 0x0002),
        (EventKind::SYSTEM_HEARTBEAT, 0x0003),
        (EventKind::SYSTEM_CONFIG_CHANGE, 0x0004),
        (EventKind::SYSTEM_CHECKPOINT, 0x0005),
        (EventKind::SYSTEM_BATCH_BEGIN, 0x0006),
        (EventKind::SYSTEM_BATCH_COMMIT, 0x0007),
        (EventKind::EFFECT_ERROR, 0xD001),
        (EventKind::EFFECT_RETRY, 0xD002),
        (EventKind::EFFECT_ACK, 0xD004),
        (EventKind::EFFECT_BACKPRESSURE, 0xD005),
        (EventKind::EFFECT_CANCEL, 0xD006),
        (EventKind::EFFECT_CONFLICT, 0xD007),
        (EventKind::TOMBSTONE, 0x0FFE),
    ];
    for (kind, bits) in constants {
        assert_eq!(kind.as_u16(), bits);
    }
}

#[test]
fn serde_carries_the_number() {
    let kind = EventKind::custom(0xF, 1);
    assert_eq!(serde_json::to_string(&kind).unwrap(), "61441");
    assert_eq!(serde_json::from_str::<EventKind>("61441").unwrap(), kind);
    assert_eq!(rmp_serde::to_vec(&kind).unwrap(), [0xCD, 0xF0, 0x01]);
}
