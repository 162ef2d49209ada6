use serde::de::DeserializeOwned;

use super::*;
use crate::seed::seeded_random;

const ID: u128 = 0x0001_0203_0405_0607_0809_0A0B_0C0D_0E80;
const ID_BYTES_BE: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0x80];

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct One(#[serde(with = "u128_bytes")] u128);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Maybe(#[serde(with = "option_u128_bytes")] Option<u128>);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Many(#[serde(with = "vec_u128_bytes")] Vec<u128>);

/// The MessagePack form: the type byte of binary data, its length, the bytes.
fn binary(id: [u8; 16]) -> Vec<u8> {
    [&[0xC4, 16], id.as_slice()].concat()
}

/// The other form: an array of 16 small integers.
fn sequence(id: [u8; 16]) -> Vec<u8> {
    let mut bytes = vec![0xDC, 0, 16];
    for byte in id {
        if byte > 0x7F {
            bytes.push(0xCC);
        }
        bytes.push(byte);
    }
    bytes
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, rmp_serde::decode::Error> {
    rmp_serde::from_slice(bytes)
}

#[test]
fn message_pack_holds_binary_data_of_16_big_endian_bytes() {
    let encoded = rmp_serde::to_vec(&One(ID)).unwrap();
    assert_eq!(encoded, binary(ID_BYTES_BE));
    let encoded = rmp_serde::to_vec(&Maybe(Some(ID))).unwrap();
    assert_eq!(encoded, binary(ID_BYTES_BE));
    assert_eq!(rmp_serde::to_vec(&Maybe(None)).unwrap(), [0xC0]);
}

#[test]
fn message_pack_holds_a_list_as_sequences_of_16_big_endian_bytes() {
    let encoded = rmp_serde::to_vec(&Many(vec![ID, 1])).unwrap();
    let one = 1_u128.to_be_bytes();
    assert_eq!(
        encoded,
        [vec![0x92], sequence(ID_BYTES_BE), sequence(one)].concat()
    );
    assert_eq!(rmp_serde::to_vec(&Many(vec![])).unwrap(), [0x90]);
}

#[test]
fn both_forms_are_read() {
    for form in [binary(ID_BYTES_BE), sequence(ID_BYTES_BE)] {
        assert_eq!(decode::<One>(&form).unwrap(), One(ID));
        assert_eq!(decode::<Maybe>(&form).unwrap(), Maybe(Some(ID)));
        let two = [vec![0x92], form.clone(), form].concat();
        assert_eq!(decode::<Many>(&two).unwrap(), Many(vec![ID, ID]));
    }
    assert_eq!(decode::<Maybe>(&[0xC0]).unwrap(), Maybe(None));
}

#[test]
fn other_lengths_and_types_are_refused() {
    let id = ID_BYTES_BE;
    let short_binary = [&[0xC4, 15], &id[..15]].concat();
    let long_binary = [&[0xC4, 17], id.as_slice(), &[0]].concat();
    let short_sequence = [&[0xDC, 0, 15], &id[..15]].concat();
    let long_sequence = [vec![0xDC, 0, 17], sequence(id)[3..].to_vec(), vec![0]].concat();
    let text = [&[0xB0], b"0123456789abcdef".as_slice()].concat();
    let integer = vec![7];
    for wrong in [
        short_binary,
        long_binary,
        short_sequence,
        long_sequence,
        text,
        integer,
    ] {
        assert!(decode::<One>(&wrong).is_err(), "{wrong:x?}");
        assert!(decode::<Maybe>(&wrong).is_err(), "{wrong:x?}");
        let many = [vec![0x91], wrong].concat();
        assert!(decode::<Many>(&many).is_err(), "{many:x?}");
    }
    assert!(decode::<One>(&[0xC0]).is_err(), "nil is no id");
}

#[test]
fn the_refusal_says_what_was_expected() {
    let error = decode::<One>(&[0xC4, 1, 0]).unwrap_err();
    assert!(error.to_string().contains("16 big-endian bytes"), "{error}");
}

/// A claimed length of 4 billion ids must not be believed before they are there.
#[test]
fn a_long_claim_without_data_is_an_error() {
    assert!(decode::<Many>(&[0xDD, 0xFF, 0xFF, 0xFF, 0xFF]).is_err());
}

#[test]
fn random_ids_come_back_through_both_formats() {
    let mut random = seeded_random();
    for _ in 0..1_000 {
        let many = Many((0..random.usize(0..9)).map(|_| random.u128(..)).collect());
        let bytes = rmp_serde::to_vec_named(&many).unwrap();
        assert_eq!(decode::<Many>(&bytes).unwrap(), many);
        let text = serde_json::to_string(&many).unwrap();
        assert_eq!(serde_json::from_str::<Many>(&text).unwrap(), many);
        let maybe = Maybe(random.bool().then(|| random.u128(..)));
        let text = serde_json::to_string(&maybe).unwrap();
        assert_eq!(serde_json::from_str::<Maybe>(&text).unwrap(), maybe);
    }
}
