//! Frames and names of segment files, for programs that look at bytes themselves.

use super::StoreError;
use batpak_log::frame::encode_frame;
use serde::Serialize;

pub use batpak_log::frame::{FrameDecodeError, frame_decode};
pub use batpak_log::layout::{SEGMENT_EXTENSION, SEGMENT_MAGIC};
pub use batpak_log::segment::{SegmentHeader, segment_filename};

/// Encodes a value as MessagePack by field name, behind its length and checksum.
///
/// Frames in a segment have the same shape, but their checksum is bound to their place.
///
/// # Errors
/// `Serialization` when the value cannot be encoded or has 4 GiB.
pub fn frame_encode<T: Serialize>(value: &T) -> Result<Vec<u8>, StoreError> {
    let body = super::payload::encode(value)?;
    encode_frame(&body).map_err(|error| StoreError::Serialization(error.into()))
}
