//! The checkpoint: an advisory note of how far the log was proven durable.

use crate::fs::{Fs, create_atomically};
use crate::layout::CHECKPOINT_NAME;
use crate::log_position::LogPosition;
use crate::position::Hlc;
use crate::segment::SegmentName;
use crate::small_file::SmallFile;
use std::io;

const FILE: SmallFile = SmallFile {
    name: CHECKPOINT_NAME,
    magic: *b"FBCP",
    len: 128,
};

/// A position that the log reached durably. A log that ends before it has lost its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The store that it speaks of.
    pub store_id: [u8; 16],
    /// The proven position.
    pub position: LogPosition,
}

impl Checkpoint {
    /// Writes the checkpoint as bytes; `FORMAT.md` draws them.
    pub fn encode(&self) -> Vec<u8> {
        let mut covered = self.store_id.to_vec();
        covered.extend_from_slice(&self.position.segment.id.to_be_bytes());
        covered.extend_from_slice(&self.position.segment.generation.to_be_bytes());
        covered.extend_from_slice(&self.position.last_id.to_be_bytes());
        covered.extend_from_slice(&self.position.offset.to_be_bytes());
        covered.extend_from_slice(&self.position.event_count.to_be_bytes());
        covered.extend_from_slice(&self.position.next_sequence.to_be_bytes());
        covered.extend_from_slice(&self.position.hlc.wall_us.to_be_bytes());
        covered.extend_from_slice(&self.position.hlc.counter.to_be_bytes());
        covered.extend_from_slice(&[0; 14]);
        covered.extend_from_slice(&self.position.log_hash);
        FILE.encode(&covered)
    }

    /// Reads a checkpoint; `None` when the bytes are not exactly one.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut fields = FILE.decode(bytes)?;
        let store_id = fields.array()?;
        let segment = SegmentName {
            id: fields.u64()?,
            generation: fields.u32()?,
        };
        let last_id = fields.u64()?;
        let offset = fields.u64()?;
        let event_count = fields.u64()?;
        let next_sequence = fields.u64()?;
        let hlc = Hlc {
            wall_us: fields.u64()?,
            counter: fields.u16()?,
        };
        fields.array::<14>()?;
        let log_hash = fields.array()?;
        let position = LogPosition {
            segment,
            last_id,
            offset,
            event_count,
            next_sequence,
            hlc,
            log_hash,
        };
        Some(Self { store_id, position })
    }

    /// Replaces the store's checkpoint.
    ///
    /// # Errors
    /// When the file system refuses; the old checkpoint is then still there.
    pub fn write(&self, fs: &dyn Fs) -> io::Result<()> {
        create_atomically(fs, CHECKPOINT_NAME, &self.encode())
    }

    /// Reads the store's checkpoint; `None` when there is none, or none that is whole.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn read(fs: &dyn Fs) -> io::Result<Option<Self>> {
        Ok(FILE.read(fs)?.and_then(|bytes| Self::decode(&bytes)))
    }
}

#[cfg(test)]
mod tests;
