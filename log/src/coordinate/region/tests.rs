use super::*;

const PAID: EventKind = EventKind::custom(0xF, 1);
const SENT: EventKind = EventKind::custom(0xF, 2);

#[test]
fn a_region_without_conditions_selects_everything() {
    assert!(Region::all().matches("e", "s", PAID, u32::MAX));
    assert!(Region::all().matches_event("", "", EventKind::TOMBSTONE));
}

#[test]
fn an_entity_prefix_is_plain_text_and_an_exact_entity_is_not() {
    let prefix = Region::entity("cart:1");
    for entity in ["cart:1", "cart:10", "cart:1/item"] {
        assert!(prefix.matches_event(entity, "s", PAID));
    }
    assert!(!prefix.matches_event("cart:", "s", PAID));
    let exact = Region::entity_exact("cart:1");
    assert!(exact.matches_event("cart:1", "s", PAID));
    assert!(!exact.matches_event("cart:10", "s", PAID));
}

#[test]
fn a_scope_is_exact_and_narrows_an_entity() {
    assert!(Region::scope("shop").matches_event("e", "shop", PAID));
    assert!(!Region::scope("shop").matches_event("e", "shop2", PAID));
    let region = Region::entity("cart:").with_scope("shop");
    assert!(!region.matches_event("cart:1", "billing", PAID));
    assert!(!region.matches_event("order:1", "shop", PAID));
}

#[test]
fn facts_are_selected_by_kind_or_category() {
    let exact = Region::all().with_fact(KindFilter::Exact(PAID));
    assert!(exact.matches_event("e", "s", PAID));
    assert!(!exact.matches_event("e", "s", SENT));
    let category = Region::all().with_fact_category(0xF);
    assert!(category.matches_event("e", "s", SENT));
    assert!(!category.matches_event("e", "s", EventKind::DATA));
    let any = exact.with_fact(KindFilter::Any);
    assert!(any.matches_event("e", "s", EventKind::DATA));
}

#[test]
fn a_category_over_four_bits_selects_nothing() {
    let region = Region::all().with_fact_category(0x1F);
    assert!(!region.matches_event("e", "s", PAID));
}

#[test]
fn a_clock_range_includes_both_ends() {
    let region = Region::all().with_clock_range((2, 4));
    let selected: Vec<u32> = (0..7)
        .filter(|&clock| region.matches("e", "s", PAID, clock))
        .collect();
    assert_eq!(selected, [2, 3, 4]);
    assert!(region.matches_event("e", "s", PAID), "the clock is unknown");
}

#[test]
fn an_inverted_clock_range_selects_nothing() {
    let region = Region::all().with_clock_range((4, 2));
    assert!((0..7).all(|clock| !region.matches("e", "s", PAID, clock)));
}

#[test]
fn all_conditions_must_hold() {
    let region = Region {
        entity_prefix: Some("cart:".into()),
        entity: Some("cart:7".into()),
        scope: Some("shop".into()),
        fact: Some(KindFilter::Exact(PAID)),
        clock_range: Some((1, 1)),
    };
    assert!(region.matches("cart:7", "shop", PAID, 1));
    assert!(!region.matches("cart:8", "shop", PAID, 1));
    assert!(!region.matches("cart:7", "billing", PAID, 1));
    assert!(!region.matches("cart:7", "shop", SENT, 1));
    assert!(!region.matches("cart:7", "shop", PAID, 0));
    let contradiction = Region {
        entity_prefix: Some("order:".into()),
        ..region
    };
    assert!(!contradiction.matches("cart:7", "shop", PAID, 1));
}
