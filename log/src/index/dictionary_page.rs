//! A page of a dictionary: sorted keys with what they stand for.
//!
//! The number of entries (u16), the level (u8), a reserved byte; a directory of u16 places in the
//! page, one for each entry; the entries: length of the key, key, value.

use super::varint::{put_varint, split_varint};
use crate::bytes::Fields;
use crate::layout::run::{CONTENT_LEN, KEY_LEN_MAX};

const PREFIX_LEN: usize = 4;
const SLOT_LEN: usize = 2;

/// A page being filled.
#[derive(Debug)]
pub(super) struct PageBuilder {
    level: u8,
    /// Where each entry starts among the entries.
    starts: Vec<usize>,
    entries: Vec<u8>,
}

impl PageBuilder {
    pub(super) fn new(level: u8) -> Self {
        Self {
            level,
            starts: Vec::new(),
            entries: Vec::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// Adds an entry, or refuses one that does not fit any more.
    pub(super) fn add(&mut self, key: &[u8], put_value: impl FnOnce(&mut Vec<u8>)) -> bool {
        let start = self.entries.len();
        put_varint(
            &mut self.entries,
            u32::try_from(key.len()).unwrap_or(u32::MAX),
        );
        self.entries.extend_from_slice(key);
        put_value(&mut self.entries);
        let slots = (self.starts.len() + 1) * SLOT_LEN;
        let fits = PREFIX_LEN + slots + self.entries.len() <= CONTENT_LEN;
        if fits {
            self.starts.push(start);
        } else {
            self.entries.truncate(start);
        }
        fits
    }

    /// Returns the page's content and starts the next page.
    pub(super) fn take(&mut self) -> Vec<u8> {
        let number = |number: usize| u16::try_from(number).unwrap_or(u16::MAX).to_be_bytes();
        let mut content = Vec::with_capacity(CONTENT_LEN);
        content.extend_from_slice(&number(self.starts.len()));
        content.extend_from_slice(&[self.level, 0]);
        let entries_at = PREFIX_LEN + self.starts.len() * SLOT_LEN;
        for start in self.starts.drain(..) {
            content.extend_from_slice(&number(entries_at + start));
        }
        content.append(&mut self.entries);
        content
    }
}

/// A page being read.
#[derive(Clone, Copy, Debug)]
pub(super) struct PageView<'a> {
    content: &'a [u8],
    pub(super) count: u16,
    /// 0 for a leaf.
    pub(super) level: u8,
}

impl<'a> PageView<'a> {
    /// Takes a page's content; `None` when it has no entries or its directory does not fit.
    pub(super) fn new(content: &'a [u8]) -> Option<Self> {
        let mut fields = Fields::new(content);
        let (count, level) = (fields.u16()?, fields.u8()?);
        let fits = PREFIX_LEN + usize::from(count) * SLOT_LEN <= content.len();
        (count > 0 && fits).then_some(Self {
            content,
            count,
            level,
        })
    }

    /// Returns the key of an entry, and what stands behind it. A key that no page was written with
    /// is refused, since nobody could write it again.
    pub(super) fn entry(&self, index: u16) -> Option<(&'a [u8], &'a [u8])> {
        let slot = self
            .content
            .get(PREFIX_LEN + usize::from(index) * SLOT_LEN..)?;
        let start = usize::from(Fields::new(slot).u16()?);
        let mut rest = self.content.get(start..)?;
        let length = split_varint(&mut rest)?;
        let key = rest.split_at_checked(length as usize);
        key.filter(|(key, _)| key.len() <= KEY_LEN_MAX)
    }

    /// Returns how many keys are smaller than `key`, and whether the next one is `key` itself.
    pub(super) fn search(&self, key: &[u8]) -> Option<(u16, bool)> {
        let (mut low, mut high, mut found) = (0, self.count, false);
        while low < high {
            let middle = low + (high - low) / 2;
            let (there, _) = self.entry(middle)?;
            if there < key {
                low = middle + 1;
            } else {
                high = middle;
                found |= there == key;
            }
        }
        Some((low, found))
    }
}
