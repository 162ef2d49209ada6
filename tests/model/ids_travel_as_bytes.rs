//! The helpers for ids in a program's own types: the bytes in MessagePack, the numbers in JSON.

use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    #[serde(with = "batpak::wire::u128_bytes")]
    id: u128,
    #[serde(default, with = "batpak::wire::option_u128_bytes")]
    cause: Option<u128>,
    #[serde(with = "batpak::wire::vec_u128_bytes")]
    lines: Vec<u128>,
}

const ID: u128 = 0x0102_0304_0506_0708_090a_0b0c_0d0e_0f80;
const BIG_ENDIAN: [u8; 16] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0x80];

fn golden(cause: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x83\xa2id\xc4\x10".to_vec();
    bytes.extend(BIG_ENDIAN);
    bytes.extend(b"\xa5cause");
    bytes.extend(cause);
    bytes.extend(b"\xa5lines\x92\xdc\x00\x10");
    bytes.extend([0; 16]);
    bytes.extend(b"\xdc\x00\x10");
    bytes.extend(&BIG_ENDIAN[..15]);
    bytes.extend(b"\xcc\x80");
    bytes
}

#[test]
fn the_bytes_are_these() {
    let mut order = Order {
        id: ID,
        cause: None,
        lines: vec![0, ID],
    };
    let bytes = rmp_serde::to_vec_named(&order).unwrap();
    assert_eq!(bytes, golden(b"\xc0"));
    assert_eq!(rmp_serde::from_slice::<Order>(&bytes).unwrap(), order);
    order.cause = Some(ID);
    let bytes = rmp_serde::to_vec_named(&order).unwrap();
    let cause = [b"\xc4\x10".as_slice(), &BIG_ENDIAN].concat();
    assert_eq!(bytes, golden(&cause));
    assert_eq!(rmp_serde::from_slice::<Order>(&bytes).unwrap(), order);
}

#[test]
fn in_json_an_id_is_16_numbers() {
    let order = Order {
        id: ID,
        cause: None,
        lines: vec![ID],
    };
    let value = serde_json::to_value(&order).unwrap();
    let expected = serde_json::json!({"id": BIG_ENDIAN, "cause": null, "lines": [BIG_ENDIAN]});
    assert_eq!(value, expected);
    assert_eq!(serde_json::from_value::<Order>(value).unwrap(), order);
}

#[test]
fn bytes_in_order_are_ids_in_order() {
    let encode = |id| {
        let order = Order {
            id,
            cause: None,
            lines: vec![],
        };
        rmp_serde::to_vec_named(&order).unwrap()
    };
    let ids = [
        0,
        1,
        255,
        256,
        u128::from(u64::MAX),
        u128::MAX - 1,
        u128::MAX,
    ];
    for pair in ids.windows(2) {
        assert!(encode(pair[0]) < encode(pair[1]), "{pair:?}");
    }
}

#[test]
fn a_wrong_number_of_bytes_is_refused() {
    for length in [0, 15, 17] {
        let text = serde_json::json!({"id": vec![0; length], "lines": []});
        assert!(serde_json::from_value::<Order>(text).is_err(), "{length}");
    }
    for id in [
        serde_json::json!(7),
        serde_json::json!("7"),
        serde_json::json!(vec![256; 16]),
    ] {
        let text = serde_json::json!({"id": id, "lines": []});
        assert!(serde_json::from_value::<Order>(text).is_err());
    }
}
