//! Ties bytes to the place they were written for.

use super::SegmentName;

/// What every checksum and marker of a segment is bound to: the store, the segment, its generation.
///
/// A frame that is copied to another offset, segment or store fails its checksum there, so that
/// payload bytes which happen to look like a frame or a group are never taken for one.
#[derive(Clone, Debug)]
pub struct Binding {
    store_id: [u8; 16],
    segment: SegmentName,
    seeded: crc32fast::Hasher,
    group_marker: [u8; 8],
    footer_marker: [u8; 8],
    trailer_marker: [u8; 8],
}

impl Binding {
    /// Binds to one segment of one store.
    pub fn new(store_id: [u8; 16], segment: SegmentName) -> Self {
        let mut seeded = crc32fast::Hasher::new();
        seeded.update(&store_id);
        seeded.update(&segment.id.to_be_bytes());
        seeded.update(&segment.generation.to_be_bytes());
        Self {
            store_id,
            segment,
            seeded,
            group_marker: marker("batpak group", &store_id),
            footer_marker: marker("batpak footer", &store_id),
            trailer_marker: marker("batpak trailer", &store_id),
        }
    }

    /// Returns the store's id.
    pub fn store_id(&self) -> [u8; 16] {
        self.store_id
    }

    /// Returns the segment's name.
    pub fn segment(&self) -> SegmentName {
        self.segment
    }

    /// Returns the eight bytes with which each of this store's groups starts.
    pub fn group_marker(&self) -> [u8; 8] {
        self.group_marker
    }

    pub(crate) fn footer_marker(&self) -> [u8; 8] {
        self.footer_marker
    }

    pub(crate) fn trailer_marker(&self) -> [u8; 8] {
        self.trailer_marker
    }

    /// Returns the checksum of `bytes` when they stand at `offset` of this segment.
    pub(crate) fn crc(&self, offset: u64, bytes: &[u8]) -> u32 {
        let mut hasher = self.seeded.clone();
        hasher.update(&offset.to_be_bytes());
        hasher.update(bytes);
        hasher.finalize()
    }
}

fn marker(domain: &str, store_id: &[u8; 16]) -> [u8; 8] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(domain.as_bytes());
    hasher.update(store_id);
    let mut bytes = [0; 8];
    hasher.finalize_xof().fill(&mut bytes);
    bytes
}
