//! Bytes as hexadecimal digits, for what JSON cannot say.

use std::fmt::Write;

/// Returns two lowercase digits for each byte.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Returns the bytes, or none when the text is not pairs of digits.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let pairs = digits.chunks_exact(2).map(|pair| {
        let pair = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(pair, 16).ok()
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back() {
        assert_eq!(encode(&[0, 0x5f, 0xff]), "005fff");
        assert_eq!(decode("005fFF"), Some(vec![0, 0x5f, 0xff]));
        assert_eq!(decode(""), Some(vec![]));
        for wrong in ["0", "zz", "+1", "ü"] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
    }
}
