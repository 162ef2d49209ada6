//! The public, context-free frame: `[length u32][crc32 u32][body]`, big-endian.
//!
//! Owns one pair of functions for programs that keep framed records of their own. The log's own
//! frames look alike but bind their checksum to a store, a segment and an offset, so that neither
//! can be taken for the other; never use this pair to read a segment.

use thiserror::Error;

/// The bytes before the body: its length and its checksum.
pub const FRAME_HEADER_LEN: usize = 8;

/// Says why a body cannot be framed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FrameEncodeError {
    /// The body's length does not fit into the frame's length field.
    #[error("the frame body is {len} bytes long: split it below 4 GiB")]
    TooLong {
        /// The length of the body that was given, in bytes.
        len: usize,
    },
}

/// Says why a buffer does not begin with a whole frame.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FrameDecodeError {
    /// The buffer is shorter than a frame header.
    #[error("the buffer is shorter than a frame header of 8 bytes: read more")]
    TooShort,
    /// The buffer ends before the frame does.
    #[error("the frame takes {expected_len} bytes, and only {available} are there: read more")]
    Truncated {
        /// The length of header and body together; `usize::MAX` where it does not fit.
        expected_len: usize,
        /// The length of the buffer.
        available: usize,
    },
    /// The body is not the one that was framed.
    #[error("the frame checksum is {actual:08x} instead of {expected:08x}: the body is damaged")]
    CrcMismatch {
        /// The checksum that the header holds.
        expected: u32,
        /// The checksum of the body that is there.
        actual: u32,
    },
}

/// Wraps a body into a frame.
///
/// # Errors
/// Refuses a body of 4 GiB or more.
pub fn encode_frame(body: &[u8]) -> Result<Vec<u8>, FrameEncodeError> {
    let len = body.len();
    let field = u32::try_from(len).map_err(|_| FrameEncodeError::TooLong { len })?;
    let mut frame = Vec::with_capacity(FRAME_HEADER_LEN.saturating_add(len));
    frame.extend_from_slice(&field.to_be_bytes());
    frame.extend_from_slice(&crc32fast::hash(body).to_be_bytes());
    frame.extend_from_slice(body);
    Ok(frame)
}

/// Reads the frame at the start of `buffer`.
///
/// Returns its body and how many bytes of the buffer the whole frame takes. What follows the
/// frame is not looked at.
///
/// # Errors
/// Says whether the header or the body is incomplete, or the checksum wrong. No input panics.
pub fn frame_decode(buffer: &[u8]) -> Result<(&[u8], usize), FrameDecodeError> {
    let (length, rest) = split_u32(buffer).ok_or(FrameDecodeError::TooShort)?;
    let (expected, rest) = split_u32(rest).ok_or(FrameDecodeError::TooShort)?;
    // A length that no `usize` can hold is a frame that no buffer can hold either.
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let expected_len = length.saturating_add(FRAME_HEADER_LEN);
    let Some(body) = rest.get(..length) else {
        return Err(FrameDecodeError::Truncated {
            expected_len,
            available: buffer.len(),
        });
    };
    let actual = crc32fast::hash(body);
    if actual != expected {
        return Err(FrameDecodeError::CrcMismatch { expected, actual });
    }
    Ok((body, expected_len))
}

/// Splits a big-endian number off the front.
fn split_u32(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u32::from_be_bytes(*number), rest))
}

#[cfg(test)]
mod tests;
