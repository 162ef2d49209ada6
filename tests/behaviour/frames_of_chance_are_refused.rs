//! The public frame functions take back what they made, and refuse whatever else they are given.

use crate::harness::*;
use batpak::store::segment::{FrameDecodeError, frame_decode, frame_encode};

/// The seed's variable for longer runs, beside the project's own.
fn rounds(count: usize) -> usize {
    let wanted = std::env::var("CHAOS_ITERATIONS").ok();
    wanted
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| scaled(count))
}

#[test]
fn random_bytes() {
    let mut random = seeded("frames of chance");
    let mut refused = 0;
    let rounds = rounds(20_000);
    for _ in 0..rounds {
        let mut bytes = vec![0; random.usize(..300)];
        random.fill(&mut bytes);
        // Half of them with a length that fits, so that the checksum decides.
        if bytes.len() >= 8 && random.bool() {
            let body = u32::try_from(bytes.len() - 8).unwrap();
            bytes[..4].copy_from_slice(&body.to_be_bytes());
        }
        refused += usize::from(frame_decode(&bytes).is_err());
    }
    assert_eq!(
        refused, rounds,
        "a frame of chance has a checksum of chance"
    );
}

#[test]
fn a_frame_cut_or_flipped_anywhere() {
    let frame = frame_encode(&("a text", 7u64, vec![1, 2, 3])).unwrap();
    let (body, length) = frame_decode(&frame).unwrap();
    assert_eq!(length, frame.len());
    let read: (String, u64, Vec<i32>) = rmp_serde::from_slice(body).unwrap();
    assert_eq!(read, ("a text".into(), 7, vec![1, 2, 3]));
    for cut in 0..frame.len() {
        let error = frame_decode(&frame[..cut]).unwrap_err();
        if cut < 8 {
            assert!(
                matches!(error, FrameDecodeError::TooShort),
                "{cut}: {error}"
            );
        } else {
            assert!(
                matches!(error, FrameDecodeError::Truncated { .. }),
                "{cut}: {error}"
            );
        }
    }
    for bit in 0..frame.len() * 8 {
        let mut flipped = frame.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let error = frame_decode(&flipped).unwrap_err();
        if bit / 8 >= 4 {
            assert!(
                matches!(error, FrameDecodeError::CrcMismatch { .. }),
                "{bit}: {error}"
            );
        }
    }
    // What follows a frame is not looked at.
    let mut longer = frame.clone();
    longer.extend([1, 2, 3]);
    assert_eq!(frame_decode(&longer).unwrap().1, frame.len());
}
