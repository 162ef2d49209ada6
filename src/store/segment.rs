//! Frames and names of segment files, for programs that look at bytes themselves.

use super::StoreError;
use batpak_log::frame::encode_frame;
use serde::Serialize;

pub use batpak_log::frame::{FrameDecodeError, frame_decode};
pub use batpak_log::layout::{SEGMENT_EXTENSION, SEGMENT_MAGIC};
pub use batpak_log::segment::{SegmentHeader, segment_filename};

/// What a compaction came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CompactionResult {
    /// How many segments were replaced by others. A file that a reader is still in goes as soon as
    /// the reader has left it.
    pub segments_removed: usize,
    /// How many bytes less the segments take on disk, those that took their place counted.
    pub bytes_reclaimed: u64,
}

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
