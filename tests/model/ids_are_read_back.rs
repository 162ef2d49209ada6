//! Typed ids: their text, what is read and what is refused, and how they are made.

use batpak::id::{EntityIdType, EventId, IdSource, generate_v7_id};
use proptest::prelude::*;
use std::collections::{BTreeSet, HashSet};

batpak::define_entity_id!(OrderId, "order");

#[test]
fn the_text_is_the_name_and_32_digits() {
    assert_eq!(
        (OrderId::ENTITY_NAME, EventId::ENTITY_NAME),
        ("order", "event")
    );
    let texts = [
        (0, "order:00000000000000000000000000000000"),
        (0xabc, "order:00000000000000000000000000000abc"),
        (u128::MAX, "order:ffffffffffffffffffffffffffffffff"),
    ];
    for (id, text) in texts {
        assert_eq!(OrderId::new(id).to_string(), text);
        assert_eq!(text.parse(), Ok(OrderId::new(id)));
    }
    assert_eq!(
        EventId::new(1).to_string(),
        format!("event:{}1", "0".repeat(31))
    );
}

#[test]
fn short_and_upper_case_digits_are_read_too() {
    for text in ["abc", "ABC", "order:abc", "order:aBc", "0000abc"] {
        assert_eq!(text.parse(), Ok(OrderId::new(0xabc)), "{text}");
    }
}

#[test]
fn everything_else_is_refused_and_says_what_is_wanted() {
    let too_long = "0".repeat(33);
    let long_prefixed = format!("order:{}", "f".repeat(33));
    for text in [
        "",
        ":",
        "order",
        "order:",
        "order:order:1",
        "event:1",
        "Order:1",
        " 1",
        "1 ",
        "+1",
        "-1",
        "0x1",
        "1_0",
        "xyz",
        "\u{661}",
        &too_long,
        &long_prefixed,
    ] {
        let error = text.parse::<OrderId>().unwrap_err();
        assert!(error.starts_with("invalid order id"), "{text:?}: {error}");
        assert!(error.contains("32 hexadecimal digits"), "{text:?}: {error}");
    }
}

#[test]
fn ids_that_are_made_differ_and_say_their_version_and_time() {
    let epoch = std::time::SystemTime::UNIX_EPOCH;
    let now = || u128::from(epoch.elapsed().unwrap().as_secs());
    let before = now();
    let ids: HashSet<_> = (0..1000).map(|_| generate_v7_id()).collect();
    let after = now();
    assert_eq!(ids.len(), 1000);
    for id in ids {
        assert_eq!((id >> 76) & 0xf, 7, "the version");
        assert_eq!((id >> 62) & 0b11, 0b10, "the variant");
        let seconds = (id >> 80) / 1000;
        assert!(
            (before..=after).contains(&seconds),
            "{before} {seconds} {after}"
        );
    }
    assert_ne!(OrderId::now_v7(), OrderId::nil());
    assert_eq!(OrderId::nil().as_u128(), 0);
}

#[test]
fn a_seed_makes_the_same_ids_again() {
    let make = |seed| {
        let source = IdSource::with_seed(seed);
        (0..10).map(|i| source.make(i * 1000)).collect::<Vec<_>>()
    };
    assert_eq!(make(7), make(7));
    assert_ne!(make(7), make(8));
    let source = IdSource::with_seed(7);
    for time in [i64::MIN, -1, 0, 999] {
        assert_eq!(source.make(time) >> 80, 0, "before the epoch is the epoch");
    }
    assert_eq!(source.make(i64::MAX) >> 76 & 0xf, 7, "no time is too late");
}

#[test]
fn ids_can_be_keys_and_be_sent() {
    fn is_an_id<T: EntityIdType + Ord>() -> BTreeSet<T> {
        [T::new(2), T::new(1), T::new(2)].into()
    }
    let sorted: Vec<_> = is_an_id::<OrderId>().into_iter().collect();
    assert_eq!(sorted, [OrderId::new(1), OrderId::new(2)]);
    let id = OrderId::new(5);
    assert_eq!(std::thread::spawn(move || id).join().unwrap(), id);
}

proptest! {
    #[test]
    fn every_id_comes_back_with_and_without_its_prefix(id: u128) {
        let id = EventId::new(id);
        prop_assert_eq!(id.to_string().parse(), Ok(id));
        prop_assert_eq!(format!("{:x}", id.as_u128()).parse(), Ok(id));
    }

    #[test]
    fn no_text_panics(text in ".{0,40}") {
        if let Ok(id) = text.parse::<EventId>() {
            let digits = format!("{:x}", id.as_u128());
            prop_assert!(text.to_lowercase().ends_with(&digits));
        }
    }
}
