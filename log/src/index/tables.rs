//! Writes tables page by page.

use super::RunName;
use super::header::{Facts, Table, encode_header};
use super::page::RunBinding;
use crate::layout::run::{CONTENT_LEN, PAGE_LEN};

/// The bytes of a run being put together.
///
/// 1. [`begin`](Self::begin) a table;
/// 2. put its entries;
/// 3. [`end`](Self::end) it, and begin the next;
/// 4. [`finish`](Self::finish) writes the header.
#[derive(Debug)]
pub(super) struct TableWriter {
    binding: RunBinding,
    bytes: Vec<u8>,
    tables: Vec<(u16, Table)>,
    open: (u16, u32),
}

impl TableWriter {
    /// Starts a run, with memory for `pages` pages.
    pub(super) fn new(store_id: [u8; 16], name: &RunName, pages: usize) -> Self {
        let mut bytes = Vec::with_capacity(pages * PAGE_LEN);
        bytes.resize(PAGE_LEN, 0);
        Self {
            binding: RunBinding::new(store_id, name),
            bytes,
            tables: Vec::new(),
            open: (0, 1),
        }
    }

    /// Starts a table, on a new page.
    pub(super) fn begin(&mut self, kind: u16) {
        self.open = (kind, self.page());
    }

    /// Adds an entry, on a new page where it does not fit into this one.
    pub(super) fn put(&mut self, entry: &[u8]) {
        debug_assert!(entry.len() <= CONTENT_LEN);
        if self.used() + entry.len() > CONTENT_LEN {
            self.close_page();
        }
        self.bytes.extend_from_slice(entry);
    }

    /// Adds bytes that go on over the ends of pages.
    pub(super) fn put_stream(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.used() == CONTENT_LEN {
                self.close_page();
            }
            let room = CONTENT_LEN - self.used();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.bytes.extend_from_slice(now);
            bytes = later;
        }
    }

    /// Adds a page of its own.
    pub(super) fn put_page(&mut self, content: &[u8]) {
        self.put(content);
        self.close_page();
    }

    /// Completes the table.
    pub(super) fn end(&mut self, items: usize) {
        if self.used() > 0 {
            self.close_page();
        }
        let (kind, first) = self.open;
        let table = Table {
            first,
            pages: self.page() - first,
            items: u32::try_from(items).expect("a run has at most 2^24 events"),
        };
        self.tables.push((kind, table));
    }

    /// Returns how many pages the table in hand has so far.
    pub(super) fn table_pages(&self) -> u32 {
        self.page() - self.open.1
    }

    /// Completes the run.
    pub(super) fn finish(mut self, facts: &Facts) -> Vec<u8> {
        let mut header = encode_header(facts, self.page(), &self.tables);
        header.resize(CONTENT_LEN, 0);
        let crc = self.binding.crc(0, &header);
        header.extend_from_slice(&crc.to_be_bytes());
        if let Some(place) = self.bytes.get_mut(..PAGE_LEN) {
            place.copy_from_slice(&header);
        }
        self.bytes
    }

    fn page(&self) -> u32 {
        u32::try_from(self.bytes.len() / PAGE_LEN).expect("a run is far below 2^32 pages")
    }

    fn used(&self) -> usize {
        self.bytes.len() % PAGE_LEN
    }

    fn close_page(&mut self) {
        let start = self.bytes.len() - self.used();
        let page = self.page();
        self.bytes.resize(start + CONTENT_LEN, 0);
        let content = self.bytes.get(start..).unwrap_or_default();
        let crc = self.binding.crc(page, content);
        self.bytes.extend_from_slice(&crc.to_be_bytes());
    }
}
