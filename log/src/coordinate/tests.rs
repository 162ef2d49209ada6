use std::sync::Arc;

use super::*;

fn name_of(len: usize) -> String {
    "n".repeat(len)
}

#[test]
fn names_come_back_and_are_shown_as_entity_at_scope() {
    let coordinate = Coordinate::new("cart:7", String::from("shop")).unwrap();
    assert_eq!(coordinate.entity(), "cart:7");
    assert_eq!(coordinate.scope(), "shop");
    assert_eq!(&*coordinate.entity_arc(), "cart:7");
    assert_eq!(&*coordinate.scope_arc(), "shop");
    assert_eq!(coordinate.to_string(), "cart:7@shop");
}

#[test]
fn a_clone_shares_its_names() {
    let coordinate = Coordinate::new("cart:7", "shop").unwrap();
    let clone = coordinate.clone();
    assert!(Arc::ptr_eq(&coordinate.entity_arc(), &clone.entity_arc()));
    assert!(Arc::ptr_eq(&coordinate.scope_arc(), &clone.scope_arc()));
}

#[test]
fn empty_names_are_refused_the_entity_first() {
    let refused = |entity, scope| Coordinate::new(entity, scope).unwrap_err();
    assert_eq!(refused("", "s"), CoordinateError::EmptyEntity);
    assert_eq!(refused("e", ""), CoordinateError::EmptyScope);
    assert_eq!(refused("", ""), CoordinateError::EmptyEntity);
}

#[test]
fn the_limit_is_in_bytes_and_is_itself_accepted() {
    let max = MAX_COORDINATE_COMPONENT_LEN;
    assert!(Coordinate::new(name_of(max), name_of(max)).is_ok());
    let len = max + 1;
    assert_eq!(
        Coordinate::new(name_of(len), "s").unwrap_err(),
        CoordinateError::EntityTooLong { len, max }
    );
    assert_eq!(
        Coordinate::new("e", name_of(len)).unwrap_err(),
        CoordinateError::ScopeTooLong { len, max }
    );
    // 342 characters of 3 bytes each are 1026 bytes.
    let wide = "\u{20AC}".repeat(342);
    assert_eq!(
        Coordinate::new(wide, "s").unwrap_err(),
        CoordinateError::EntityTooLong { len: 1026, max }
    );
}

#[test]
fn shared_names_are_judged_too() {
    let refused = Coordinate::from_arcs(Arc::from(""), Arc::from("s"));
    assert_eq!(refused.unwrap_err(), CoordinateError::EmptyEntity);
}

#[test]
fn serde_carries_two_named_strings() {
    let coordinate = Coordinate::new("cart:7", "shop").unwrap();
    let text = serde_json::to_string(&coordinate).unwrap();
    assert_eq!(text, r#"{"entity":"cart:7","scope":"shop"}"#);
    let bytes = rmp_serde::to_vec_named(&coordinate).unwrap();
    let back: Coordinate = rmp_serde::from_slice(&bytes).unwrap();
    assert_eq!(back, coordinate);
}

#[test]
fn deserializing_judges_the_names() {
    let too_long = format!(r#"{{"entity":"{}","scope":"s"}}"#, name_of(1025));
    for text in [
        r#"{"entity":"","scope":"s"}"#,
        r#"{"entity":"e","scope":""}"#,
        too_long.as_str(),
    ] {
        assert!(serde_json::from_str::<Coordinate>(text).is_err(), "{text}");
    }
}
