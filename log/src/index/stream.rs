//! The table of postings as bytes that go on over the ends of pages.

use super::{IndexRun, Page, Pages};
use crate::error::LogError;
use crate::layout::run::CONTENT_LEN;

/// Reads the table of postings; keeps two pages in hand, since a search may come to its end where
/// one goes over into the next.
#[derive(Debug, Default)]
pub(super) struct Stream {
    page: Option<(u32, Page)>,
    other: Option<(u32, Page)>,
}

impl Stream {
    /// Returns what stands in a page from `at` on: one byte at least.
    pub(super) fn from(
        &mut self,
        run: &IndexRun,
        pages: &impl Pages,
        at: u32,
    ) -> Result<&[u8], LogError> {
        let index = page_index(at);
        let is_it = |(there, _): &(u32, Page)| *there == index;
        if !self.page.as_ref().is_some_and(is_it) {
            std::mem::swap(&mut self.page, &mut self.other);
        }
        let page = match self.page.take().filter(is_it) {
            Some((_, page)) => page,
            None => run.table_page(pages, run.tables().postings, index)?,
        };
        let (_, page) = self.page.insert((index, page));
        Ok(page.content().get(slot(at)..).unwrap_or_default())
    }

    /// Returns the `N` bytes at a place.
    pub(super) fn array<const N: usize>(
        &mut self,
        run: &IndexRun,
        pages: &impl Pages,
        at: u32,
    ) -> Result<[u8; N], LogError> {
        let bytes = self.from(run, pages, at)?;
        if let Some(bytes) = bytes.first_chunk() {
            return Ok(*bytes);
        }
        let mut array = [0; N];
        for (place, at) in array.iter_mut().zip(at..=u32::MAX) {
            *place = self.from(run, pages, at)?.first().copied().unwrap_or(0);
        }
        Ok(array)
    }
}

/// Says that what stands at `at` is damaged.
pub(super) fn damaged_at(run: &IndexRun, at: u32) -> LogError {
    let table = run.tables().postings;
    run.damaged(table.first.saturating_add(page_index(at)))
}

fn page_index(at: u32) -> u32 {
    u32::try_from(at as usize / CONTENT_LEN).unwrap_or(u32::MAX)
}

fn slot(at: u32) -> usize {
    at as usize % CONTENT_LEN
}
