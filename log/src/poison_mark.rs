//! The poison mark: a writer's last word about a file it no longer trusts.

use crate::fs::{Fs, create_atomically, remove_if_there};
use crate::layout::POISON_MARK_NAME;
use crate::segment::SegmentHeader;
use crate::small_file::SmallFile;
use std::io;

const FILE: SmallFile = SmallFile {
    name: POISON_MARK_NAME,
    magic: *b"FBPM",
    len: 36,
};

/// Says that a failed sync or write left bytes in a segment that may not be what was written.
///
/// After it, whole groups behind a broken one are no proof of damage, even without a reboot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoisonMark {
    /// The store that it speaks of.
    pub store_id: [u8; 16],
    /// The segment that was being written.
    pub segment_id: u64,
}

impl PoisonMark {
    /// Writes the mark as bytes; `FORMAT.md` draws them.
    pub fn encode(&self) -> Vec<u8> {
        let mut covered = self.store_id.to_vec();
        covered.extend_from_slice(&self.segment_id.to_be_bytes());
        FILE.encode(&covered)
    }

    /// Reads a mark; `None` when the bytes are not exactly one.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut fields = FILE.decode(bytes)?;
        Some(Self {
            store_id: fields.array()?,
            segment_id: fields.u64()?,
        })
    }

    /// Returns whether the mark is about this segment.
    pub fn speaks_of(&self, header: &SegmentHeader) -> bool {
        self.store_id == header.store_id && self.segment_id == header.segment.id
    }

    /// Leaves the mark in the directory.
    ///
    /// # Errors
    /// When the file system refuses, as a failing disk may.
    pub fn write(&self, fs: &dyn Fs) -> io::Result<()> {
        create_atomically(fs, POISON_MARK_NAME, &self.encode())
    }

    /// Reads the directory's mark; `None` when there is none that is whole.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn read(fs: &dyn Fs) -> io::Result<Option<Self>> {
        Ok(FILE.read(fs)?.and_then(|bytes| Self::decode(&bytes)))
    }

    /// Removes the mark; what it spoke of has been mended.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn remove(fs: &dyn Fs) -> io::Result<()> {
        remove_if_there(fs, POISON_MARK_NAME)
    }
}

#[cfg(test)]
mod tests;
