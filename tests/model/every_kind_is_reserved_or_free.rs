//! Every 16-bit value is a kind, and each is either reserved or free; a store takes the free ones.

use batpak::event::EventKind;
use batpak::event::kind;
use batpak::prelude::*;
use std::panic::catch_unwind;

fn kinds() -> impl Iterator<Item = EventKind> {
    (0..=u16::MAX).map(EventKind::from_u16)
}

#[test]
fn all_65_536_kinds_are_classified() {
    let mut counted = [0; 3];
    for (bits, kind) in (0..=u16::MAX).zip(kinds()) {
        let (category, type_id) = (kind.category(), kind.type_id());
        assert_eq!(kind.as_u16(), bits);
        assert_eq!(u16::from(category) * 0x1000 + type_id, bits);
        assert_eq!(kind.to_string(), format!("0x{bits:04X}"));
        let sort = match bits >> 12 {
            0x0 => (true, false),
            0xD => (false, true),
            _ => (false, false),
        };
        assert_eq!((kind.is_system(), kind.is_effect()), sort, "{kind}");
        assert_eq!(kind.is_reserved(), sort != (false, false), "{kind}");
        let [system, effect, free] = &mut counted;
        match sort {
            (true, _) => *system += 1,
            (_, true) => *effect += 1,
            _ => {
                *free += 1;
                assert_eq!(EventKind::custom(category, type_id), kind);
            }
        }
    }
    assert_eq!(counted, [0x1000, 0x1000, 14 * 0x1000]);
}

#[test]
fn reserved_categories_and_wide_arguments_make_no_kind() {
    let refused = |category, type_id| {
        let panic = catch_unwind(|| EventKind::custom(category, type_id)).unwrap_err();
        *panic.downcast_ref::<&str>().unwrap()
    };
    for type_id in [0, 1, 0xFFE, 0xFFF] {
        assert!(refused(0x0, type_id).contains("reserved"));
        assert!(refused(0xD, type_id).contains("reserved"));
        for category in [0x10, 0x1D, u8::MAX] {
            assert!(refused(category, type_id).contains("4 bits"));
        }
    }
    for type_id in [0x1000, 0x1001, u16::MAX] {
        assert!(refused(0x1, type_id).contains("12 bits"), "not cut");
    }
}

#[test]
fn constants_are_reserved_except_data() {
    const FREE: EventKind = EventKind::custom(0xF, 0xFFF);
    assert_eq!(FREE.as_u16(), 0xFFFF);
    let reserved = [
        (EventKind::SYSTEM_INIT, 0x0001),
        (EventKind::SYSTEM_SHUTDOWN, 0x0002),
        (EventKind::SYSTEM_HEARTBEAT, 0x0003),
        (EventKind::SYSTEM_CONFIG_CHANGE, 0x0004),
        (EventKind::SYSTEM_CHECKPOINT, 0x0005),
        (EventKind::SYSTEM_BATCH_BEGIN, 0x0006),
        (EventKind::SYSTEM_BATCH_COMMIT, 0x0007),
        (EventKind::TOMBSTONE, 0x0FFE),
        (EventKind::EFFECT_ERROR, 0xD001),
        (EventKind::EFFECT_RETRY, 0xD002),
        (EventKind::EFFECT_ACK, 0xD004),
        (EventKind::EFFECT_BACKPRESSURE, 0xD005),
        (EventKind::EFFECT_CANCEL, 0xD006),
        (EventKind::EFFECT_CONFLICT, 0xD007),
    ];
    for (constant, bits) in reserved {
        assert_eq!(constant.as_u16(), bits);
        assert!(constant.is_reserved(), "{constant}");
    }
    assert_eq!(kind::EventKind::DATA.as_u16(), 0x1000);
    assert!(!EventKind::DATA.is_reserved());
}

/// One event of a reserved kind must neither be stored nor cost another event.
#[test]
fn a_store_takes_every_free_category_and_refuses_reserved_kinds() {
    let directory = tempfile::tempdir().unwrap();
    let config = StoreConfig::new(directory.path());
    let store = Store::open(config.clone()).unwrap();
    let at = Coordinate::new("e", "s").unwrap();
    let (reserved, free): (Vec<_>, Vec<_>) = kinds()
        .filter(|kind| matches!(kind.type_id(), 0..=7 | 0x7FF | 0xFFE | 0xFFF))
        .partition(|kind| kind.is_reserved());
    for kind in &free {
        store.append(&at, *kind, &kind.as_u16()).unwrap();
    }
    for kind in &reserved {
        let refused = store.append(&at, *kind, &0).unwrap_err();
        assert!(matches!(refused, StoreError::ReservedKind(of) if of == *kind));
        assert!(refused.certainly_not_written() && !refused.is_retryable());
        let options = AppendOptions::new();
        let item = BatchAppendItem::new(at.clone(), *kind, &0, options, CausationRef::None);
        let StoreError::BatchFailed { source, .. } =
            store.append_batch(vec![item.unwrap()]).unwrap_err()
        else {
            panic!("{kind}");
        };
        assert!(matches!(*source, StoreError::ReservedKind(of) if of == *kind));
    }
    store.close().unwrap();
    let store = Store::open(config).unwrap();
    let stored: Vec<_> = store.stream("e").iter().map(|entry| entry.kind).collect();
    assert_eq!(stored, free);
    for category in 0..16 {
        let region = Region::all().with_fact_category(category);
        let expected = free.iter().filter(|kind| kind.category() == category);
        assert_eq!(store.query(&region).len(), expected.count(), "{category}");
    }
    store.close().unwrap();
}
