//! Numbers in groups of seven bits, the lowest first; the high bit says that another follows.

/// Appends a number.
pub(super) fn put_varint(bytes: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        let [.., low] = number.to_be_bytes();
        bytes.push(low | 0x80);
        number >>= 7;
    }
    let [.., low] = number.to_be_bytes();
    bytes.push(low);
}

/// Takes a number off the bytes that `next` gives; `None` where they end or it has over 32 bits.
fn take_varint(mut next: impl FnMut() -> Option<u8>) -> Option<u32> {
    let mut number = 0_u32;
    for shift in [0, 7, 14, 21, 28] {
        let byte = next()?;
        let bits = u32::from(byte & 0x7f);
        if shift == 28 && bits > 0x0f {
            return None;
        }
        number |= bits << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// Takes a number off the front of a slice.
pub(super) fn split_varint(bytes: &mut &[u8]) -> Option<u32> {
    take_varint(|| {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        Some(*byte)
    })
}
