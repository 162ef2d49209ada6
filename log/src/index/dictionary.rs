//! Dictionaries: from a key to its postings, as a tree of pages that is never changed.
//!
//! Leaves come first, in order; then the levels above them, each entry a page's first key and its
//! place in the table; the root is last.

use super::dictionary_page::{PageBuilder, PageView};
use super::header::Table;
use super::tables::TableWriter;
use super::{IndexRun, Page, Pages, Postings};
use crate::bytes::Fields;
use crate::error::LogError;

/// A dictionary being written, with its keys in order.
#[derive(Debug)]
pub(super) struct DictionaryWriter {
    leaf: PageBuilder,
    first_key: Vec<u8>,
    /// The pages of the level in hand: first key and place.
    children: Vec<(Vec<u8>, u32)>,
    keys: usize,
}

impl DictionaryWriter {
    pub(super) fn new() -> Self {
        Self {
            leaf: PageBuilder::new(0),
            first_key: Vec::new(),
            children: Vec::new(),
            keys: 0,
        }
    }

    /// Adds the next key.
    pub(super) fn add(&mut self, tables: &mut TableWriter, key: &[u8], postings: &Postings) {
        if !self.leaf.add(key, |bytes| postings.encode(bytes)) {
            self.close_leaf(tables);
            self.leaf.add(key, |bytes| postings.encode(bytes));
        }
        if self.first_key.is_empty() {
            self.first_key.extend_from_slice(key);
        }
        self.keys += 1;
    }

    /// Writes the levels above the leaves, and completes the table.
    pub(super) fn finish(mut self, tables: &mut TableWriter) {
        if !self.leaf.is_empty() {
            self.close_leaf(tables);
        }
        let mut level = 0;
        while self.children.len() > 1 {
            level += 1;
            let children = std::mem::take(&mut self.children);
            self.leaf = PageBuilder::new(level);
            for (key, place) in children {
                let place = place.to_be_bytes();
                if !self.leaf.add(&key, |bytes| bytes.extend_from_slice(&place)) {
                    self.close_leaf(tables);
                    self.leaf.add(&key, |bytes| bytes.extend_from_slice(&place));
                }
                if self.first_key.is_empty() {
                    self.first_key = key;
                }
            }
            self.close_leaf(tables);
        }
        tables.end(self.keys);
    }

    fn close_leaf(&mut self, tables: &mut TableWriter) {
        let place = tables.table_pages();
        self.children
            .push((std::mem::take(&mut self.first_key), place));
        tables.put_page(&self.leaf.take());
    }
}

/// Finds a key's postings.
pub(super) fn find(
    run: &IndexRun,
    pages: &impl Pages,
    table: Table,
    key: &[u8],
) -> Result<Option<Postings>, LogError> {
    let Some((index, page)) = find_leaf(run, pages, table, key)? else {
        return Ok(None);
    };
    let found = || {
        let view = PageView::new(page.content())?;
        let (slot, found) = view.search(key)?;
        if !found {
            return Some(None);
        }
        let (_, value) = view.entry(slot)?;
        Postings::decode(value, run).map(Some)
    };
    found().ok_or_else(|| run.damaged(table.first.saturating_add(index)))
}

/// Goes down to the leaf that holds a key, if any does; `None` where the table is empty. It ends
/// because the level of each page is below that of the one before.
fn find_leaf(
    run: &IndexRun,
    pages: &impl Pages,
    table: Table,
    key: &[u8],
) -> Result<Option<(u32, Page)>, LogError> {
    let Some(mut index) = table.pages.checked_sub(1) else {
        return Ok(None);
    };
    let mut level_expected = None;
    loop {
        let page = run.table_page(pages, table, index)?;
        let step = || {
            let view = PageView::new(page.content())?;
            let as_expected = level_expected.is_none_or(|level| level == view.level);
            let child = match view.level.checked_sub(1) {
                Some(below) => Some((below, child_for(&view, key)?)),
                None => None,
            };
            as_expected.then_some(child)
        };
        match step() {
            Some(None) => return Ok(Some((index, page))),
            Some(Some((below, child))) => (level_expected, index) = (Some(below), child),
            None => return Err(run.damaged(table.first.saturating_add(index))),
        }
    }
}

/// Returns the page below that holds a key, if any does.
fn child_for(view: &PageView<'_>, key: &[u8]) -> Option<u32> {
    let (smaller, found) = view.search(key)?;
    let slot = if found {
        smaller
    } else {
        smaller.saturating_sub(1)
    };
    let (_, value) = view.entry(slot)?;
    Fields::new(value).u32()
}

/// Goes over a dictionary's keys in order; keeps the leaf in hand. After an error it is at its
/// end.
#[derive(Debug)]
pub(super) struct KeyCursor {
    table: Table,
    index: u32,
    page: Option<Page>,
    slot: u16,
    /// The key that [`next`](Self::next) went to last.
    pub(super) key: Vec<u8>,
}

impl KeyCursor {
    /// Starts before the first key.
    pub(super) fn new(table: Table) -> Self {
        Self {
            table,
            index: 0,
            page: None,
            slot: 0,
            key: Vec::new(),
        }
    }

    /// Starts before the first key that is not below `key`.
    pub(super) fn at(
        run: &IndexRun,
        pages: &impl Pages,
        table: Table,
        key: &[u8],
    ) -> Result<Self, LogError> {
        let mut cursor = Self::new(table);
        let Some((index, page)) = find_leaf(run, pages, table, key)? else {
            return Ok(cursor);
        };
        let search = PageView::new(page.content()).and_then(|view| view.search(key));
        cursor.index = index;
        (cursor.slot, _) = search.ok_or_else(|| cursor.damaged(run))?;
        cursor.page = Some(page);
        Ok(cursor)
    }

    /// Goes to the next key; `None` behind the last one.
    pub(super) fn next(
        &mut self,
        run: &IndexRun,
        pages: &impl Pages,
    ) -> Result<Option<Postings>, LogError> {
        let next = self.advance(run, pages);
        if !matches!(next, Ok(Some(_))) {
            self.finish();
        }
        next
    }

    /// Goes behind the last key.
    pub(super) fn finish(&mut self) {
        (self.page, self.index) = (None, self.table.pages);
    }

    fn advance(
        &mut self,
        run: &IndexRun,
        pages: &impl Pages,
    ) -> Result<Option<Postings>, LogError> {
        loop {
            let page = match self.page.take() {
                Some(page) => page,
                None if self.index >= self.table.pages => return Ok(None),
                None => run.table_page(pages, self.table, self.index)?,
            };
            let view = PageView::new(page.content()).ok_or_else(|| self.damaged(run))?;
            if view.level > 0 {
                return Ok(None);
            }
            if self.slot < view.count {
                let entry = view.entry(self.slot).filter(|(key, _)| *key > &*self.key);
                let (key, value) = entry.ok_or_else(|| self.damaged(run))?;
                let postings = Postings::decode(value, run).ok_or_else(|| self.damaged(run))?;
                self.key.clear();
                self.key.extend_from_slice(key);
                self.slot += 1;
                self.page = Some(page);
                return Ok(Some(postings));
            }
            self.slot = 0;
            self.index += 1;
        }
    }

    pub(super) fn damaged(&self, run: &IndexRun) -> LogError {
        run.damaged(self.table.first.saturating_add(self.index))
    }
}
