use super::*;
use crate::seed::seeded_random;

#[test]
fn a_frame_is_length_checksum_body() {
    // 0xCBF43926 is the published check value of CRC-32 for these nine digits.
    let frame = encode_frame(b"123456789").unwrap();
    let golden = [
        &[0, 0, 0, 9, 0xCB, 0xF4, 0x39, 0x26],
        b"123456789".as_slice(),
    ]
    .concat();
    assert_eq!(frame, golden);
    assert_eq!(encode_frame(b"").unwrap(), [0; 8]);
}

#[test]
fn decoding_returns_the_body_and_leaves_what_follows() {
    let mut buffer = encode_frame(b"body").unwrap();
    buffer.extend_from_slice(b"next");
    assert_eq!(frame_decode(&buffer).unwrap(), (b"body".as_slice(), 12));
}

#[test]
fn every_part_of_a_frame_is_incomplete() {
    let frame = encode_frame(b"body").unwrap();
    for available in 0..frame.len() {
        let expected = if available < FRAME_HEADER_LEN {
            FrameDecodeError::TooShort
        } else {
            let expected_len = frame.len();
            FrameDecodeError::Truncated {
                expected_len,
                available,
            }
        };
        assert_eq!(frame_decode(&frame[..available]), Err(expected));
    }
}

#[test]
fn every_flipped_bit_is_noticed() {
    let frame = encode_frame(b"some body").unwrap();
    for bit in 0..frame.len() * 8 {
        let mut damaged = frame.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(frame_decode(&damaged).is_err(), "bit {bit}");
    }
}

#[test]
fn a_wrong_checksum_tells_both_values() {
    let mut frame = encode_frame(b"123456789").unwrap();
    frame[4] = 0;
    let mismatch = FrameDecodeError::CrcMismatch {
        expected: 0x00F4_3926,
        actual: 0xCBF4_3926,
    };
    assert_eq!(frame_decode(&frame), Err(mismatch.clone()));
    let text = mismatch.to_string();
    assert!(
        text.contains("cbf43926") && text.contains("00f43926"),
        "{text}"
    );
}

#[test]
fn the_greatest_length_neither_overflows_nor_allocates() {
    let error = frame_decode(&[0xFF; 64]).unwrap_err();
    let FrameDecodeError::Truncated { available, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(available, 64);
}

#[test]
fn random_bytes_never_panic_and_random_bodies_come_back() {
    let mut random = seeded_random();
    for _ in 0..20_000 {
        let mut bytes = vec![0; random.usize(0..40)];
        random.fill(&mut bytes);
        if random.bool() && bytes.len() > 3 {
            bytes[..3].fill(0);
        }
        // Only a frame that was encoded decodes: the checksum of chance is one in four billion.
        if let Ok((body, used)) = frame_decode(&bytes) {
            assert_eq!(encode_frame(body).unwrap(), &bytes[..used]);
        }
        let frame = encode_frame(&bytes).unwrap();
        assert_eq!(frame_decode(&frame).unwrap(), (&*bytes, frame.len()));
    }
}
