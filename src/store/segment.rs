//! Frames and names of segment files, for programs that look at bytes themselves.

use super::StoreError;
use batpak_log::frame::encode_frame;
use serde::{Deserialize, Serialize};

pub use batpak_log::frame::{FrameDecodeError, frame_decode};
pub use batpak_log::layout::{SEGMENT_EXTENSION, SEGMENT_MAGIC};
pub use batpak_log::segment::segment_filename;

/// What a compaction came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CompactionResult {
    /// How many segments were replaced by others. A file that a reader is still in goes as soon as
    /// the reader has left it.
    pub segments_removed: usize,
    /// How many bytes less the segments take on disk, those that took their place counted.
    pub bytes_reclaimed: u64,
}

/// The header of a segment of version 1, which the released crate writes, in MessagePack by field
/// name. Segments of this crate have another one, which `log/FORMAT.md` describes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentHeader {
    /// The version of the format; 1.
    pub version: u16,
    /// Not used; 0.
    pub flags: u16,
    /// When the segment was begun, in nanoseconds since the epoch.
    pub created_ns: i64,
    /// The segment's number.
    pub segment_id: u64,
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
