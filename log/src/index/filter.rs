//! Filters: may a run hold this item? A blocked Bloom filter, so that a question touches one line.

use super::hash::mix;
use crate::layout::run::{FILTER_BITS_PER_ITEM, FILTER_BITS_SET, LINE_LEN};

/// A filter being filled.
#[derive(Debug)]
pub(super) struct FilterBuilder {
    bytes: Vec<u8>,
    lines: u32,
}

impl FilterBuilder {
    /// Makes an empty filter for a number of items.
    pub(super) fn new(items: usize) -> Self {
        let lines = (items * FILTER_BITS_PER_ITEM).div_ceil(LINE_LEN * 8).max(1);
        Self {
            bytes: vec![0; lines * LINE_LEN],
            lines: u32::try_from(lines).unwrap_or(u32::MAX),
        }
    }

    /// Adds the item with this hash.
    pub(super) fn insert(&mut self, hash: u64) {
        let start = line_of(hash, self.lines) as usize * LINE_LEN;
        let line = self.bytes.get_mut(start..start + LINE_LEN);
        if let Some(line) = line {
            for (byte, mask) in bits_of(hash) {
                if let Some(byte) = line.get_mut(byte) {
                    *byte |= mask;
                }
            }
        }
    }

    /// Returns the lines, one after the other.
    pub(super) fn lines(&self) -> impl Iterator<Item = &[u8]> {
        self.bytes.chunks_exact(LINE_LEN)
    }
}

/// Returns which of a filter's lines has the bits of a hash.
pub(super) fn line_of(hash: u64, lines: u32) -> u32 {
    let scaled = (mix(hash) >> 32) * u64::from(lines);
    u32::try_from(scaled >> 32).unwrap_or_default()
}

/// Tells whether a line has all bits of a hash.
pub(super) fn may_hold(line: &[u8; LINE_LEN], hash: u64) -> bool {
    bits_of(hash).all(|(byte, mask)| line.get(byte).is_some_and(|byte| byte & mask != 0))
}

/// Returns the bits of a hash as bytes of its line and masks.
fn bits_of(hash: u64) -> impl Iterator<Item = (usize, u8)> {
    let bits = mix(!hash);
    (0..FILTER_BITS_SET).map(move |index| {
        let [.., high, low] = (bits >> (9 * index)).to_be_bytes();
        let bit = usize::from(u16::from_be_bytes([high, low]) & 0x1ff);
        (bit / 8, 0x80 >> (bit % 8))
    })
}
